// The statement of a clip under a grant, as a doorbell signs it.
import type { Clock } from '../../../../device/base/clock.ts';
import { sha256Hex } from '../../../../device/base/keys.ts';
import type { Random } from '../../../../device/base/random.ts';
import { buildManifest } from '../../../../device/clip/disclosure.ts';
import { makeStatement } from '../../../../device/clip/sign-recipient-statement.ts';
import { mintLiveGrant } from '../../../../device/consent/live-grant.ts';
import { signToken } from '../../../../device/contract/jws.ts';
import { Grant } from '../../../../device/contract/owner-orders.ts';
import { Request } from '../../../../device/contract/request.ts';
import type { DisclosedValues } from '../../../../device/contract/shared-claims.ts';
import { type Cast, claimsOf } from '../../../support/parties.ts';
import type { ForgedClip } from '../forged-clip.ts';

export interface StatedClip {
  readonly requestToken: string;
  readonly grantToken: string;
  readonly content: Uint8Array;
  readonly frames: number;
  /** What the grant is said to allow instead of what it does. */
  readonly filmed?: Grant['window'];
  readonly disclosed?: DisclosedValues;
  /** The clip as it is encrypted; absent: it is not. */
  readonly sealed?: ForgedClip | undefined;
}

/** A clip's statement; the clip has the id `clip-1`. */
export function statementOf(
  cast: Cast,
  { clock, random }: { clock: Clock; random: Random },
  stated: StatedClip,
): string {
  const { requestToken, grantToken, content, frames, sealed, disclosed = {} } = stated;
  const signed = Grant.parse(claimsOf(grantToken));
  const { filmed = signed.window } = stated;
  const facts = { grant: { ...signed, window: filmed }, grantToken, request: Request.parse(claimsOf(requestToken)) };
  const { live } = mintLiveGrant({ ...facts, requestToken, pairingToken: cast.pairing() }, { clock, held: () => null });
  const clip = {
    ...{ sizeBytes: content.length, frames, audioPackets: 0, encodedFrames: 0, redacted: false, gaps: [] },
    ...{ method: 'copy' as const, coverage: filmed },
  };
  const device = { id: cast.device.id, publicKey: cast.device.key.publicKey };
  const file = sealed && { sha256: sha256Hex(sealed.file), bytes: sealed.file.length, claims: sealed.claims };
  const about = { clipId: 'clip-1', clip, clipSha256: sha256Hex(content), disclosed, device, sealed: file ?? null };
  const claims = buildManifest(live, { ...about, iat: cast.nowS() });
  const manifest = signToken('doorsill-manifest+jws', claims, cast.device.key);
  return makeStatement(live, manifest, { device: cast.device, random }, sealed?.signer).statement;
}
