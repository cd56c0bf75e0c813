// @module-tag long
// Strangers who apply, as many as they like, block the registry for nobody else, and their entries expire. An agency may apply again a few
// times a day.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Agency, type AgencyFacts, EMPTY_BOOK } from '../../../cloud-bridge/registry/agency-book.ts';
import { apply } from '../../../cloud-bridge/registry/applications.ts';
import { loadEligibility } from '../../../cloud-bridge/registry/data-files.ts';
import { Registry } from '../../../cloud-bridge/registry/registry.ts';
import { RegistryConfig } from '../../../cloud-bridge/registry/registry-config.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { signToken } from '../../../device/contract/jws.ts';
import { makeParty, type Party } from '../../support/parties.ts';

const DAY_MS = 24 * 3600_000;
const STRANGER = '198.51.100.7';
const ELSEWHERE = '203.0.113.9';

const random = new SystemRandom();
let clock: ManualClock;
let folder: string;
let registry: Registry;

beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 25, 12) * 1_000);
  folder = mkdtempSync(join(tmpdir(), 'doorsill-applications-'));
  mkdirSync(join(folder, 'domains'));
  // A call through the proxy has the address that the proxy names.
  const settings = { dataFolder: folder, domainProofs: ['local'], http: { proxies: ['127.0.0.1'] } };
  const config = RegistryConfig.parse(settings);
  registry = new Registry({ clock, random, disk: new SystemDisk(), log: silentLog(), config });
  await registry.start();
});
afterEach(async () => {
  await registry.stop();
  rmSync(folder, { recursive: true });
});

function show(domain: string, ...agencies: Party[]): void {
  writeFileSync(join(folder, 'domains', domain), agencies.map(({ id }) => `doorsill-agency=${id}\n`).join(''));
}

const CITIES = ['Boston:boston.gov', 'Tucson:tucsonaz.gov', 'Seattle:seattle.gov', 'Phoenix:phoenix.gov'] as const;
const BOSTON = { name: 'Boston Police Department', domain: 'boston.gov' };
let count = 0;
/** Facts of an agency whose domain is not on the list. */
const unlisted = () => {
  count += 1;
  return { name: `Town ${count} Police`, domain: `town-${count}.example` };
};

function registration(facts: object, by: Party): string {
  const iat = Math.floor(clock.wallUs() / 1e6);
  const call = {
    ...{ action: 'register', jurisdiction: 'municipal', contact: { name: 'Desk', phone: '+1 617 555 0100' } },
    ...{ profiles: ['nothing'], retention: ['theft'] },
    ...facts,
  };
  const claims = { iss: by.key.publicKey, aud: registry.id, iat, exp: iat + 60, jti: freshId(random, 'call') };
  return signToken('doorsill-agency+jws', { ...claims, agency: by.id, call }, by.key);
}

/** Applies from an address; returns the state, or the code of the refusal. */
async function applies(from: string, facts: object = unlisted(), by = makeParty('agency', random)): Promise<string> {
  const answer = await fetch(`${registry.url}/v1/agencies`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
    body: JSON.stringify({ registration: registration(facts, by) }),
  });
  const body: unknown = await answer.json();
  const said: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {};
  return String(said['code'] ?? said['state']);
}

describe('a stranger who applies 499 times from one address', () => {
  it('blocks no applicant elsewhere, no listed city in the same network, and nobody for long', async () => {
    const refused = new Set<string>();
    for (let n = 0; n < 499; n += 1) {
      const [name, domain] = (CITIES[n % CITIES.length] ?? '').split(':');
      // Half of them name listed cities whose domains they do not control.
      refused.add(await applies(STRANGER, n % 2 === 0 ? { name: `${name} Police`, domain } : unlisted()));
    }
    const waiting = (await registry.agencies()).filter(({ state }) => state === 'pending').length;
    for (let n = 0; n < 3; n += 1) expect([n, await applies(ELSEWHERE)]).toEqual([n, 'pending']);
    const boston = makeParty('agency', random);
    expect(await applies(ELSEWHERE, BOSTON)).toBe('pending');
    show('boston.gov', boston);
    // From the stranger's own network, while it is full, once that network may cause another query of the city's server.
    await clock.advance(10 * 60_000);
    expect(await applies('198.51.100.200', BOSTON, boston)).toBe('approved');
    expect([waiting, refused]).toEqual([20, new Set(['pending', 'agency_applications_full', 'http_rate_limited'])]);
    // An unlisted applicant in the stranger's network waits until entries expire; no moderator has to refuse them.
    await clock.advance(3_600_000);
    expect(await applies('198.51.100.200')).toBe('agency_applications_full');
    await clock.advance(7 * DAY_MS - 4_200_000);
    expect(await applies('198.51.100.200')).toBe('pending');
    expect((await registry.agencies()).filter(({ state }) => state === 'pending')).toHaveLength(1);
  }, 120_000);
});

describe('strangers in many networks', () => {
  /** The most applications that one network may have, from each of these. */
  const fill = async (networks: number, facts: () => object) => {
    for (let network = 0; network < networks; network += 1) {
      for (let n = 0; n < 20; n += 1)
        await registry.register(registration(facts(), makeParty('agency', random)), `10.${network}.0.0/24`);
    }
  };

  it('leave room for listed cities when they have filled the places of all others', async () => {
    await fill(20, unlisted);
    expect(await applies(ELSEWHERE)).toBe('agency_applications_full');
    expect(await applies(ELSEWHERE, BOSTON)).toBe('pending');
    await clock.advance(7 * DAY_MS);
    expect(await applies(ELSEWHERE)).toBe('pending');
  }, 60_000);

  it('cannot keep out a listed city whose domain shows its id when they have filled all places', async () => {
    await fill(25, () => BOSTON);
    expect(await applies(ELSEWHERE, BOSTON)).toBe('agency_applications_full');
    const boston = makeParty('agency', random);
    show('boston.gov', boston);
    expect(await applies(ELSEWHERE, { ...BOSTON, name: 'Springfield Police' }, boston)).toBe(
      'agency_applications_full',
    );
    expect(await applies(ELSEWHERE, BOSTON, boston)).toBe('approved');
  }, 60_000);
});

it('counts an IPv6 network by its /48', async () => {
  for (let n = 0; n < 20; n += 1) expect(await applies(`2001:db8:1:${n}::1`)).toBe('pending');
  expect(await applies('2001:db8:1:ffff::1')).toBe('agency_applications_full');
  expect(await applies('2001:db8:2::1')).toBe('pending');
});

describe('an application that nobody decides on', () => {
  it('is deleted after a week, and a later one of the same key has another revision than the moderator has seen', async () => {
    const agency = makeParty('agency', random);
    const facts = unlisted();
    show(facts.domain, agency);
    await applies(ELSEWHERE, facts, agency);
    const seen = await registry.agency(agency.id);
    await clock.advance(7 * DAY_MS);
    await applies(ELSEWHERE);
    await expect(registry.agency(agency.id)).rejects.toMatchObject({ code: 'agency_unknown' });
    await applies(ELSEWHERE, { ...facts, name: 'Another Name' }, agency);
    await expect(registry.approve(agency.id, seen.revision)).rejects.toMatchObject({ code: 'agency_changed' });
  });

  it('of an approved agency is deleted, the agency is not; of a refused one it is refused again', async () => {
    const [approved, refused] = [makeParty('agency', random), makeParty('agency', random)];
    const facts = unlisted();
    show(facts.domain, approved);
    await applies(ELSEWHERE, facts, approved);
    await registry.approve(approved.id);
    await applies(ELSEWHERE, { ...facts, name: 'Another Name' }, approved);
    const other = unlisted();
    await applies(ELSEWHERE, other, refused);
    await registry.refuse(refused.id, 'it is nobody');
    await applies(ELSEWHERE, { ...other, name: 'Another Name' }, refused);
    await clock.advance(7 * DAY_MS);
    await applies(ELSEWHERE);
    const now = await registry.agency(approved.id);
    expect([now.state, now.name, now.amendment]).toEqual(['approved', facts.name, undefined]);
    expect(await registry.agency(refused.id)).toMatchObject({ state: 'refused', refusals: 1 });
    expect(await registry.revocations()).toEqual(expect.any(String));
  });
});

it('is not filled for ever by refused agencies: the oldest of those never approved are deleted', async () => {
  const rules = await loadEligibility(new SystemDisk(), { stateAgencies: false, namesAllowed: [], dataFolder: folder });
  const factsOf = (n: number): AgencyFacts => ({
    ...{ agency: `agency-${n}`, key: 'A'.repeat(43), jurisdiction: 'municipal', ...unlisted() },
    ...{
      contact: { name: 'Desk', phone: '+1 617 555 0100' },
      profiles: ['nothing'],
      retention: ['theft'],
      sealing: null,
    },
  });
  const refused = (n: number, wasApproved: boolean): Agency => ({
    ...factsOf(n),
    ...{ state: 'refused', wasApproved, refusals: 1, scopes: [], except: [], revision: 2 },
  });
  const agencies = Array.from({ length: 10_000 }, (_, n) => refused(n, n < 100));
  const book = apply({ ...EMPTY_BOOK, agencies }, factsOf(10_000), rules, { nowS: 1 });
  const ids = book.agencies.map(({ agency }) => agency);
  expect([ids.length, ids[0], ids[99], ids[100], ids.at(-1)]).toEqual([
    ...[2_101, 'agency-0', 'agency-99', 'agency-8000', 'agency-10000'],
  ]);
  expect(book.agencies.at(-1)).toMatchObject({ state: 'pending', revision: 3 });
});

it('lets an agency apply with other facts five times a day', async () => {
  const agency = makeParty('agency', random);
  const facts = unlisted();
  await applies(ELSEWHERE, facts, agency);
  const again = (n: number) => applies(ELSEWHERE, { ...facts, name: `Town Police ${n}` }, agency);
  const answers: string[] = [];
  for (let n = 0; n < 7; n += 1) answers.push(await again(n));
  expect(answers).toEqual([...Array(5).fill('pending'), ...Array(2).fill('http_rate_limited')]);
  // The same facts again are no change.
  expect(await again(4)).toBe('pending');
  await clock.advance(DAY_MS);
  expect(await again(6)).toBe('pending');
});

it('does not let one network use up the queries of a city’s domain for others', async () => {
  for (let n = 0; n < 12; n += 1) await applies(STRANGER, BOSTON);
  const boston = makeParty('agency', random);
  show('boston.gov', boston);
  expect(await applies(ELSEWHERE, BOSTON, boston)).toBe('approved');
});
