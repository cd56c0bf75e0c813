// The disclosed facts about the home, and the claims of a clip's manifest.
import { type PublicKey, sha256Hex } from '@doorsill/base/keys';
import { failure } from '@doorsill/contract/errors';
import { Manifest } from '@doorsill/contract/manifest';
import { recipientOf } from '@doorsill/contract/request-or-search';
import type { SealedClip } from '@doorsill/contract/sealing';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { assertLiveGrant, type LiveGrant } from '../consent/live-grant.ts';
import type { CutFacts } from './finished-clip.ts';

/**
 * Exactly the granted ones of the device's values. Throws `grant_dead`, and `consent_disclosure_missing` when a granted key has no
 * value.
 */
export function disclose(live: LiveGrant, values: DisclosedValues): DisclosedValues {
  assertLiveGrant(live);
  const disclosed: DisclosedValues = {};
  for (const key of live.facts.grant.disclose) {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (value === undefined) throw failure('consent_disclosure_missing', { key });
    disclosed[key] = value;
  }
  return disclosed;
}

/** Parts of the manifest besides the grant's claims. */
export interface ManifestParts {
  clipId: string;
  clip: CutFacts;
  clipSha256: string;
  /** The result of `disclose` under the same grant. */
  disclosed: DisclosedValues;
  /** Of a clip that only its recipient can read, and the disclosed facts with it: hash and size of the encrypted file, and its claims. */
  sealed?: { sha256: string; bytes: number; claims: SealedClip } | null;
  device: { id: string; publicKey: PublicKey };
  /** Time of signing in whole seconds since 1970. */
  iat: number;
}

/** The claims of a clip's manifest, addressed to its recipient; the caller signs them. Throws `grant_dead`. */
export function buildManifest(live: LiveGrant, parts: ManifestParts): Manifest {
  assertLiveGrant(live);
  const { grant, grantToken, pairingToken, request } = live.facts;
  const { clip, sealed = null } = parts;
  return Manifest.parse({
    iss: parts.device.publicKey,
    aud: recipientOf(request, sha256Hex).id,
    iat: parts.iat,
    jti: parts.clipId,
    device: parts.device.id,
    request: request.jti,
    grant: grantToken,
    pairing: pairingToken,
    clipSha256: sealed?.sha256 ?? parts.clipSha256,
    clipBytes: sealed?.bytes ?? clip.sizeBytes,
    window: grant.window,
    frames: clip.frames,
    coverage: clip.coverage,
    gaps: clip.gaps,
    audioPackets: clip.audioPackets,
    method: clip.method,
    encodedFrames: clip.encodedFrames,
    redacted: clip.redacted,
    ...(sealed ? { disclosed: {}, sealed: sealed.claims } : { disclosed: disclose(live, parts.disclosed) }),
  } satisfies Manifest);
}
