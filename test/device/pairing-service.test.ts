// Only an owner of this device gets a still, by a call made now.
import { beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../device/base/clock.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { toBase64url } from '../../device/contract/bytes.ts';
import { isFailure } from '../../device/contract/errors.ts';
import { makeStillCall } from '../../device/owner/sign-owner-messages.ts';
import { type StillDeps, stillFor } from '../../device/pairing-service.ts';
import { Cast, claimsOf, makeParty } from '../support/parties.ts';

const JPEG = new Uint8Array([0xff, 0xd8, 1, 2]);
const random = new SystemRandom();
let clock: ManualClock;
let cast: Cast;
let deps: StillDeps;
beforeEach(() => {
  clock = new ManualClock(1_790_000_000_000_000);
  cast = new Cast(clock);
  const still = (search: string) => (search === 'search-1' ? { atUs: 5, jpeg: JPEG } : null);
  const owners = () => [{ key: cast.owner.key.publicKey }];
  deps = { clock, device: cast.device, gate: { owners, searchPartyOn: true }, searchParty: { still } };
});

const call = (search = 'search-1', device = cast.device.id, key = cast.owner.key) =>
  makeStillCall({ key, clock, random }, device, search).token;

function answer(token: string): unknown {
  try {
    return stillFor(deps, token);
  } catch (thrown) {
    return isFailure(thrown) ? thrown.code : thrown;
  }
}

it('an owner gets the requested still', () => {
  expect(answer(call())).toEqual({ ok: true, atUs: 5, jpeg: toBase64url(JPEG) });
});

it.each<[string, () => string, string]>([
  [
    'somebody else’s key',
    () => call('search-1', cast.device.id, makeParty('owner', random).key),
    'token_unknown_signer',
  ],
  ['a call to another device', () => call('search-1', 'device-other'), 'token_wrong_audience'],
  ['another kind of token', () => cast.command({ action: 'announce' }), 'token_wrong_type'],
  ['a search without a sighting', () => call('search-2'), 'sighting_unknown'],
  ['a call that lives for an hour', () => longer(), 'token_expired'],
  ['what is no token', () => 'still, please', 'token_malformed'],
])('%s is refused', (_what, make, code) => {
  expect(answer(make())).toBe(code);
});

it('an old call is refused, and every call if the search party is off', () => {
  const token = call();
  deps = { ...deps, gate: { owners: deps.gate.owners, searchPartyOn: false } };
  expect(answer(token)).toBe('search_party_off');
  deps = { ...deps, gate: { owners: deps.gate.owners, searchPartyOn: true } };
  void clock.advance(61_000);
  expect(answer(token)).toBe('token_expired');
});

function longer(): string {
  const claims = claimsOf(call());
  return cast.sign('doorsill-still+jws', { ...claims, exp: cast.nowS() + 3600 }, cast.owner);
}
