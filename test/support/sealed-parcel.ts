// A clip that only its recipient can read, as a bridge sees it: papers that fit, and bytes of which it can check nothing but the form. One
// that is really encrypted: test/device/upload/support/sealed-errand.ts.
import { sha256Hex } from '../../device/base/keys.ts';
import { freshId } from '../../device/base/random.ts';
import { toBase64url, utf8 } from '../../device/contract/bytes.ts';
import { actorId } from '../../device/contract/ids.ts';
import { Grant } from '../../device/contract/owner-orders.ts';
import { type ClipKeeper, type Sealing, sealedBytesOf, type VerdictOutcome } from '../../device/contract/sealing.ts';
import type { BridgeFixture, Parcel } from './bridge-fixture.ts';
import { claimsOf, type Party } from './parties.ts';

/** A key that clips are encrypted to; nobody has its private half. */
export const sealingFor = (keeper: ClipKeeper = 'vault'): Sealing => ({
  key: toBase64url(new Uint8Array(32).fill(9)),
  keeper,
});

const HASH = 'a'.repeat(64);

export interface SealedParcelParts {
  /** Size of the clip itself. */
  clipBytes?: number;
  /** With `sealing`; absent: granted to the agency of the request. */
  grantToken?: string;
  manifest?: object;
}

/** An encrypted clip for a request or search. Its bytes open to nothing. */
export function sealedParcel(fixture: BridgeFixture, ask: string, parts: SealedParcelParts = {}): Parcel {
  const { cast, random } = fixture;
  const { clipBytes = 20_000 } = parts;
  const key = String(claimsOf(ask)['iss']);
  const recipient = { kind: 'agency', key, sealing: sealingFor() } as const;
  const grantToken = parts.grantToken ?? cast.grant(ask, { recipient });
  const grant = Grant.parse(claimsOf(grantToken));
  const isAgencys = grant.recipient.kind === 'agency';
  const clip = new Uint8Array(sealedBytesOf(clipBytes));
  clip.set(utf8('DSSEAL01'));
  clip.set(random.bytes(clip.length - 8), 8);
  const sealed = {
    clipSha256: sha256Hex(`clip in ${sha256Hex(clip)}`),
    clipBytes,
    recipientKey: grant.recipient.sealing?.key,
    contentKey: 'A'.repeat(107),
    grantSha256: sha256Hex(grantToken),
    facts: Object.fromEntries(grant.disclose.map((fact) => [fact, HASH])),
    zones: HASH,
  };
  const aud = isAgencys ? cast.agency.id : actorId('owner', sha256Hex(key));
  const manifest = { aud, sealed, disclosed: {}, ...parts.manifest };
  return fixture.parcel(ask, { clip, grantToken, manifest });
}

/** The verdict on such a clip, as `by` signs it. */
export function verdictOn(
  { cast, random }: BridgeFixture,
  parcel: Parcel,
  by: Party,
  outcome: VerdictOutcome = 'as-granted',
  changes: object = {},
): string {
  const { grant, clipId: clip } = parcel;
  const about = { grant, clip, clipSha256: sha256Hex(parcel.clip), statementSha256: sha256Hex(parcel.statement) };
  const signed = { iss: by.key.publicKey, aud: cast.bridge.id, iat: cast.nowS(), jti: freshId(random, 'verdict') };
  return cast.sign('doorsill-verdict+jws', { ...signed, ...about, outcome, ...changes }, by);
}
