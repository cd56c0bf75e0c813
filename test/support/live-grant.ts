// Live grants for tests of what takes one (clip, upload), minted as the gate would. The grant can be killed with `end`.
import type { Clock } from '../../device/base/clock.ts';
import { ManualClock } from '../../device/base/clock.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import { SeededRandom } from '../../device/base/random.ts';
import { type LiveGrant, mintLiveGrant } from '../../device/consent/live-grant.ts';
import { signToken } from '../../device/contract/jws.ts';
import { CLIP_BYTES_DEFAULT, Grant } from '../../device/contract/owner-orders.ts';
import { Request } from '../../device/contract/request.ts';
import type { Sealing } from '../../device/contract/sealing.ts';
import type { Window } from '../../device/contract/shared-claims.ts';
import { makeParty, squareAround } from './parties.ts';

/** What a test cares about in a grant; the rest is filled in. */
export interface LiveGrantParts
  extends Partial<Pick<Grant, 'audio' | 'zones' | 'disclose' | 'byteLimit' | 'clipSha256'>> {
  window: Window;
  /** How the clip is encrypted; absent: not at all. */
  sealing?: Sealing;
  clock?: Clock;
}

const NOW_S = 1_800_000_000;

/** A live grant for a window; `end` takes it back. */
export function liveGrantFor(parts: LiveGrantParts): { live: LiveGrant; end: (detail: string) => void } {
  const random = new SeededRandom(2);
  const [device, owner, agency, bridge] = [
    makeParty('device', random),
    makeParty('owner', random),
    makeParty('agency', random),
    makeParty('bridge', random),
  ];
  const request: Request = Request.parse({
    iss: agency.key.publicKey,
    aud: bridge.id,
    iat: NOW_S,
    exp: NOW_S + 86_400,
    jti: 'request-1',
    agency: agency.id,
    investigation: 'case-1',
    incidentType: 'theft',
    text: 'A parcel was taken.',
    contact: { name: 'Officer', email: 'officer@agency.example' },
    area: squareAround({ longitude: 0, latitude: 0 }),
    window: parts.window,
    profile: 'address-and-email',
    retention: 'standard',
  });
  const requestToken = signToken('doorsill-request+jws', request, agency.key);
  const grant: Grant = Grant.parse({
    iss: owner.key.publicKey,
    aud: device.id,
    iat: NOW_S,
    exp: NOW_S + 3_600,
    jti: 'grant-1',
    request: request.jti,
    requestSha256: sha256Hex(requestToken),
    recipient: {
      kind: 'agency',
      key: agency.key.publicKey,
      ...(parts.sealing === undefined ? {} : { sealing: parts.sealing }),
    },
    window: parts.window,
    audio: parts.audio ?? false,
    zones: parts.zones ?? [],
    disclose: parts.disclose ?? [],
    byteLimit: parts.byteLimit ?? CLIP_BYTES_DEFAULT,
    ...(parts.clipSha256 === undefined ? {} : { clipSha256: parts.clipSha256 }),
  });
  const pairing = { iss: device.key.publicKey, aud: 'public', iat: NOW_S, device: device.id, key: owner.key.publicKey };
  const facts = {
    grant,
    grantToken: signToken('doorsill-grant+jws', grant, owner.key),
    request,
    requestToken,
    pairingToken: signToken('doorsill-pairing+jws', pairing, device.key),
  };
  return mintLiveGrant(facts, { clock: parts.clock ?? new ManualClock(NOW_S * 1_000_000), held: () => null });
}
