// The verification of a consent chain at the limit of each of its rules, with the text of each refusal.
import { describe, expect, it } from 'vitest';
import type { AnswerableKinds, AnswerableRequest } from '../../../cloud-bridge/intake/answerable-request.ts';
import { judge, pairedKey, readGrant, readManifest } from '../../../cloud-bridge/intake/verify-consent-chain.ts';
import type { Presented } from '../../../cloud-bridge/intake/verify-upload-token.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { failure } from '../../../device/contract/errors.ts';
import type { Manifest, UploadToken } from '../../../device/contract/manifest.ts';
import type { Grant } from '../../../device/contract/owner-orders.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { Cast, makeParty } from '../../support/parties.ts';

const NOW_S = 1_800_000_000;
const WEEK_S = 7 * 24 * 3_600;
const SKEW_S = 300;
const cast = new Cast(new ManualClock(NOW_S * 1_000_000));
const stranger = makeParty('device', new SystemRandom());
const request = cast.request({ jti: 'request-1' });
const granted: Window = { startUs: cast.window().startUs + 60_000_000, endUs: cast.window().endUs - 60_000_000 };

interface Changes {
  grant?: Partial<Grant>;
  grantToken?: string;
  manifest?: Partial<Manifest>;
  manifestToken?: string;
  token?: Partial<UploadToken>;
  ask?: Partial<AnswerableRequest>;
  nowS?: number;
  by?: typeof stranger;
}

/** A valid chain with these changes. */
function chain(changes: Changes = {}) {
  const grantToken = changes.grantToken ?? cast.grant(request, { jti: 'grant-1', ...changes.grant });
  const manifest: Manifest = {
    ...{ iss: cast.device.key.publicKey, aud: cast.agency.id, iat: NOW_S, jti: 'clip-1', device: cast.device.id },
    ...{ request: 'request-1', grant: grantToken, pairing: cast.pairing(), clipSha256: sha256Hex('clip') },
    ...{ clipBytes: 4_096, window: granted, frames: 30, coverage: granted, gaps: [], audioPackets: 12 },
    ...{ method: 'smart-cut', encodedFrames: 5, redacted: false },
    disclosed: { address: '12 Elm Street', email: 'casey@home.example' },
    ...changes.manifest,
  };
  const manifestToken =
    changes.manifestToken ?? cast.sign('doorsill-manifest+jws', manifest, changes.by ?? cast.device);
  const token: UploadToken = {
    ...{ iss: cast.device.key.publicKey, aud: cast.bridge.id, iat: NOW_S, exp: NOW_S + 600, jti: 'upload-1' },
    ...{ device: cast.device.id, grant: 'grant-1', clipSha256: manifest.clipSha256, clipBytes: manifest.clipBytes },
    manifestSha256: sha256Hex(manifestToken),
    ...changes.token,
  };
  const presented: Presented = { token, deviceKey: cast.device.key.publicKey };
  return { grantToken, manifest, manifestToken, presented };
}

/** The result of the verification: the refusal's code and detail, or `accepted`. */
async function said(changes: Changes = {}): Promise<string> {
  const { manifestToken, presented } = chain(changes);
  const ask: AnswerableRequest = {
    ...{ id: 'request-1', tokenSha256: sha256Hex(request), window: cast.window(), profile: 'address-and-email' },
    ...{ recipient: { kind: 'agency', id: cast.agency.id, key: cast.agency.key.publicKey }, expS: NOW_S + 3_600 },
    admit: async () => () => undefined,
    ...changes.ask,
  };
  const none = { find: () => Promise.reject(failure('request_not_live')) };
  const asks: AnswerableKinds = { agency: { find: async () => ask }, neighbor: none };
  try {
    const manifest = readManifest(manifestToken, presented);
    const judged = await judge(manifest, presented, asks, changes.nowS ?? NOW_S);
    expect(judged).toEqual({ manifest, grant: judged.grant, grantSha256: sha256Hex(manifest.grant), answerable: ask });
    expect(judged.grant.jti).toBe('grant-1');
    return 'accepted';
  } catch (thrown) {
    const { code, facts } = thrown as { code: string; facts: { detail?: string } };
    return `${code}: ${facts?.detail ?? ''}`;
  }
}

const wrongGrant = (detail: string) => `intake_grant_invalid: ${detail}`;
/** One second of the window, by its number. */
const secondOf = (seconds: number) => ({
  startUs: granted.startUs + seconds * 1_000_000,
  endUs: granted.startUs + (seconds + 1) * 1_000_000,
});
const wrongManifest = (detail: string) => `intake_manifest_invalid: ${detail}`;
const other = { key: stranger.key.publicKey };

describe('a chain is verified', () => {
  it.each<[string, Changes, string]>([
    ['with nothing wrong in it', {}, 'accepted'],
    ['in the last second of the grant', { grant: { exp: NOW_S + 1 } }, 'accepted'],
    ['in the second after it', { grant: { iat: NOW_S - 1, exp: NOW_S } }, wrongGrant('it has expired')],
    ['as far in the future as clocks may differ', { grant: { iat: NOW_S + SKEW_S } }, 'accepted'],
    ['further in the future', { grant: { iat: NOW_S + SKEW_S + 1 } }, wrongGrant('it is dated in the future')],
    ['with a grant of a week', { grant: { exp: NOW_S + WEEK_S } }, 'accepted'],
    ['with a longer grant', { grant: { exp: NOW_S + WEEK_S + 1 } }, wrongGrant('it lives too long')],
    ['with consent of the last second of the request', { ask: { expS: NOW_S + 1 } }, 'accepted'],
    ['with later consent', { ask: { expS: NOW_S } }, wrongGrant('it was signed after the request had expired')],
    [
      'with other bytes of the request',
      { ask: { tokenSha256: 'a'.repeat(64) } },
      wrongGrant('it answers other bytes of the request'),
    ],
    [
      'for another agency',
      { ask: { recipient: { kind: 'agency', id: 'agency-b', ...other } } },
      wrongGrant('its recipient did not make the request'),
    ],
    [
      'for a neighbour of the same key',
      { ask: { recipient: { kind: 'neighbor', id: cast.agency.id, key: cast.agency.key.publicKey } } },
      wrongGrant('its recipient did not make the request'),
    ],
    ['with the whole asked window', { ask: { window: granted } }, 'accepted'],
    [
      'with a microsecond more than was asked',
      { ask: { window: { ...granted, endUs: granted.endUs - 1 } } },
      wrongGrant('its window is not inside the request’s'),
    ],
    [
      'with facts that nobody asked for',
      { ask: { profile: 'nothing' } },
      wrongGrant('it discloses more than was asked for'),
    ],
    [
      'with one fact of two that nobody asked for',
      { ask: { profile: 'name-email-phone' } },
      wrongGrant('it discloses more than was asked for'),
    ],
    [
      'with another grant than the token’s',
      { token: { grant: 'grant-2' } },
      wrongGrant('the upload token names another one'),
    ],
    [
      'with another request than the grant’s',
      { manifest: { request: 'request-2' } },
      wrongManifest('it names another request than its grant'),
    ],
    [
      'addressed to somebody else',
      { manifest: { aud: 'agency-b' } },
      wrongManifest('it is addressed to somebody else than the requester'),
    ],
    [
      'with a window that starts later than granted',
      { manifest: { window: { ...granted, startUs: granted.startUs + 1 } } },
      wrongManifest('its window is not the granted one'),
    ],
    [
      'with a window that ends earlier than granted',
      { manifest: { window: { ...granted, endUs: granted.endUs - 1 } } },
      wrongManifest('its window is not the granted one'),
    ],
    [
      'with coverage beyond the window',
      { manifest: { coverage: { ...granted, endUs: granted.endUs + 1 } } },
      wrongManifest('it covers more than the granted window'),
    ],
    [
      'with one gap of two outside the window',
      { manifest: { gaps: [granted, { ...granted, startUs: granted.startUs - 1 }] } },
      wrongManifest('it covers more than the granted window'),
    ],
    [
      'with a gap that is the window',
      { manifest: { gaps: [granted] } },
      'intake_gaps: one lies where the clip begins or ends',
    ],
    ['with gaps inside the window', { manifest: { gaps: [secondOf(1), secondOf(3)] } }, 'accepted'],
    ['of as many bytes as were granted', { grant: { byteLimit: 4_096 } }, 'accepted'],
    ['of a byte more', { grant: { byteLimit: 4_095 } }, wrongManifest('the clip is longer than the grant allows')],
    ['of the clip that the owner had looked at', { grant: { clipSha256: sha256Hex('clip') } }, 'accepted'],
    [
      'of another one',
      { grant: { clipSha256: sha256Hex('another') } },
      wrongManifest('the owner granted another clip, which they had looked at'),
    ],
    ['without sound where it was granted', { manifest: { audioPackets: 0 } }, 'accepted'],
    ['without sound where it was not', { grant: { audio: false }, manifest: { audioPackets: 0 } }, 'accepted'],
    [
      'with a packet of sound where it was not',
      { grant: { audio: false }, manifest: { audioPackets: 1 } },
      wrongManifest('it has audio that was not granted'),
    ],
    [
      'redacted where that was granted',
      {
        grant: { zones: [{ left: 0, top: 0, width: 10, height: 10 }] },
        manifest: { redacted: true, method: 're-encode', encodedFrames: 30 },
      },
      'accepted',
    ],
    [
      'not redacted where that was granted',
      { grant: { zones: [{ left: 0, top: 0, width: 10, height: 10 }] } },
      wrongManifest('it is not redacted as granted'),
    ],
    ['redacted where it was not', { manifest: { redacted: true } }, wrongManifest('it is not redacted as granted')],
    ['with every frame encoded', { manifest: { encodedFrames: 30 } }, 'accepted'],
    ['with one more', { manifest: { encodedFrames: 31 } }, 'intake_method: smart-cut, 31 of 30 frames encoded'],
    ['with nothing disclosed, as granted', { grant: { disclose: [] }, manifest: { disclosed: {} } }, 'accepted'],
    [
      'with a fact less',
      { manifest: { disclosed: { address: 'x' } } },
      wrongManifest('it discloses other facts than granted'),
    ],
    [
      'with another fact',
      { manifest: { disclosed: { address: 'x', phone: '555-0100' } } },
      wrongManifest('it discloses other facts than granted'),
    ],
    [
      'with a manifest that the token does not name',
      { token: { manifestSha256: 'a'.repeat(64) } },
      wrongManifest('it is not the one that the upload token names'),
    ],
    ['signed by another device', { by: stranger }, wrongManifest('manifest: bad-signature')],
    [
      'signed by another device in its own name',
      { by: stranger, manifest: { iss: stranger.key.publicKey } },
      wrongManifest('manifest: unknown-signer'),
    ],
    ['of another device', { manifest: { device: stranger.id } }, wrongManifest('it is another device’s')],
    [
      'of another clip than the token’s',
      { token: { clipSha256: 'a'.repeat(64) } },
      wrongManifest('it is about another clip than the upload token'),
    ],
    [
      'of another length than the token’s',
      { token: { clipBytes: 4_095 } },
      wrongManifest('it is about another clip than the upload token'),
    ],
    ['with an id that stands for all clips', { manifest: { jti: 'all' } }, wrongManifest('its id is not a clip’s')],
    [
      'with another device’s pairing statement',
      { manifest: { pairing: cast.pairing({ iss: stranger.key.publicKey }, stranger) } },
      wrongGrant('the pairing statement is not this device’s'),
    ],
    [
      'with a pairing statement about another device',
      { manifest: { pairing: cast.pairing({ device: stranger.id }) } },
      wrongGrant('the pairing statement is not this device’s'),
    ],
    [
      'with a pairing statement for another owner',
      { manifest: { pairing: cast.pairing({ key: stranger.key.publicKey }) } },
      wrongGrant('grant: unknown-signer'),
    ],
    ['with a grant to another device', { grant: { aud: stranger.id } }, wrongGrant('grant: wrong-audience')],
    [
      'with an order of another kind in place of the grant',
      { grantToken: cast.sign('doorsill-denial+jws', {}, cast.owner) },
      wrongGrant('grant: wrong-type'),
    ],
  ])('%s', async (_what, changes, due) => {
    expect(await said(changes)).toBe(due);
  });

  it('by the kind of recipient that the grant names: for a neighbour the request is looked up among searches', async () => {
    const recipient = { kind: 'neighbor', key: cast.agency.key.publicKey } as const;
    expect(await said({ grant: { recipient } })).toBe('request_not_live: ');
  });
});

it('a device vouches for an owner’s key with its own signature about itself alone', () => {
  const { device, owner } = cast;
  const key = device.key.publicKey;
  expect(pairedKey(cast.pairing(), device.id, key)).toBe(owner.key.publicKey);
  expect(pairedKey(cast.pairing(), stranger.id, key)).toBeNull();
  expect(pairedKey(cast.pairing(), device.id, stranger.key.publicKey)).toBeNull();
  expect(pairedKey(cast.pairing({ aud: cast.bridge.id }), device.id, key)).toBeNull();
  expect(pairedKey('no token', device.id, key)).toBeNull();
});

it('a grant is read under the key that the device vouches for', () => {
  const { device } = cast;
  const token = cast.grant(request, { jti: 'grant-1' });
  expect(readGrant(token, cast.pairing(), device.id, device.key.publicKey).jti).toBe('grant-1');
});
