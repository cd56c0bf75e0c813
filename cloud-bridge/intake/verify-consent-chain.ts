// Re-verifies, before any byte is accepted, the whole chain that a clip's manifest claims: device, owner, request, agency, window,
// disclosure. The device's claims count only as far as its owner or the agency signed them.
import { sha256Hex } from '@doorsill/base/keys';
import { ALL_CLIPS } from '@doorsill/contract/agency-calls';
import { faultOfFacts } from '@doorsill/contract/clip-facts';
import { failure } from '@doorsill/contract/errors';
import { Manifest } from '@doorsill/contract/manifest';
import { CLOCK_SKEW_S_MAX, Grant, Pairing } from '@doorsill/contract/owner-orders';
import { disclosedKeys, innerClip, sealedBytesOf } from '@doorsill/contract/sealing';
import {
  DISCLOSURE_PROFILES,
  LIFE_S_MAX,
  PUBLIC_AUDIENCE,
  type Window,
  windowWithin,
} from '@doorsill/contract/shared-claims';
import { peekToken, readLink, tryToken } from '../signing/verify-token.ts';
import type { AnswerableKinds, AnswerableRequest } from './answerable-request.ts';
import type { Presented } from './verify-upload-token.ts';

/** The verified claims of the chain. */
export interface Judged {
  manifest: Manifest;
  grant: Grant;
  grantSha256: string;
  answerable: AnswerableRequest;
}

/** Verifies the manifest alone: the presenting device must have signed it, about this very upload. Throws `intake_manifest_invalid`. */
export function readManifest(manifestToken: string, presented: Presented): Manifest {
  const { token, deviceKey } = presented;
  const refuse = (detail: string) => failure('intake_manifest_invalid', { detail });
  if (sha256Hex(manifestToken) !== token.manifestSha256) throw refuse('it is not the one that the upload token names');
  const { aud } = peekToken(manifestToken, Manifest);
  const manifest = readLink(
    manifestToken,
    { typ: 'doorsill-manifest+jws', schema: Manifest, audience: aud, keys: [deviceKey] },
    'intake_manifest_invalid',
    'manifest',
  );
  if (manifest.device !== token.device) throw refuse('it is another device’s');
  if (manifest.clipSha256 !== token.clipSha256 || manifest.clipBytes !== token.clipBytes) {
    throw refuse('it is about another clip than the upload token');
  }
  if (manifest.jti === ALL_CLIPS) throw refuse('its id is not a clip’s');
  return manifest;
}

/** The owner key for which the device vouches in a valid pairing statement; null otherwise. */
export function pairedKey(pairingToken: string, device: string, deviceKey: string): string | null {
  const pairing = tryToken(pairingToken, {
    typ: 'doorsill-pairing+jws',
    schema: Pairing,
    audience: PUBLIC_AUDIENCE,
    keys: [deviceKey],
  });
  return pairing.ok && pairing.claims.device === device ? pairing.claims.key : null;
}

/** A grant signed by a key the device vouches for; throws `intake_grant_invalid`. */
export function readGrant(grantToken: string, pairingToken: string, device: string, deviceKey: string): Grant {
  const owner = pairedKey(pairingToken, device, deviceKey);
  if (owner === null) throw failure('intake_grant_invalid', { detail: 'the pairing statement is not this device’s' });
  return readLink(
    grantToken,
    { typ: 'doorsill-grant+jws', schema: Grant, audience: device, keys: [owner] },
    'intake_grant_invalid',
    'grant',
  );
}

/**
 * Verifies a manifest that `readManifest` has read. Throws `intake_manifest_invalid`, `intake_grant_invalid`, what `faultOfFacts` finds,
 * `request_not_live`, `partner_...`. The agency's good standing and revocation of the grant are checked elsewhere.
 */
export async function judge(
  manifest: Manifest,
  presented: Presented,
  answerables: AnswerableKinds,
  nowS: number,
): Promise<Judged> {
  const { token, deviceKey } = presented;
  const grant = readGrant(manifest.grant, manifest.pairing, token.device, deviceKey);
  if (grant.jti !== token.grant)
    throw failure('intake_grant_invalid', { detail: 'the upload token names another one' });
  checkGrantLife(grant, nowS);
  const answerable = await answerables[grant.recipient.kind].find(grant.request);
  checkGrant(grant, answerable);
  checkManifest(manifest, grant, answerable);
  return { manifest, grant, grantSha256: sha256Hex(manifest.grant), answerable };
}

function checkGrantLife(grant: Grant, nowS: number): void {
  const refuse = (detail: string) => failure('intake_grant_invalid', { detail });
  if (nowS >= grant.exp) throw refuse('it has expired');
  if (grant.iat > nowS + CLOCK_SKEW_S_MAX) throw refuse('it is dated in the future');
  if (grant.exp - grant.iat > LIFE_S_MAX.grant) throw refuse('it lives too long');
}

function checkGrant(grant: Grant, answerable: AnswerableRequest): void {
  const refuse = (detail: string) => failure('intake_grant_invalid', { detail });
  if (grant.requestSha256 !== answerable.tokenSha256) throw refuse('it answers other bytes of the request');
  // A clip may arrive after its request has ended, but consent must have been given while it was open.
  if (grant.iat >= answerable.expS) throw refuse('it was signed after the request had expired');
  if (grant.recipient.kind !== answerable.recipient.kind || grant.recipient.key !== answerable.recipient.key) {
    throw refuse('its recipient did not make the request');
  }
  if (!windowWithin(grant.window, answerable.window)) throw refuse('its window is not inside the request’s');
  const asked: readonly string[] = DISCLOSURE_PROFILES[answerable.profile];
  if (grant.disclose.some((key) => !asked.includes(key))) throw refuse('it discloses more than was asked for');
}

function checkManifest(manifest: Manifest, grant: Grant, answerable: AnswerableRequest): void {
  const refuse = (detail: string) => failure('intake_manifest_invalid', { detail });
  if (manifest.request !== grant.request) throw refuse('it names another request than its grant');
  if (manifest.aud !== answerable.recipient.id) throw refuse('it is addressed to somebody else than the requester');
  if (!sameWindow(manifest.window, grant.window)) throw refuse('its window is not the granted one');
  if (![manifest.coverage, ...manifest.gaps].every((span) => windowWithin(span, grant.window))) {
    throw refuse('it covers more than the granted window');
  }
  const inner = innerClip(manifest);
  if (inner.clipBytes > grant.byteLimit) throw refuse('the clip is longer than the grant allows');
  if (grant.clipSha256 !== undefined && grant.clipSha256 !== inner.clipSha256)
    throw refuse('the owner granted another clip, which they had looked at');
  if (!grant.audio && manifest.audioPackets > 0) throw refuse('it has audio that was not granted');
  if (grant.zones.length > 0 !== manifest.redacted) throw refuse('it is not redacted as granted');
  const sealing = faultOfSealing(manifest, grant);
  if (sealing) throw refuse(sealing);
  if (disclosedKeys(manifest).join() !== grant.disclose.join()) throw refuse('it discloses other facts than granted');
  const fault = faultOfFacts(manifest, 0);
  if (fault) throw failure(fault.code, { detail: fault.detail });
}

/** What is wrong with how a clip is encrypted; null if it is as granted. Whether it opens, only its recipient can tell. */
function faultOfSealing({ sealed, clipBytes, disclosed, grant: grantToken }: Manifest, grant: Grant): string | null {
  const { sealing } = grant.recipient;
  if (!sealed || !sealing) return sealed || sealing ? 'it is not encrypted as granted' : null;
  if (sealed.recipientKey !== sealing.key) return 'it is encrypted to another key than granted';
  if (sealed.grantSha256 !== sha256Hex(grantToken)) return 'its content key is bound to another grant';
  if (clipBytes !== sealedBytesOf(sealed.clipBytes)) return 'its encrypted file has not the size of its clip';
  return Object.keys(disclosed).length > 0 ? 'it discloses facts that are not encrypted' : null;
}

function sameWindow(a: Window, b: Window): boolean {
  return a.startUs === b.startUs && a.endUs === b.endUs;
}
