// No route of bridge and vault accepts an unreadable officer's name or reason. The routes come from the servers' own documents, so that new
// ones are tested, too.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { officerOf } from '../../../sim/cli/running-testbed.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { makeParty } from '../../support/parties.ts';
import { type ApiDocument, documentSchema } from '../../support/recorded-calls.ts';
import { OfferedClip, type Officer, VaultFixture } from '../../support/vault-fixture.ts';

/** Names or reasons that cannot be read, searched or attributed. */
const UNREADABLE: readonly [string, string][] = [
  ['blanks', '     '],
  ['no-break blanks', '\u00a0\u2003\u3000\u00a0'],
  ['zero-width blanks', '\u200b\u200b\u200b'],
  ['Hangul fillers', '\u3164\u3164\u3164'],
  ['other Hangul fillers', '\u115f\u1160\uffa0'],
  ['empty Braille', '\u2800\u2800\u2800'],
  ['variation selectors', '\ufe0f\u{e0100}\ufe0f'],
  ['combining marks alone', '\u0301\u0301\u0301'],
  ['letters that are marks alone', '\ufe70\u037a\ufe70'],
  ['dots', '....'],
  ['dashes', '---'],
  ['one letter among dots', '..a..'],
  ['one letter among fillers', '\u3164a\u3164\u3164'],
  ['a line that turns around', 'Sgt. \u202elliH'],
  ['two lines', 'Sgt.\nHill'],
  ['letters that a zero-width blank parts', 'Sgt. Hi\u200bll'],
];
/** Tried at every route; the others at one route of each server, because explained refusals are rate-limited. */
const AT_EVERY_ROUTE = ['blanks', 'zero-width blanks', 'Hangul fillers', 'dots'];
const READABLE = ['Li', 'Ng', '47', 'Ⅻ b', '李娜', 'Ђорђе', 'ｂａｄｇｅ', 'مريم', "O'Brien-Ñañez", 'É. Zola'];

const folder = temporaryFolder('nameless-officers');
let fixture: BridgeFixture;
let vault: VaultFixture;
let parcel: Parcel;
let officer: Officer;
let item: string;
beforeAll(async () => {
  fixture = await BridgeFixture.open({ bridge: { requests: { moderation: 'everything' } } });
  vault = await new VaultFixture(join(folder.path, 'vault')).start();
  await fixture.admitAgency();
  await fixture.enrol();
  const request = fixture.cast.request();
  const posted = await fixture.post('/v1/requests', { request });
  const path = `/v1/moderation/${String(posted.body['request'])}/approve`;
  expect((await fixture.post(path, { revision: 1 }, fixture.bridge.adminToken)).status).toBe(200);
  parcel = fixture.parcel(request);
  expect((await fixture.deliver(parcel)).status).toBe(204);
  await vault.pin(fixture.cast.bridge);
  ({ item } = await new OfferedClip(fixture, vault, request, fixture.parcel(request)).handOver());
  officer = await vault.officer(fixture.cast.agency.id);
});
afterAll(async () => {
  await vault.stop();
  await fixture.close();
  folder.dispose();
});

/** Every operation of a role's callers, e.g. `GET /v1/clips/{clip}`. */
function operationsFor(document: ApiDocument, role: string): string[] {
  return Object.entries(document.paths).flatMap(([path, of]) =>
    Object.entries(of)
      .filter(([, operation]) => operation['x-roles'].includes(role))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
}

const bridgeRoutes = async () =>
  operationsFor(documentSchema.parse((await fixture.get('/openapi.json')).body), 'officer');
const vaultRoutes = async () =>
  operationsFor(documentSchema.parse((await vault.send('GET', '/openapi.json', {})).body), 'client');
/** A valid body for each route of the vault. */
const BODIES: Readonly<Record<string, object>> = {
  '/evidence/{item}/triage': { decision: 'accept' },
  '/evidence/{item}/categories': { categories: [] },
  '/evidence/{item}/access-class': { accessClass: 'none' },
  '/categories/{category}': { days: 30 },
  '/policy': { recall: { answer: 'keep', reason: 'the trial needs it' } },
};

async function askBridge(route: string, said: object): Promise<string> {
  const [method, path = ''] = route.split(' ');
  const of = path.includes('{clip}') ? parcel.clipId : 'all';
  const bearer = fixture.access(of, fixture.cast.agency, said);
  const own = path.replace('{clip}', parcel.clipId);
  const { status, body } = await (method === 'POST'
    ? fixture.post(own, { verdict: 'none' }, bearer)
    : fixture.get(own, bearer));
  return `${route} -> ${status} ${String(body['code'] ?? '')}`.trim();
}

async function askVault(route: string, { officer: name, reason }: Record<string, string>): Promise<string> {
  const [method = '', path = ''] = route.split(' ');
  const own = path.replace('/v1/agencies/{agency}', '');
  const filled = own.replace('{item}', item).replace('{case}', 'SPD-1').replace('{category}', 'theft');
  const who = { 'x-officer': encodeURIComponent(name ?? ''), 'x-reason': encodeURIComponent(reason ?? '') };
  const { status, body } = await vault.as(
    officer,
    method,
    filled,
    method === 'PUT' || method === 'POST' ? (BODIES[own] ?? {}) : undefined,
    who,
  );
  return `${route} -> ${status} ${String(body['code'] ?? '')}`.trim();
}

const NAMED = { officer: 'Det. Rivera', reason: 'case SPD-2026-0117' };

describe('an unreadable text', () => {
  it.each(UNREADABLE)('names no officer at the bridge: %s', async (what, text) => {
    const all = await bridgeRoutes();
    expect(all.length).toBeGreaterThan(5);
    const routes = AT_EVERY_ROUTE.includes(what) ? all : all.slice(0, 1);
    const answers = [];
    for (const route of routes) {
      answers.push(
        await askBridge(route, { ...NAMED, officer: text }),
        await askBridge(route, { ...NAMED, reason: text }),
      );
    }
    expect(answers.filter((answer) => !answer.endsWith('400 access_reason_missing'))).toEqual([]);
  });

  it.each(UNREADABLE)('names no officer at the vault: %s', async (what, text) => {
    const all = await vaultRoutes();
    expect(all.length).toBeGreaterThan(15);
    const routes = AT_EVERY_ROUTE.includes(what) ? all : all.slice(0, 1);
    const answers = [];
    for (const route of routes) {
      answers.push(
        await askVault(route, { ...NAMED, officer: text }),
        await askVault(route, { ...NAMED, reason: text }),
      );
    }
    expect(answers.filter((answer) => !answer.endsWith('400 vault_reason_missing'))).toEqual([]);
  });

  it('is refused as the reason of a decision, of a dispute or in a policy', async () => {
    const { adminToken } = fixture.bridge;
    const other = makeParty('agency', new SystemRandom());
    const { revision } = await fixture.registry.register(fixture.registration({ domain: 'other.example' }, other));
    const posted = await fixture.post('/v1/requests', { request: fixture.cast.request() });
    expect(posted.status).toBe(201);
    const moderation = `/v1/moderation/${String(posted.body['request'])}/refuse`;
    const authorised = { authorization: `Bearer ${fixture.registry.adminToken}`, 'content-type': 'application/json' };
    const atRegistry = async (verb: string, reason: string) => {
      const place = `${fixture.registry.url}/v1/agencies/${other.id}/${verb}`;
      const call = { method: 'POST', headers: authorised, body: JSON.stringify({ revision, reason }) };
      return (await fetch(place, call)).status;
    };
    const taken = [];
    for (const [what, reason] of UNREADABLE) {
      const policy = { recall: { answer: 'keep', reason } };
      const answers = {
        refuse: await atRegistry('refuse', reason),
        suspend: await atRegistry('suspend', reason),
        moderation: (await fixture.post(moderation, { revision: 1, reason }, adminToken)).status,
        dispute: (await fixture.post('/v1/disputes', { clip: parcel.clipId, reason }, adminToken)).status,
        policy: (await vault.as(officer, 'PUT', '/policy', policy)).status,
      };
      taken.push(
        ...Object.entries(answers)
          .filter(([, status]) => status !== 400)
          .map(([route]) => `${route}: ${what}`),
      );
    }
    expect(taken).toEqual([]);
    expect(await atRegistry('refuse', ' no proof of the domain ')).toBe(200);
    expect((await fixture.post(moderation, { revision: 1, reason: ' about a protest ' }, adminToken)).status).toBe(200);
  });

  it.each(UNREADABLE)('is refused by the command line: %s', (_what, text) => {
    for (const said of [
      { ...NAMED, officer: text },
      { ...NAMED, reason: text },
    ]) {
      expect(() => officerOf(said)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });

  it('is in no log', async () => {
    const { body } = await fixture.get('/v1/access-audit?limit=500', fixture.bridge.adminToken);
    expect(body['accesses']).toEqual([]);
    const { body: trail } = await vault.as(officer, 'GET', '/trail?limit=200');
    const entries = trail['entries'];
    expect(Array.isArray(entries) && entries.filter(({ officer: by }) => by !== '' && by !== NAMED.officer)).toEqual(
      [],
    );
  });
});

it.each(READABLE)('takes the name %s everywhere, and blanks around it are not logged', async (name) => {
  const said = { officer: `  ${name} `, reason: `\u3000case ${name}  ` };
  expect(await askBridge('GET /v1/clips/{clip}/manifest', said)).toMatch(/ 200$/);
  expect(await askVault('GET /v1/agencies/{agency}/evidence/{item}', said)).toMatch(/ 200$/);
  expect(officerOf(said)).toEqual({ officer: name, reason: `case ${name}` });
  const { body } = await fixture.get('/v1/access-audit?limit=500', fixture.bridge.adminToken);
  const rows = body['accesses'];
  expect(Array.isArray(rows) && rows.at(-1)).toMatchObject({ officer: name, reason: `case ${name}` });
});
