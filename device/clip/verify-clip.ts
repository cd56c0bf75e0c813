// Owns: what anyone can check about a clip, offline and with public keys alone: that it is the one its manifest names, that the
// device vouches for it under a grant of its own owner, and that the bridge took it in, in its log.
// Not here: how it was cut (self-check.ts, on the device), the arithmetic of the log (protocol/merkle.ts).
import type { z } from 'zod';
import { parseJson } from '../base/json.ts';
import { sha256, sha256Hex, sha256Stream, verifySignature } from '../base/keys.ts';
import { PUBLIC_AUDIENCE } from '../protocol/claims.ts';
import { FACTS, openProof } from '../protocol/custody.ts';
import { failure } from '../protocol/errors.ts';
import { type Grant, grantSchema, pairingSchema } from '../protocol/grant.ts';
import { actorId } from '../protocol/ids.ts';
import { openToken, parseToken, type TokenType } from '../protocol/jws.ts';
import { type IntakeReceipt, intakeReceiptSchema, type Manifest, manifestSchema } from '../protocol/manifest.ts';

/** What verification established. */
export interface VerifiedClip {
  manifest: Manifest;
  grant: Grant;
  /** The bridge's receipt, when one was given. */
  receipt: IntakeReceipt | null;
  /** Where the bridge's log tells it, when a proof was given. */
  custody: VerifiedCustody | null;
}

/** What a proof of custody established. */
export interface VerifiedCustody {
  leaf: number;
  /** Leaves in the log, and when the bridge signed that, in seconds since 1970. */
  size: number;
  headS: number;
  /** When the clip was taken in, in seconds since 1970. */
  takenS: number;
  witnesses: string[];
}

/** What the reader knows from elsewhere. What is absent, the documents only vouch for among each other. */
export interface ExpectedClip {
  device?: string;
  bridgeKey?: string;
  receipt?: string;
  /** The text of `proof.json`; only with a receipt. */
  proof?: string;
  /** Witnesses that must all have cosigned the proof's head. */
  witnessKeys?: readonly string[];
}

/**
 * Verifies a clip (its bytes in order), its manifest and, where there are such, the bridge's receipt and the proof that it is in
 * the bridge's log. Throws `verify_failed` with the first thing that does not hold.
 */
export async function verifyClip(
  clip: AsyncIterable<Uint8Array>,
  manifestToken: string,
  expected: ExpectedClip = {},
): Promise<VerifiedClip> {
  const manifest = openBySelf(manifestToken, 'doorsill-manifest+jws', manifestSchema, 'the manifest');
  if (manifest.device !== actorId('device', sha256Hex(manifest.iss)))
    fail('the manifest is not signed by the device it names');
  if (expected.device !== undefined && manifest.device !== expected.device) fail('the manifest is of another device');

  const pairing = openBySelf(manifest.pairing, 'doorsill-pairing+jws', pairingSchema, 'the pairing statement');
  if (pairing.iss !== manifest.iss || pairing.device !== manifest.device || pairing.aud !== PUBLIC_AUDIENCE) {
    fail('the pairing statement is not of this device');
  }
  const grant = openBySelf(manifest.grant, 'doorsill-grant+jws', grantSchema, 'the grant');
  if (grant.iss !== pairing.key) fail('the grant is not signed by the paired owner');
  if (grant.aud !== manifest.device) fail('the grant is for another device');
  if (grant.request !== manifest.request) fail('the grant is for another request');
  checkAgainstGrant(manifest, grant);

  // The papers first: they are shorter than the clip.
  const receipt =
    expected.receipt === undefined ? null : checkReceipt(expected.receipt, expected.bridgeKey, manifest, manifestToken);
  if (receipt && receipt.grant !== grant.jti) fail('the receipt is for another grant');
  const custody = checkProof(expected, receipt, manifest);
  await checkBytes(clip, manifest);
  return { manifest, grant, receipt, custody };
}

async function checkBytes(clip: AsyncIterable<Uint8Array>, manifest: Manifest): Promise<void> {
  const hash = sha256Stream();
  let bytes = 0;
  for await (const part of clip) {
    hash.update(part);
    bytes += part.length;
  }
  if (bytes !== manifest.clipBytes) fail(`the clip has ${bytes} bytes, its manifest says ${manifest.clipBytes}`);
  if (hash.digestHex() !== manifest.clipSha256) fail('the clip is not the one its manifest names');
}

/** What the manifest says was sent must be what the grant allows, to the microsecond and to the key. */
function checkAgainstGrant(manifest: Manifest, grant: Grant): void {
  const sameWindow = manifest.window.startUs === grant.window.startUs && manifest.window.endUs === grant.window.endUs;
  if (!sameWindow) fail('the window is not the granted one');
  const { coverage } = manifest;
  if (coverage.startUs < grant.window.startUs || coverage.endUs > grant.window.endUs)
    fail('the clip reaches outside the window');
  const disclosed = Object.keys(manifest.disclosed).sort().join();
  if (disclosed !== [...grant.disclose].sort().join()) fail('the disclosed facts are not the granted ones');
  if (!grant.audio && manifest.audioPackets > 0) fail('there is sound that was not granted');
  if (grant.zones.length > 0 && !manifest.redacted) fail('the redaction that was asked for is missing');
  if (manifest.clipBytes > grant.byteLimit) fail('the clip is larger than granted');
}

function checkReceipt(
  token: string,
  bridgeKey: string | undefined,
  manifest: Manifest,
  manifestToken: string,
): IntakeReceipt {
  const receipt = openBySelf(token, 'doorsill-intake+jws', intakeReceiptSchema, 'the receipt');
  if (bridgeKey !== undefined && receipt.iss !== bridgeKey) fail('the receipt is of another bridge');
  if (receipt.aud !== manifest.device || receipt.outcome !== 'stored') fail('the receipt is not for this clip');
  if (receipt.clipSha256 !== manifest.clipSha256 || receipt.clipBytes !== manifest.clipBytes)
    fail('the receipt is for another clip');
  if (receipt.manifestSha256 !== sha256Hex(manifestToken)) fail('the receipt is for another manifest');
  return receipt;
}

/** The leaf must be in a tree that the receipt's own signer vouches for, and be about exactly this receipt and clip. */
function checkProof(
  { proof, receipt: receiptToken, witnessKeys = [] }: ExpectedClip,
  receipt: IntakeReceipt | null,
  manifest: Manifest,
): VerifiedCustody | null {
  if (proof === undefined || receiptToken === undefined || !receipt) {
    if (proof !== undefined || witnessKeys.length > 0) fail('a proof of custody needs the receipt it is about');
    return null;
  }
  const opened = openProof(proof, { sha256, verify: verifySignature });
  if ('why' in opened) return fail(opened.why);
  const { leaf, entry, head, witnesses } = opened;
  const facts = FACTS.intake.safeParse(parseJson(opened.facts));
  if (entry.kind !== 'intake' || !facts.success) return fail('the leaf is not about an intake');
  if (head.iss !== receipt.iss) fail('the tree head is of another bridge than the receipt');
  const told = facts.data;
  const isAboutIt =
    told.receiptSha256 === sha256Hex(receiptToken) &&
    told.clip === manifest.jti &&
    told.grant === receipt.grant &&
    told.request === manifest.request &&
    told.agency === manifest.aud &&
    told.clipSha256 === manifest.clipSha256 &&
    told.clipBytes === manifest.clipBytes &&
    told.manifestSha256 === receipt.manifestSha256;
  if (!isAboutIt) fail('the leaf is about another receipt or clip');
  const missing = witnessKeys.find((key) => !witnesses.includes(key));
  if (missing !== undefined) fail(`the witness ${missing} has not cosigned the tree head`);
  return { leaf, size: head.size, headS: head.iat, takenS: entry.atS, witnesses };
}

/** Opens a token with the key it names: whether that key is the right one is the caller's next question. */
function openBySelf<Schema extends z.ZodType<{ iss: string; aud: string }>>(
  token: string,
  typ: TokenType,
  schema: Schema,
  what: string,
): z.infer<Schema> {
  const claims = schema.safeParse(parseToken(token)?.claims);
  if (!claims.success) return fail(`${what} is not a valid document`);
  const { iss, aud } = claims.data;
  const opened = openToken(token, { typ, schema, audience: aud, keys: [iss], verify: verifySignature });
  return opened.ok ? opened.claims : fail(`${what} does not verify (${opened.fault})`);
}

function fail(detail: string): never {
  throw failure('verify_failed', { detail });
}
