// The bridge accepts only what the registry signed about agencies, only while it is fresh, and never an older list.
import { beforeEach, describe, expect, it } from 'vitest';
import type { RegistryClient } from '../../../cloud-bridge/agencies/registry-client.ts';
import { AgencyCredentials } from '../../../cloud-bridge/agencies/registry-credentials.ts';
import { silentLog } from '../../../device/base/log.ts';
import { failure } from '../../../device/contract/errors.ts';
import { ShiftedClock } from '../../support/bridge-fixture.ts';
import { Cast } from '../../support/parties.ts';

let clock: ShiftedClock;
let cast: Cast;
let kept: string | null;
/** What the registry answers; null: it is down. */
let answers: { credential: () => string; revocations: () => string } | null;
let asked: number;
let standing: AgencyCredentials;

beforeEach(async () => {
  clock = new ShiftedClock();
  cast = new Cast(clock);
  kept = null;
  asked = 0;
  answers = { credential: () => cast.credential(), revocations: () => cast.revocations() };
  standing = await open();
});

async function open(): Promise<AgencyCredentials> {
  const away = failure('unreachable', { what: 'the registry', where: 'here', detail: 'it is away' });
  const client: RegistryClient = {
    credential: async () => {
      asked += 1;
      if (!answers) throw away;
      return answers.credential();
    },
    revocations: async () => {
      if (!answers) throw away;
      return answers.revocations();
    },
  };
  const store = {
    loadRevocations: async () => kept,
    saveRevocations: async (token: string) => {
      kept = token;
    },
  };
  const registryKey = cast.registry.key.publicKey;
  const made = new AgencyCredentials({ clock, log: silentLog(), client, registryKey, store, stateAgencies: false });
  await made.start();
  return made;
}

const code = async (work: Promise<unknown>) =>
  work.then(
    () => 'good',
    (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? thrown.code : 'not coded'),
  );
const credential = () => code(standing.credential(cast.agency.id));

describe('a credential', () => {
  it('is requested once and reused for five minutes, then requested again', async () => {
    expect(await credential()).toBe('good');
    expect(await credential()).toBe('good');
    expect(asked).toBe(1);
    clock.shiftS = 301;
    expect(await credential()).toBe('good');
    expect(asked).toBe(2);
  });

  it('is used while the registry is down, until it expires', async () => {
    answers = {
      credential: () => cast.credential({ exp: cast.nowS() + 3_600 }),
      revocations: () => cast.revocations(),
    };
    await credential();
    answers = null;
    clock.shiftS = 3_000;
    expect(await credential()).toBe('good');
    clock.shiftS = 3_601;
    expect(await credential()).toBe('credential_unavailable');
  });

  it.each<[string, () => string, string]>([
    [
      'signed by another key',
      () => cast.credential({ iss: cast.bridge.key.publicKey }, cast.bridge),
      'token_unknown_signer',
    ],
    ['about another agency', () => cast.credential({ agency: 'agency-other' }), 'agency_unknown'],
    ['about another key', () => cast.credential({ key: cast.owner.key.publicKey }), 'agency_unknown'],
    ['of a federal agency', () => cast.credential({ jurisdiction: 'federal' }), 'agency_federal'],
    ['of a state agency', () => cast.credential({ jurisdiction: 'state' }), 'agency_ineligible'],
    ['without the scope', () => cast.credential({ scopes: [] }), 'agency_ineligible'],
    ['that is valid too long', () => cast.credential({ exp: cast.nowS() + 48 * 3600 }), 'agency_ineligible'],
    ['that has expired', () => cast.credential({ exp: cast.nowS() }), 'credential_unavailable'],
  ])('%s is refused', async (_what, made, expected) => {
    answers = { credential: made, revocations: () => cast.revocations() };
    expect(await credential()).toBe(expected);
  });
});

describe('the revocation list', () => {
  const revoked = () => ({ revision: 2, revoked: [{ agency: cast.agency.id, upToRevision: 1 }] });

  it('is required: without one, or with an expired one, no agency has access', async () => {
    answers = { credential: () => cast.credential(), revocations: () => cast.revocations({ exp: cast.nowS() + 600 }) };
    expect(await credential()).toBe('good');
    answers = null;
    clock.shiftS = 599;
    expect(await credential()).toBe('good');
    clock.shiftS = 600;
    expect(await credential()).toBe('credential_unavailable');
    standing = await open();
    kept = null;
    expect(await credential()).toBe('credential_unavailable');
  });

  it('can be consulted synchronously too: with an expired one no agency has access', async () => {
    answers = { credential: () => cast.credential(), revocations: () => cast.revocations({ exp: cast.nowS() + 600 }) };
    const { claims } = await standing.credential(cast.agency.id);
    standing.assertGood(claims);
    clock.shiftS = 600;
    expect(() => standing.assertGood(claims)).toThrow(expect.objectContaining({ code: 'credential_unavailable' }));
  });

  it('revokes a credential at once, and outlives a restart with the registry down', async () => {
    await credential();
    answers = { credential: () => cast.credential(), revocations: () => cast.revocations(revoked()) };
    expect(await standing.refreshRevocations()).toBe(true);
    expect(await standing.refreshRevocations()).toBe(false);
    expect(await credential()).toBe('agency_revoked');
    standing = await open();
    answers = { credential: () => cast.credential(), revocations: () => cast.revocations() };
    expect(await credential()).toBe('agency_revoked');
  });

  it('is never replaced by an older one, by one dated in the future or by one that the registry did not sign', async () => {
    answers = { credential: () => cast.credential(), revocations: () => cast.revocations(revoked()) };
    await standing.refreshRevocations();
    const lists: [() => string, string][] = [
      [() => cast.revocations({ revision: 1 }), 'token_expired'],
      [() => cast.revocations({ revision: 3, iat: cast.nowS() + 4_000 }), 'token_expired'],
      [() => cast.revocations({ revision: 3, iss: cast.bridge.key.publicKey }, cast.bridge), 'token_unknown_signer'],
    ];
    for (const [revocations, expected] of lists) {
      answers = { credential: () => cast.credential(), revocations };
      expect(await code(standing.refreshRevocations())).toBe(expected);
    }
    expect(await credential()).toBe('agency_revoked');
  });

  it('that was kept from another registry counts as none', async () => {
    kept = cast.revocations({ iss: cast.bridge.key.publicKey }, cast.bridge);
    standing = await open();
    expect(standing.revocations).toBeNull();
    expect(await credential()).toBe('good');
  });
});
