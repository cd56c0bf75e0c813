// What a clip that only its recipient can read is encrypted with: the block in front of it, and what its manifest says about both.
import { encryptTo } from '@doorsill/base/hpke';
import { sha256, sha256Hex } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import type { SealKey } from '@doorsill/base/seal';
import { assert } from '@doorsill/contract/assert';
import { toBase64url } from '@doorsill/contract/bytes';
import { SALT_BYTES } from '@doorsill/contract/commitment';
import { failure } from '@doorsill/contract/errors';
import {
  commitmentsOf,
  contentKeyInfo,
  type SealedClip,
  type SealedContents,
  type Sealing,
} from '@doorsill/contract/sealing';
import { type DisclosedValues, DisclosureKey } from '@doorsill/contract/shared-claims';
import { assertLiveGrant, type LiveGrant } from '../consent/live-grant.ts';
import { disclose } from './disclosure.ts';

/**
 * The block in front of a clip: exactly the granted ones of the device's values, and the granted zones, with new salts. Null when the grant
 * encrypts nothing. Throws `grant_dead`, `consent_disclosure_missing`.
 */
export function contentsOf(live: LiveGrant, values: DisclosedValues, random: Random): SealedContents | null {
  assertLiveGrant(live);
  const { recipient, zones } = live.facts.grant;
  if (!recipient.sealing) return null;
  const disclosed = disclose(live, values);
  const salt = () => toBase64url(random.bytes(SALT_BYTES));
  const keys = DisclosureKey.options.filter((key) => disclosed[key] !== undefined);
  return { disclosed, zones, salts: { ...Object.fromEntries(keys.map((key) => [key, salt()])), zones: salt() } };
}

/**
 * What manifest and statement say about an encrypted clip, with its content key encrypted to the recipient that the grant names. `home`: of
 * the statement. Throws `grant_dead`, `consent_sealing_key`.
 */
export function sealedClaims(
  live: LiveGrant,
  contents: SealedContents,
  inner: { clipSha256: string; clipBytes: number; contentKey: SealKey; home: string },
  random: Random,
): SealedClip {
  assertLiveGrant(live);
  const { clipSha256, clipBytes, contentKey, home } = inner;
  const recipientKey = sealingOfGrant(live).key;
  const grantSha256 = sha256Hex(live.facts.grantToken);
  const info = contentKeyInfo({ home, grantSha256 });
  const sealedKey = encryptTo(recipientKey, contentKey.secret, { info }, random);
  if (!sealedKey) throw failure('consent_sealing_key');
  const named = commitmentsOf(contents, sha256);
  return { clipSha256, clipBytes, recipientKey, contentKey: toBase64url(sealedKey), grantSha256, ...named };
}

function sealingOfGrant(live: LiveGrant): Sealing {
  const { sealing } = live.facts.grant.recipient;
  assert(sealing !== undefined, 'only a clip whose grant says so is encrypted');
  return sealing;
}
