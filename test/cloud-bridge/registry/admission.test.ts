// Without a moderator only a listed local government's own agency is admitted, when its domain shows its id; a moderator's decision cannot
// be circumvented that way.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DomainProof } from '../../../cloud-bridge/registry/domain-proof.ts';
import { Registry } from '../../../cloud-bridge/registry/registry.ts';
import { RegistryConfig } from '../../../cloud-bridge/registry/registry-config.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { signToken } from '../../../device/contract/jws.ts';
import { ShiftedClock } from '../../support/bridge-fixture.ts';
import { makeParty, type Party } from '../../support/parties.ts';

const random = new SystemRandom();
const clock = new ShiftedClock();
let folder: string;
let registry: Registry;
let agency: Party;

const open = async (settings: object = {}, domainProofs?: DomainProof[]) => {
  const config = RegistryConfig.parse({ dataFolder: folder, domainProofs: ['local'], ...settings });
  const deps = { clock, random, disk: new SystemDisk(), log: silentLog(), config };
  registry = new Registry({ ...deps, ...(domainProofs ? { domainProofs } : {}) });
  await registry.start();
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'doorsill-admission-'));
  mkdirSync(join(folder, 'domains'));
  agency = makeParty('agency', random);
  await open();
});
afterEach(async () => {
  await registry.stop();
  rmSync(folder, { recursive: true });
});

function show(domain: string, ...agencies: Party[]): void {
  writeFileSync(join(folder, 'domains', domain), agencies.map(({ id }) => `doorsill-agency=${id}\n`).join(''));
}

function apply(changes: object = {}, by: Party = agency, from?: string) {
  const iat = Math.floor(clock.wallUs() / 1e6);
  const call = {
    action: 'register',
    name: 'Boston Police Department',
    jurisdiction: 'municipal',
    domain: 'boston.gov',
    contact: { name: 'Records Desk', phone: '+1 617 555 0100' },
    profiles: ['nothing'],
    retention: ['theft'],
    ...changes,
  };
  const claims = { iss: by.key.publicKey, aud: registry.id, iat, exp: iat + 60, jti: freshId(random, 'call') };
  return registry.register(signToken('doorsill-agency+jws', { ...claims, agency: by.id, call }, by.key), from);
}

describe('an agency of a listed city', () => {
  it('is admitted at once when its domain shows its id, and its credential is good', async () => {
    show('boston.gov', agency);
    expect(await apply()).toMatchObject({ state: 'approved', domainProof: 'local', revision: 2 });
    expect(await registry.credential(agency.id)).toEqual(expect.any(String));
    expect(await registry.agency(agency.id)).not.toHaveProperty('waits');
  });

  it('waits while its domain does not show the id, and is admitted when it applies again afterwards', async () => {
    expect(await apply()).toMatchObject({ state: 'pending', waits: 'boston.gov does not show its id yet' });
    show('boston.gov', makeParty('agency', random));
    expect(await apply()).toMatchObject({ state: 'pending' });
    show('boston.gov', agency);
    expect(await apply()).toMatchObject({ state: 'approved' });
  });

  it('waits for a moderator when its name or domain differs from the list, whatever the domain shows', async () => {
    for (const domain of ['boston.gov', 'bostonpd.example', 'tucsonaz.gov']) show(domain, agency);
    const others = [{ name: 'Springfield Police' }, { domain: 'bostonpd.example' }, { domain: 'tucsonaz.gov' }];
    for (const facts of [...others, { name: 'Boston Ice Police' }]) {
      expect([facts, await apply(facts)]).toMatchObject([facts, { state: 'pending', waits: expect.any(String) }]);
    }
    await expect(registry.credential(agency.id)).rejects.toMatchObject({ code: 'agency_pending' });
    expect(await registry.approve(agency.id)).toMatchObject({ state: 'approved', name: 'Boston Ice Police' });
  });

  it('is admitted by the operator’s own list alone when there is one', async () => {
    await registry.stop();
    const head = 'Domain name,Domain type,Organization name,Suborganization name,City,State,Security contact email';
    writeFileSync(join(folder, 'own.csv'), `${head}\nalice.gov,City,City of Alice,,Alice,TX,x\n`);
    await open({ localGovernments: 'own.csv' });
    show('boston.gov', agency);
    show('alice.gov', agency);
    expect(await apply()).toMatchObject({ state: 'pending' });
    expect(await apply({ domain: 'alice.gov', name: 'Alice Police' })).toMatchObject({ state: 'approved' });
  });

  it('has its domain queried only a few times: anyone can apply in its name', async () => {
    await registry.stop();
    let asked = 0;
    const shows = async () => {
      asked += 1;
      return 'the line is not there';
    };
    await open({}, [{ kind: 'https', shows }]);
    for (let round = 0; round < 5; round += 1) await apply({}, makeParty('agency', random));
    expect(asked).toBe(3);
    // Also over all networks together: each of these queries once, and again when it applies again.
    const strangers = Array.from({ length: 110 }, (_, network) => [makeParty('agency', random), network] as const);
    for (const [stranger, network] of strangers) {
      for (let round = 0; round < 3; round += 1) await apply({}, stranger, `10.0.${network}.0/24`);
    }
    expect(asked).toBe(300);
  });
});

describe('a moderator’s decision', () => {
  it.each<[string, (id: string) => Promise<unknown>]>([
    ['suspends it', (id) => registry.suspend(id, 'is looked into')],
    ['revokes it', (id) => registry.revoke(id)],
    ['takes a county from it', (id) => registry.revoke(id, 'area-dp0')],
    ['takes its requests to residents', (id) => registry.revoke(id, 'community-request')],
  ])('that %s keeps another key under the same domain waiting, too', async (_what, decide) => {
    const next = makeParty('agency', random);
    show('boston.gov', agency, next);
    show('police.boston.gov', next);
    await apply();
    await decide(agency.id);
    for (const domain of ['boston.gov', 'police.boston.gov']) {
      const again = await apply({ domain }, next);
      expect(again).toMatchObject({ state: 'pending', waits: expect.stringContaining(agency.id) });
    }
    expect(await registry.approve(next.id)).toMatchObject({ state: 'approved' });
  });

  it('that refuses an application is not undone by applying again, nor under another key', async () => {
    await apply();
    await registry.refuse(agency.id, 'it is not theirs');
    const next = makeParty('agency', random);
    show('boston.gov', agency, next);
    expect(await apply({ contact: { name: 'Another Desk', phone: '+1 617 555 0101' } })).toMatchObject({
      state: 'pending',
      waits: expect.stringContaining('has decided against'),
      refusals: 1,
    });
    expect(await apply({}, next)).toMatchObject({ state: 'pending' });
  });

  /** A domain that shows every id, and a callback for its first query. */
  const meanwhile = async (happens: () => Promise<unknown>) => {
    await registry.stop();
    let isFirst = true;
    const shows = async () => {
      if (isFirst) {
        isFirst = false;
        await happens();
      }
      return true as const;
    };
    await open({}, [{ kind: 'https', shows }]);
  };

  it('that comes while the domain is queried stands', async () => {
    await meanwhile(() => registry.refuse(agency.id, 'it is not theirs'));
    expect(await apply()).toMatchObject({ state: 'refused' });
  });

  it('about another key of the same city that comes while the domain is queried keeps this one waiting', async () => {
    show('boston.gov', agency);
    await apply();
    await meanwhile(() => registry.suspend(agency.id, 'is looked into'));
    expect(await apply({}, makeParty('agency', random))).toMatchObject({ state: 'pending' });
  });
});

it('applies the proof to one domain alone: an agency that changes its domain while it is queried waits', async () => {
  await registry.stop();
  const asked: string[] = [];
  const shows = async (domain: string) => {
    asked.push(domain);
    if (domain !== 'boston.gov') return 'the line is not there';
    await apply({ domain: 'tucsonaz.gov', name: 'Tucson Police Department' });
    return true as const;
  };
  await open({}, [{ kind: 'https', shows }]);
  expect(await apply()).toMatchObject({ state: 'pending', domain: 'tucsonaz.gov' });
  expect(asked).toEqual(['boston.gov', 'tucsonaz.gov']);
});
