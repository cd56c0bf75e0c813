// Verifies a clip offline with public keys only, by either document. Full manifest: the device signed for the clip under a grant of its
// own owner. Statement: signed with the key of one grant, which the bridge's receipt confirms; documents disclosed in a dispute link it
// to the full manifest. Both: the bridge accepted and logged the clip, and the file parses as strictly as on device and bridge.

import { sha256, sha256Hex, sha256Stream, verifySignature } from '@doorsill/base/keys';
import { fromBase64url } from '@doorsill/contract/bytes';
import { type FactsFault, faultOfFacts } from '@doorsill/contract/clip-facts';
import { commitmentOf, SALT_BYTES } from '@doorsill/contract/commitment';
import { failure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { openBySigner, parseToken, type TokenType } from '@doorsill/contract/jws';
import {
  Certificate,
  type IntakeReceipt,
  Manifest,
  STATEMENT_TIME_STEP_US,
  Statement,
} from '@doorsill/contract/manifest';
import type { FileTables } from '@doorsill/contract/media/clip-file-check';
import { faultOfTimes } from '@doorsill/contract/media/clip-times';
import { clipHeadBytesMax, readClipFile } from '@doorsill/contract/media/read-clip-file';
import { Grant, Pairing } from '@doorsill/contract/owner-orders';
import { parseJson } from '@doorsill/contract/parse-json';
import { disclosedKeys, innerClip, sealedBytesOf } from '@doorsill/contract/sealing';
import { PUBLIC_AUDIENCE, windowWithin } from '@doorsill/contract/shared-claims';
import { statementClaims } from '@doorsill/contract/statement-from-manifest';
import { type VerifiedCustody, verifyCustody } from '@doorsill/contract/verify-custody';
import { z } from 'zod';

/** The documents that the clip was verified by: full manifest, statement, or statement with the manifest that it commits to. */
export type Chain = 'manifest' | 'statement' | 'statement and manifest';

/** Result of a verification. */
export interface VerifiedClip {
  chain: Chain;
  /** The claims of the given document. */
  manifest: Manifest | Statement;
  /** The owner's grant and its device; null for a statement alone, which names neither. */
  grant: Grant | null;
  device: string | null;
  /** The bridge's receipt, if given. */
  receipt: IntakeReceipt | null;
  /** The clip's place in the bridge's log, if a proof was given. */
  custody: VerifiedCustody | null;
}

/** Values that the verifier knows from elsewhere. If one is absent, the documents are only checked against each other. */
export interface ExpectedClip {
  device?: string;
  bridgeKey?: string;
  receipt?: string;
  /** The text of `proof.json`; only with a receipt. */
  proof?: string;
  /** Witnesses, all of which must have cosigned the proof's head. */
  witnessKeys?: readonly string[];
  /** Documents that the bridge disclosed in a dispute, as JSON text with `manifest` and `certificate`; only with a statement. */
  opened?: string;
}

const openedSchema = z.object({ manifest: z.string(), certificate: z.string().optional() });

/** A clip's parsed documents. */
interface Documents {
  chain: Chain;
  manifest: Manifest | Statement;
  grantId: string;
  grant: Grant | null;
  device: string | null;
}

/**
 * Verifies a clip (its bytes in order), its manifest or statement and, if given, the bridge's receipt and the proof that it is in the
 * bridge's log. Throws `verify_failed` with the first fault.
 */
export async function verifyClip(
  clip: AsyncIterable<Uint8Array>,
  token: string,
  expected: ExpectedClip = {},
): Promise<VerifiedClip> {
  // The documents first: they are smaller than the clip.
  const documents = isStatement(token) ? readStatement(token, expected) : readManifest(token, expected);
  const { manifest, chain, grant, device } = documents;
  const { receipt, custody } = checkCustody(documents, token, expected);
  const stepUs = 'home' in manifest ? STATEMENT_TIME_STEP_US : 0;
  refuseFault(faultOfFacts(manifest, stepUs));
  refuseFault(faultOfTimes(await checkBytes(clip, manifest), manifest, stepUs));
  return { chain, manifest, grant, device, receipt, custody };
}

function checkCustody(
  { manifest, grantId, device }: Documents,
  token: string,
  { receipt, proof, bridgeKey, witnessKeys = [] }: ExpectedClip,
): Pick<VerifiedClip, 'receipt' | 'custody'> {
  const isLost = (receipt === undefined && proof !== undefined) || (proof === undefined && witnessKeys.length > 0);
  if (isLost) fail('a proof of custody needs the receipt it is about');
  if (receipt === undefined) return { receipt: null, custody: null };
  const documentSha256 = sha256Hex(token);
  const known = {
    clip: manifest.jti,
    grant: grantId,
    request: manifest.request,
    recipient: manifest.aud,
    device,
    clipSha256: manifest.clipSha256,
    clipBytes: manifest.clipBytes,
    ...('home' in manifest ? { statementSha256: documentSha256 } : { manifestSha256: documentSha256 }),
  };
  const documents = {
    receipt,
    witnessKeys,
    ...(bridgeKey === undefined ? {} : { bridgeKey }),
    ...(proof === undefined ? {} : { proof }),
  };
  return verifyCustody(known, documents, { sha256, sha256Hex, verify: verifySignature });
}

const statementHeaderSchema = z.object({ typ: z.literal('doorsill-statement+jws') });

function isStatement(token: string): boolean {
  return statementHeaderSchema.safeParse(parseToken(token)?.header).success;
}

/** The chain for owner and bridge: a device, an owner paired with it, that owner's grant. */
function readManifest(token: string, expected: ExpectedClip): Documents & { manifest: Manifest } {
  if (expected.opened !== undefined)
    fail('documents disclosed in a dispute belong to a statement, and this is the full manifest');
  const manifest = openBySelf(token, 'doorsill-manifest+jws', Manifest, 'the manifest');
  if (manifest.device !== actorId('device', sha256Hex(manifest.iss)))
    fail('the manifest is not signed by the device it names');
  if (expected.device !== undefined && manifest.device !== expected.device) fail('the manifest is of another device');
  const pairing = openBySelf(manifest.pairing, 'doorsill-pairing+jws', Pairing, 'the pairing statement');
  if (pairing.iss !== manifest.iss || pairing.device !== manifest.device || pairing.aud !== PUBLIC_AUDIENCE) {
    fail('the pairing statement is not of this device');
  }
  const grant = openBySelf(manifest.grant, 'doorsill-grant+jws', Grant, 'the grant');
  if (grant.iss !== pairing.key) fail('the grant is not signed by the paired owner');
  if (grant.aud !== manifest.device) fail('the grant is for another device');
  if (grant.request !== manifest.request) fail('the grant is for another request');
  checkAgainstGrant(manifest, grant);
  return { chain: 'manifest', manifest, grant, grantId: grant.jti, device: manifest.device };
}

/** The chain for vault, agency and pet owner: the key of one grant and, if disclosed in a dispute, the full manifest. */
function readStatement(token: string, expected: ExpectedClip): Documents {
  const { opened, device } = expected;
  const statement = openBySelf(token, 'doorsill-statement+jws', Statement, 'the statement');
  if (statement.home !== actorId('home', sha256Hex(statement.iss)))
    fail('the statement names another home than that of its key');
  const { coverage, gaps, window } = statement;
  if (![coverage, ...gaps].every((span) => windowWithin(span, window))) fail('the clip reaches outside the window');
  checkSealed(statement);
  if (opened !== undefined) {
    const full = checkOpened(statement, token, opened, expected);
    return { ...full, chain: 'statement and manifest', manifest: statement };
  }
  if (device !== undefined)
    fail('a statement names no device: only the full manifest does, which its bridge can disclose');
  return { chain: 'statement', manifest: statement, grantId: statement.grant, grant: null, device: null };
}

/** Checks that the statement commits to the manifest, that the device certified it, and that both state the same about the clip. */
function checkOpened(statement: Statement, token: string, text: string, expected: ExpectedClip): Documents {
  const parsed = openedSchema.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.certificate === undefined)
    return fail('the disclosed documents hold no certificate');
  const { opened: _opened, ...rest } = expected;
  const full = readManifest(parsed.data.manifest, rest);
  const { certificate: certificateToken, manifest: manifestToken } = parsed.data;
  const certificate = openBySelf(certificateToken, 'doorsill-certificate+jws', Certificate, 'the certificate');
  const { manifest, grantId } = full;
  if (certificate.iss !== manifest.iss || certificate.device !== manifest.device) {
    fail('the certificate is of another device than the manifest');
  }
  if (certificate.statementSha256 !== sha256Hex(token) || certificate.key !== statement.iss) {
    fail('the certificate is for another statement');
  }
  const salt = fromBase64url(certificate.salt);
  const commitment = salt?.length === SALT_BYTES ? commitmentOf(salt, manifestToken, sha256) : null;
  if (commitment !== statement.manifestCommitment) return fail('the statement does not commit to this manifest');
  const under = { key: statement.iss, home: statement.home, grant: grantId, commitment };
  const due = Statement.parse(statementClaims(manifest, under));
  if (JSON.stringify(due) !== JSON.stringify(Statement.parse(statement))) {
    fail('statement and manifest differ about the clip');
  }
  return full;
}

/** The stated facts must be possible, and true of the file. */
function refuseFault(fault: FactsFault | null): void {
  if (fault) fail(`the stated facts about the clip are wrong: ${fault.detail}`);
}

/** The bytes must be the signed ones, and a plain recording: nothing is hidden in its boxes. Returns its tables. */
async function checkBytes(
  clip: AsyncIterable<Uint8Array>,
  manifest: Pick<Manifest, 'clipBytes' | 'clipSha256' | 'sealed' | 'frames' | 'audioPackets'>,
): Promise<FileTables> {
  const hash = sha256Stream();
  const stated = innerClip(manifest);
  const head = new Uint8Array(Math.min(clipHeadBytesMax(manifest), stated.clipBytes));
  let bytes = 0;
  for await (const part of clip) {
    hash.update(part);
    if (bytes < head.length) head.set(part.subarray(0, head.length - bytes), bytes);
    bytes += part.length;
  }
  if (bytes !== stated.clipBytes) fail(`the clip has ${bytes} bytes, its manifest says ${stated.clipBytes}`);
  if (hash.digestHex() !== stated.clipSha256) fail('the clip is not the one its manifest names');
  const file = { sizeBytes: bytes, read: async (at: number, length: number) => head.subarray(at, at + length) };
  return readClipFile(file, manifest, (detail) =>
    failure('verify_failed', { detail: `the clip is not a plain recording: ${detail}` }),
  );
}

/** The footage and keys that the manifest lists must be exactly what the grant allows. */
function checkAgainstGrant(manifest: Manifest, grant: Grant): void {
  const sameWindow = manifest.window.startUs === grant.window.startUs && manifest.window.endUs === grant.window.endUs;
  if (!sameWindow) fail('the window is not the granted one');
  const { coverage } = manifest;
  if (coverage.startUs < grant.window.startUs || coverage.endUs > grant.window.endUs)
    fail('the clip reaches outside the window');
  const { sealing } = grant.recipient;
  const { sealed } = manifest;
  if (sealed?.recipientKey !== sealing?.key) fail('the clip is not encrypted as granted');
  if (sealed && sealed.grantSha256 !== sha256Hex(manifest.grant)) fail('its content key is bound to another grant');
  checkSealed(manifest);
  if (disclosedKeys(manifest).join() !== grant.disclose.join()) fail('the disclosed facts are not the granted ones');
  if (!grant.audio && manifest.audioPackets > 0) fail('there is sound that was not granted');
  if (grant.zones.length > 0 !== manifest.redacted) fail('the clip is not redacted as granted');
  const inner = innerClip(manifest);
  if (inner.clipBytes > grant.byteLimit) fail('the clip is larger than granted');
  if (grant.clipSha256 !== undefined && grant.clipSha256 !== inner.clipSha256)
    fail('the grant names another clip, the one that its owner previewed');
}

/** An encrypted clip's file has the size that follows from its clip, and every disclosed fact is in it. */
function checkSealed({ sealed, clipBytes, disclosed }: Pick<Manifest, 'sealed' | 'clipBytes' | 'disclosed'>): void {
  if (!sealed) return;
  if (clipBytes !== sealedBytesOf(sealed.clipBytes)) fail('the encrypted file has not the size of its clip');
  if (Object.keys(disclosed).length > 0) fail('it discloses facts that are not encrypted');
}

/** Opens a token with the key that it names; the caller must check that it is the right key. */
function openBySelf<Schema extends z.ZodType<{ iss: string; aud: string }>>(
  token: string,
  typ: TokenType,
  schema: Schema,
  what: string,
): z.infer<Schema> {
  const opened = openBySigner(token, { typ, schema, verify: verifySignature });
  return opened.ok ? opened.claims : fail(`${what} ${opened.why}`);
}

function fail(detail: string): never {
  throw failure('verify_failed', { detail });
}
