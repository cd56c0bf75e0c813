// Owns: what anyone can check about a clip, offline and with public keys alone: that it is the one its manifest names, and
// that the device vouches for it under a grant of its own owner. Not here: how it was cut (self-check.ts, on the device).

import type { z } from 'zod';
import { sha256Hex, sha256Stream, verifySignature } from '../base/keys.ts';
import { PUBLIC_AUDIENCE } from '../protocol/claims.ts';
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
}

/**
 * Verifies a clip (its bytes in order), its manifest and, where there is one, the bridge's receipt. `expected.device` and
 * `expected.bridgeKey` are what the reader knows from elsewhere; absent, the documents only vouch for each other.
 * Throws `verify_failed` with the first thing that does not hold.
 */
export async function verifyClip(
  clip: AsyncIterable<Uint8Array>,
  manifestToken: string,
  expected: { device?: string; bridgeKey?: string; receipt?: string } = {},
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

  const hash = sha256Stream();
  let bytes = 0;
  for await (const part of clip) {
    hash.update(part);
    bytes += part.length;
  }
  if (bytes !== manifest.clipBytes) fail(`the clip has ${bytes} bytes, its manifest says ${manifest.clipBytes}`);
  if (hash.digestHex() !== manifest.clipSha256) fail('the clip is not the one its manifest names');
  const receipt =
    expected.receipt === undefined ? null : checkReceipt(expected.receipt, expected.bridgeKey, manifest, manifestToken);
  return { manifest, grant, receipt };
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
