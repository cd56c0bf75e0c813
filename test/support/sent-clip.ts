// A device's record of a clip that a bridge's tests deliver, and the device's or owner's call for what the log says of it.
import { sha256Hex } from '../../device/base/keys.ts';
import { freshId } from '../../device/base/random.ts';
import type { SentClip } from '../../device/contract/sent-clips.ts';
import type { BridgeFixture, Parcel } from './bridge-fixture.ts';
import { claimsOf, type Party, textClaim } from './parties.ts';

/** As the device's ledger would have it after the bridge's first receipt. */
export function departureOf(fixture: BridgeFixture, parcel: Parcel, receipt: string | null): SentClip {
  const { cast } = fixture;
  const { startUs, endUs } = windowOf(parcel);
  const manifestSha256 = sha256Hex(parcel.manifestToken);
  const clip = {
    id: parcel.clipId,
    sha256: sha256Hex(parcel.clip),
    bytes: parcel.clip.length,
    frames: 30,
    manifestSha256,
  };
  const stored = receipt === null ? null : { atUs: 5, receipt };
  return {
    ...{ number: 0, grant: parcel.grant, request: textClaim(parcel.grantToken, 'request') },
    grantSha256: sha256Hex(parcel.grantToken),
    grantedBy: cast.owner.key.publicKey,
    grantedUs: 1,
    recipient: {
      ...{ kind: 'agency', id: cast.agency.id, name: 'Springfield Police Department', domain: 'springfield.example' },
      ...{ jurisdiction: 'municipal', investigation: 'case-1', incidentType: 'theft' },
    },
    bridge: cast.bridge.id,
    clip: { ...clip, window: { startUs, endUs }, method: 'smart-cut', disclosed: ['address', 'email'] },
    ...{ audio: false, zones: 0, disclosed: { address: '12 Elm Street, Springfield' }, sentUs: 3 },
    stored,
    standing: stored ? { at: 'stored', atUs: 5 } : { at: 'sending' },
  };
}

function windowOf({ manifestToken }: Parcel): { startUs: number; endUs: number } {
  const { startUs, endUs } = Object(claimsOf(manifestToken)['window']);
  return { startUs: Number(startUs), endUs: Number(endUs) };
}

/** A signed call for the documents of a grant. */
export function custodyCall({ cast, random }: BridgeFixture, by: Party, grant: string, changes: object = {}): string {
  const iat = cast.nowS();
  const claims = {
    ...{ iss: by.key.publicKey, aud: cast.bridge.id, iat, exp: iat + 120, jti: freshId(random, 'custody') },
    ...{ device: cast.device.id, grant, ...changes },
  };
  return cast.sign('doorsill-custody+jws', claims, by);
}
