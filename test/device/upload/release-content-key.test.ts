// Only the owner who granted an encrypted clip gets its content key, by a call that this owner signed now for this device and this clip.
import { beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { failure, isFailure } from '../../../device/contract/errors.ts';
import { OwnersContentKey } from '../../../device/contract/sealing.ts';
import { makeContentKeyCall, makeCustodyCall } from '../../../device/owner/sign-owner-messages.ts';
import { type ContentKeyDeps, releaseContentKey } from '../../../device/upload/release-content-key.ts';
import { Cast, claimsOf, makeParty, type Party } from '../../support/parties.ts';

const random = new SystemRandom();
const contentKey = generateSealKey(random, 'aes-256-gcm');
const clipSha256 = sha256Hex('the encrypted file');
let clock: ManualClock;
let cast: Cast;
let deps: ContentKeyDeps;
let other: Party;
/** Clips that have left, by grant, as far as they matter here. */
let sent: Record<string, { grantedBy: string; clip: object }>;
beforeEach(() => {
  clock = new ManualClock(1_790_000_000_000_000);
  cast = new Cast(clock);
  other = makeParty('owner', random);
  const sealed = { clipSha256: sha256Hex('the clip'), clipBytes: 5, keeper: 'vault' };
  const grantedBy = cast.owner.key.publicKey;
  sent = {
    'grant-a': { grantedBy, clip: { sha256: clipSha256, sealed } },
    'grant-others': { grantedBy: other.key.publicKey, clip: { sha256: clipSha256, sealed } },
    'grant-plain': { grantedBy, clip: { sha256: clipSha256 } },
    'grant-erased': { grantedBy, clip: { sha256: clipSha256, sealed } },
    'grant-remade': { grantedBy, clip: { sha256: sha256Hex('another file'), sealed } },
  };
  const under = (grant: string) => {
    const found = sent[grant];
    if (!found) throw failure('departure_unknown');
    return found;
  };
  deps = {
    clock,
    device: cast.device,
    gate: { damaged: null, sentClips: { under } as unknown as ContentKeyDeps['gate']['sentClips'] },
    outbox: { contentKeyOf: async (grant) => (grant === 'grant-erased' ? null : { clipSha256, contentKey }) },
  };
});

const signer = (party = cast.owner) => ({ key: party.key, clock, random });
const call = (grant = 'grant-a', party = cast.owner, device = cast.device.id) =>
  makeContentKeyCall(signer(party), device, grant).token;

async function answer(token: string, grant = 'grant-a', session = cast.owner): Promise<unknown> {
  try {
    return await releaseContentKey(deps, session.key.publicKey, { grant, call: token });
  } catch (thrown) {
    return isFailure(thrown) ? thrown.code : thrown;
  }
}

it('the owner who granted a clip gets its content key, and the hash of the file that it opens', async () => {
  const key = await answer(call());
  expect(key).toEqual({ grant: 'grant-a', clipSha256, contentKey: toBase64url(contentKey.secret) });
  expect(OwnersContentKey.parse(key)).toEqual(key);
});

it.each<[string, () => Promise<unknown>, string]>([
  ['of another owner, in this owner’s session', () => answer(call('grant-a', other)), 'token_unknown_signer'],
  ['of this owner, in another owner’s session', () => answer(call(), 'grant-a', other), 'token_unknown_signer'],
  ['of another owner', () => answer(call('grant-a', other), 'grant-a', other), 'content_key_of_another'],
  ['for another owner’s clip', () => answer(call('grant-others'), 'grant-others'), 'content_key_of_another'],
  ['for another grant than the call names', () => answer(call('grant-plain')), 'token_unknown_claims'],
  ['to another device', () => answer(call('grant-a', cast.owner, 'device-other')), 'token_wrong_audience'],
  ['for a clip that was not encrypted', () => answer(call('grant-plain'), 'grant-plain'), 'content_key_unknown'],
  ['for a clip that was erased everywhere', () => answer(call('grant-erased'), 'grant-erased'), 'content_key_unknown'],
  ['for another file than was sent', () => answer(call('grant-remade'), 'grant-remade'), 'content_key_unknown'],
  ['for a clip that never left', () => answer(call('grant-none'), 'grant-none'), 'departure_unknown'],
  ['that lives for an hour', () => answer(longer()), 'token_expired'],
  ['of another kind', () => answer(custody()), 'token_wrong_type'],
  ['that is no token', () => answer('the key, please'), 'token_malformed'],
])('a call %s gets none', async (_what, ask, code) => {
  expect(await ask()).toBe(code);
});

it('an old call gets none, nor does any call while the ledger is damaged', async () => {
  const token = call();
  deps = { ...deps, gate: { ...deps.gate, damaged: 'entry 3' } };
  expect(await answer(token)).toBe('consent_ledger_damaged');
  deps = { ...deps, gate: { ...deps.gate, damaged: null } };
  await clock.advance(301_000);
  expect(await answer(token)).toBe('token_expired');
});

function longer(): string {
  return cast.sign('doorsill-content-key+jws', { ...claimsOf(call()), exp: cast.nowS() + 3_600 }, cast.owner);
}

function custody(): string {
  return makeCustodyCall(signer(), cast.device.id, { device: cast.device.id, grant: 'grant-a' }).token;
}
