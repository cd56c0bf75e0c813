// Which agencies get a credential, how a revocation ends it, and that all decisions outlive a restart.
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { headAnswerSchema } from '../../../cloud-bridge/custody/custody-answers.ts';
import { Registry } from '../../../cloud-bridge/registry/registry.ts';
import { RegistryConfig } from '../../../cloud-bridge/registry/registry-config.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256, verifySignature } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { fromHex, toHex, utf8 } from '../../../device/contract/bytes.ts';
import { CustodyEntry, TreeHead } from '../../../device/contract/custody.ts';
import { openToken, signToken } from '../../../device/contract/jws.ts';
import { leafHash, rootOfInclusion } from '../../../device/contract/merkle.ts';
import { Credential, Revocations } from '../../../device/contract/request.ts';
import { PUBLIC_AUDIENCE } from '../../../device/contract/shared-claims.ts';
import { revokedBy } from '../../../device/contract/verify-published-request.ts';
import { ShiftedClock } from '../../support/bridge-fixture.ts';
import { makeParty, type Party } from '../../support/parties.ts';
import { Sqlite } from '../../support/sqlite.ts';

const random = new SystemRandom();
const clock = new ShiftedClock();
let folder: string;
let registry: Registry;
let agency: Party;

const open = async (stateAgencies = false) => {
  // No network: a file holds what the domains show.
  const settings = { domainProofs: ['local'], areas: { 'mercer-county': ['dp0', '9q8y'] } };
  const config = RegistryConfig.parse({ dataFolder: folder, stateAgencies, ...settings });
  registry = new Registry({ clock, random, disk: new SystemDisk(), log: silentLog(), config });
  await registry.start();
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-registry-'));
  agency = makeParty('agency', random);
  clock.shiftS = 0;
  await mkdir(join(folder, 'domains'));
  await show(agency);
  await open();
});
afterEach(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

const inclusionSchema = z.object({ leaf: z.int(), size: z.int(), path: z.array(z.string()) });
const entriesSchema = z.object({ entries: z.array(z.object({ entry: z.string() })) });

/** An answer of the registry's custody log. */
async function log<Answer>(path: string, schema: z.ZodType<Answer>): Promise<Answer> {
  return schema.parse(await (await fetch(`${registry.url}/v1/custody/${path}`)).json());
}

async function leaves() {
  const { entries } = await log('entries', entriesSchema);
  return entries.map(({ entry }) => {
    const leaf = CustodyEntry.parse(JSON.parse(entry));
    if (leaf.kind !== 'agency') throw new Error(`a leaf about a ${leaf.kind}`);
    return leaf;
  });
}

/** Makes the domain show these agencies' ids. */
async function show(...agencies: Party[]): Promise<void> {
  await writeFile(
    join(folder, 'domains', 'springfield.example'),
    agencies.map(({ id }) => `doorsill-agency=${id}\n`).join(''),
  );
}

function registration(call: object = {}, claims: object = {}, by: Party = agency): string {
  const iat = Math.floor(clock.wallUs() / 1e6);
  const facts = {
    name: 'Springfield Police',
    jurisdiction: 'municipal',
    domain: 'springfield.example',
    contact: { name: 'Records Desk', phone: '+1 217 555 0100' },
    profiles: ['nothing', 'address-and-email'],
    retention: ['theft'],
  };
  const jti = freshId(random, 'call');
  const base = { iss: by.key.publicKey, aud: registry.id, iat, exp: iat + 60, jti, agency: by.id };
  return signToken(
    'doorsill-agency+jws',
    { ...base, call: { action: 'register', ...facts, ...call }, ...claims },
    by.key,
  );
}

function credential(token: string): Credential {
  const opened = openToken(token, {
    typ: 'doorsill-credential+jws',
    schema: Credential,
    audience: 'public',
    keys: [registry.publicKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw new Error(opened.fault);
  return opened.claims;
}

async function list(): Promise<Revocations> {
  const opened = openToken(await registry.revocations(), {
    typ: 'doorsill-revocations+jws',
    schema: Revocations,
    audience: 'public',
    keys: [registry.publicKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw new Error(opened.fault);
  return opened.claims;
}

async function call(method: 'GET' | 'POST', path: string, body?: object, bearer = registry.adminToken) {
  const response = await fetch(`${registry.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const answer: unknown = await response.json();
  const fields: Record<string, unknown> = typeof answer === 'object' && answer !== null ? { ...answer } : {};
  return { status: response.status, body: fields };
}

it('gives an approved agency a credential that is valid for at most a day', async () => {
  expect(await call('POST', '/v1/agencies', { registration: registration() })).toMatchObject({
    status: 201,
    body: { agency: agency.id, state: 'pending' },
  });
  expect(await call('GET', `/v1/credentials/${agency.id}`)).toMatchObject({
    status: 403,
    body: { code: 'agency_pending' },
  });
  const approval = { revision: 1 };
  expect(await call('POST', `/v1/agencies/${agency.id}/approve`, approval)).toMatchObject({
    body: { state: 'approved', revision: 2, domainProof: 'local' },
  });
  const answer = await call('GET', `/v1/credentials/${agency.id}`);
  const claims = credential(String(answer.body['credential']));
  expect(claims).toMatchObject({ agency: agency.id, key: agency.key.publicKey, scopes: ['community-request'] });
  expect(claims.exp - claims.iat).toBeLessThanOrEqual(24 * 3600);
  expect(await call('GET', '/v1/key')).toMatchObject({ body: { id: registry.id, key: registry.publicKey } });
});

it.each([
  ['a federal agency', { jurisdiction: 'federal' }, 'agency_federal'],
  ['a state agency, unless the settings allow it', { jurisdiction: 'state' }, 'agency_ineligible'],
  ['a free-mail domain', { domain: 'gmail.com' }, 'agency_ineligible'],
  ['a domain of one label', { domain: 'police' }, 'token_unknown_claims'],
])('refuses %s', async (_who, facts, code) => {
  expect((await call('POST', '/v1/agencies', { registration: registration(facts) })).body['code']).toBe(code);
});

it('takes state agencies where the settings allow it, federal ones nowhere', async () => {
  await registry.stop();
  await open(true);
  expect((await call('POST', '/v1/agencies', { registration: registration({ jurisdiction: 'state' }) })).status).toBe(
    201,
  );
  const federal = registration({ jurisdiction: 'federal' });
  expect((await call('POST', '/v1/agencies', { registration: federal })).body['code']).toBe('agency_federal');
});

it('refuses a registration that the agency’s own key did not sign, or that is old or for another audience', async () => {
  const other = makeParty('agency', random);
  const nowS = Math.floor(clock.wallUs() / 1e6);
  const tokens: [string, string][] = [
    [registration({}, { agency: other.id }), 'token_unknown_claims'],
    [registration({}, { iss: other.key.publicKey }), 'token_bad_signature'],
    [registration({}, { aud: 'registry-other' }), 'token_wrong_audience'],
    [registration({}, { iat: nowS - 500, exp: nowS - 400 }), 'token_expired'],
    [registration({}, { exp: nowS + 86_400 }), 'token_expired'],
    [registration({ action: 'see-request', request: 'x' }), 'token_unknown_claims'],
  ];
  for (const [token, code] of tokens) {
    expect((await call('POST', '/v1/agencies', { registration: token })).body['code']).toBe(code);
  }
});

it('refuses changes without the admin token, which is in a file that only its user can read', async () => {
  await registry.register(registration());
  for (const verb of ['approve', 'refuse', 'suspend', 'revoke', 'reinstate', 'rotate']) {
    const path = `/v1/agencies/${agency.id}/${verb}`;
    expect((await call('POST', path, { revision: 1 }, 'x'.repeat(43))).status).toBe(401);
  }
  for (const path of ['/v1/agencies', `/v1/agencies/${agency.id}`]) {
    expect((await call('GET', path, undefined, 'x'.repeat(43))).status).toBe(401);
    expect((await call('GET', path)).status).toBe(200);
  }
  expect(await registry.agency(agency.id)).toMatchObject({ state: 'pending', revision: 1 });
  for (const name of ['admin.token', 'signing.key']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
});

it('invalidates every credential issued before a revocation, and none issued after a reinstatement', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  const old = credential(await registry.credential(agency.id));
  const before = await list();
  expect(before.revoked).toEqual([]);
  await registry.revoke(agency.id);
  await expect(registry.credential(agency.id)).rejects.toMatchObject({ code: 'agency_revoked' });
  expect((await list()).revision).toBeGreaterThan(before.revision);
  expect(revokedBy(await list(), old, ['9q8yy'])).toBe(true);
  await registry.reinstate(agency.id);
  const fresh = credential(await registry.credential(agency.id));
  expect(revokedBy(await list(), fresh, ['9q8yy'])).toBe(false);
  expect(revokedBy(await list(), old, ['9q8yy'])).toBe(true);
});

it('revokes one scope alone', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  const old = credential(await registry.credential(agency.id));
  await call('POST', `/v1/agencies/${agency.id}/revoke`, { scope: 'community-request' });
  expect(credential(await registry.credential(agency.id)).scopes).toEqual([]);
  expect(revokedBy(await list(), old, ['9q8yy'])).toBe(true);
});

it('refuses agencies that it does not know, or has not approved', async () => {
  for (const path of ['approve', 'revoke', 'reinstate']) {
    expect((await call('POST', `/v1/agencies/agency-nobody/${path}`, { revision: 1 })).body['code']).toBe(
      'agency_unknown',
    );
  }
  expect((await call('GET', '/v1/credentials/agency-nobody')).body['code']).toBe('agency_unknown');
  await registry.register(registration());
  expect((await call('POST', `/v1/agencies/${agency.id}/reinstate`, { revision: 1 })).body['code']).toBe(
    'agency_pending',
  );
});

it('keeps the list’s revision while nothing changes', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  await registry.revoke(agency.id);
  const { revision } = await list();
  await registry.revoke(agency.id);
  expect((await list()).revision).toBe(revision);
});

it('does not let a revoked agency register again, nor change its facts without approval', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  expect((await registry.register(registration())).state).toBe('approved');
  const amended = await registry.register(registration({ name: 'Another Name' }));
  expect(amended).toMatchObject({ state: 'approved', name: 'Springfield Police', amendment: { name: 'Another Name' } });
  expect(credential(await registry.credential(agency.id)).name).toBe('Springfield Police');
  await registry.revoke(agency.id);
  await expect(registry.register(registration())).rejects.toMatchObject({ code: 'agency_revoked' });
  await expect(registry.approve(agency.id)).rejects.toMatchObject({ code: 'agency_revoked' });
});

it.each<[string, object | undefined, object | undefined]>([
  ['names a first key for its clips', undefined, { keeper: 'vault' }],
  ['names another one', { keeper: 'recipient' }, { keeper: 'recipient' }],
  ['has its vault open them instead', { keeper: 'recipient' }, { keeper: 'vault' }],
  ['names none any more', { keeper: 'vault' }, undefined],
])('lists the former credentials of an agency as revoked once it %s', async (_what, before, after) => {
  const of = (keeper: object | undefined) =>
    keeper ? { sealing: { key: generateSealingKey(random).publicKey, ...keeper } } : {};
  const [first, second] = [of(before), of(after)];
  await registry.register(registration(first));
  await registry.approve(agency.id);
  const former = credential(await registry.credential(agency.id));
  await registry.register(registration(second));
  // Until a moderator has approved the change, credentials name the key of before.
  const waiting = credential(await registry.credential(agency.id));
  expect([former.sealing, waiting.sealing]).toEqual([first.sealing, first.sealing]);
  await registry.approve(agency.id);
  const newest = credential(await registry.credential(agency.id));
  expect(newest.sealing).toEqual(second.sealing);
  const now = await list();
  const cells = ['dp0623'];
  expect([former, waiting, newest].map((each) => revokedBy(now, each, cells))).toEqual([true, true, false]);
});

it('keeps its key, list and decisions over a restart', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  await registry.revoke(agency.id);
  const [key, revision] = [registry.publicKey, (await list()).revision];
  await registry.stop();
  await open();
  expect(registry.publicKey).toBe(key);
  expect(await list()).toMatchObject({ revision, revoked: [{ agency: agency.id }] });
});

it('does not start on a damaged book, which could restore revoked agencies', async () => {
  await registry.register(registration());
  await registry.stop();
  const file = new Sqlite(join(folder, 'custody.sqlite'));
  const entry = file.prepare('select entry from registry_agencies').pluck().get();
  file.prepare('update registry_agencies set entry = ?').run(String(entry).slice(0, -20));
  await expect(open()).rejects.toMatchObject({ code: 'state_damaged' });
  file.prepare('update registry_agencies set entry = ?').run(entry);
  file.close();
  await open();
});

describe('a moderator', () => {
  const decide = async (verb: string, body: object) =>
    (await call('POST', `/v1/agencies/${agency.id}/${verb}`, body)).body;

  it('who decides on an outdated revision is refused', async () => {
    await registry.register(registration());
    const both = await Promise.all([
      decide('approve', { revision: 1 }),
      decide('refuse', { revision: 1, reason: 'no such town' }),
    ]);
    expect(both.map((body) => body['code'] ?? body['state']).sort()).toEqual(
      expect.arrayContaining(['agency_changed', expect.stringMatching(/approved|refused/)]),
    );
    const left = await registry.agency(agency.id);
    expect(left.revision).toBe(2);
    const decisions: [string, object][] = [
      ['approve', {}],
      ['refuse', { reason: 'too late' }],
      ['suspend', { reason: 'too late' }],
      ['revoke', {}],
      ['reinstate', {}],
    ];
    for (const [verb, body] of decisions) {
      expect(await decide(verb, { revision: 1, ...body })).toMatchObject({
        code: 'agency_changed',
        facts: { state: left.state, revision: 2 },
      });
    }
    expect(await registry.agency(agency.id)).toEqual(left);
  });

  it('must say what was checked, and why an application is refused', async () => {
    await registry.register(registration());
    for (const [verb, body] of [
      ['approve', {}],
      ['reinstate', {}],
      ['refuse', { revision: 1 }],
      ['suspend', { reason: ' ' }],
      ['rotate', { rotation: 'x' }],
    ] as const) {
      expect((await decide(verb, body))['code']).toBe('http_body_invalid');
    }
  });

  it('refuses an application with the reason, and may approve a corrected one', async () => {
    await registry.register(registration());
    await decide('refuse', { revision: 1, reason: 'the name is misspelt' });
    await expect(registry.credential(agency.id)).rejects.toMatchObject({
      code: 'agency_refused',
      message: expect.stringContaining('misspelt'),
    });
    await registry.register(registration({ name: 'Springfield Police Department' }));
    expect(await decide('approve', { revision: 3 })).toMatchObject({ state: 'approved' });
    expect(await decide('refuse', { revision: 4, reason: 'second thoughts' })).toMatchObject({
      code: 'agency_changed',
    });
  });

  it('cannot approve an agency whose domain does not show its id', async () => {
    await registry.register(registration());
    await show(makeParty('agency', random));
    expect(await decide('approve', { revision: 1 })).toMatchObject({
      code: 'agency_domain_unproven',
      facts: { domain: 'springfield.example', proof: `doorsill-agency=${agency.id}` },
    });
    expect((await registry.agency(agency.id)).state).toBe('pending');
  });

  it('suspends: every credential becomes invalid at once, and stays so after a reinstatement', async () => {
    await registry.register(registration());
    await registry.approve(agency.id);
    const old = credential(await registry.credential(agency.id));
    expect(await decide('suspend', { revision: 2, reason: 'searches are looked into' })).toMatchObject({
      state: 'suspended',
    });
    expect(revokedBy(await list(), old, ['9q8yy'])).toBe(true);
    await expect(registry.credential(agency.id)).rejects.toMatchObject({ code: 'agency_suspended' });
    await expect(registry.register(registration({ name: 'New Name' }))).rejects.toMatchObject({
      code: 'agency_suspended',
    });
    expect(await decide('approve', { revision: 3 })).toMatchObject({ code: 'agency_suspended' });
    expect(await decide('reinstate', { revision: 3 })).toMatchObject({ state: 'approved' });
    const fresh = credential(await registry.credential(agency.id));
    expect([revokedBy(await list(), old, ['9q8yy']), revokedBy(await list(), fresh, ['9q8yy'])]).toEqual([true, false]);
  });

  it('takes one county away: old and new credentials reach homes elsewhere, and none there', async () => {
    await registry.register(registration());
    await registry.approve(agency.id);
    const old = credential(await registry.credential(agency.id));
    expect(await decide('revoke', { scope: 'area-mercer-county' })).toMatchObject({ state: 'approved' });
    const fresh = credential(await registry.credential(agency.id));
    expect(fresh.except).toEqual(['dp0', '9q8y']);
    for (const one of [old, fresh]) {
      expect(revokedBy(await list(), one, ['dp0ab'])).toBe(true);
      expect(revokedBy(await list(), one, ['u0nda', '9q8yy'])).toBe(true);
      expect(revokedBy(await list(), one, ['u0nda'])).toBe(false);
    }
    const { revision } = await list();
    await decide('revoke', { scope: 'area-mercer-county' });
    expect((await list()).revision).toBe(revision);
    await decide('reinstate', { revision: 3, scope: 'area-dp0' });
    const again = credential(await registry.credential(agency.id));
    expect([revokedBy(await list(), again, ['dp0ab']), revokedBy(await list(), again, ['9q8yy'])]).toEqual([
      false,
      true,
    ]);
    await decide('reinstate', { revision: 4 });
    expect(credential(await registry.credential(agency.id)).except).toEqual([]);
    expect(await decide('revoke', { scope: 'area-nowhere' })).toMatchObject({ code: 'http_body_invalid' });
  });

  it('approves changed facts of an approved agency: credentials with the former facts become invalid', async () => {
    await registry.register(registration());
    await registry.approve(agency.id);
    const old = credential(await registry.credential(agency.id));
    const desk = { name: 'Another Desk', phone: '+1 217 555 0101' };
    expect(await registry.register(registration({ contact: desk }))).toMatchObject({ revision: 3 });
    expect(await decide('approve', { revision: 3 })).toMatchObject({ contact: desk, state: 'approved' });
    expect((await list()).revoked).toEqual([]);
    await registry.register(registration({ contact: desk, name: 'Springfield Constable' }));
    expect(await decide('approve', { revision: 4 })).toMatchObject({ code: 'agency_changed' });
    const approved = await decide('approve', { revision: 5 });
    expect(approved).toMatchObject({ name: 'Springfield Constable', revision: 6 });
    expect(approved).not.toHaveProperty('amendment');
    const fresh = credential(await registry.credential(agency.id));
    expect([revokedBy(await list(), old, ['9q8yy']), revokedBy(await list(), fresh, ['9q8yy'])]).toEqual([true, false]);
  });

  it('sees an amendment disappear when its agency withdraws it, and proves the domain that the amendment names', async () => {
    await registry.register(registration());
    await registry.approve(agency.id);
    await registry.register(registration({ domain: 'elsewhere.example' }));
    expect(await decide('approve', { revision: 3 })).toMatchObject({
      code: 'agency_domain_unproven',
      facts: { domain: 'elsewhere.example' },
    });
    expect(await registry.register(registration())).not.toHaveProperty('amendment');
    expect(await decide('refuse', { revision: 4, reason: 'nothing waits' })).toMatchObject({ code: 'agency_changed' });
    expect(credential(await registry.credential(agency.id)).domain).toBe('springfield.example');
  });

  it('can bar an applicant without an entry in the list; a reinstatement is no approval', async () => {
    await registry.register(registration());
    await decide('suspend', { reason: 'it is nobody' });
    expect(await registry.agency(agency.id)).toMatchObject({ state: 'suspended' });
    await expect(registry.register(registration({ name: 'Another' }))).rejects.toMatchObject({
      code: 'agency_suspended',
    });
    expect((await list()).revoked).toEqual([]);
    expect(await decide('reinstate', { revision: 2 })).toMatchObject({ state: 'pending' });
    await expect(registry.credential(agency.id)).rejects.toMatchObject({ code: 'agency_pending' });
  });

  it('does not restore a key that was rotated away by revoking and reinstating it', async () => {
    await registry.register(registration());
    await registry.approve(agency.id);
    const next = makeParty('agency', random);
    await show(agency, next);
    await registry.rotate(
      agency.id,
      registration({ action: 'rotate-key' }, { call: { action: 'rotate-key', from: agency.id } }, next),
    );
    await registry.revoke(agency.id);
    await expect(registry.suspend(agency.id, 'too late')).rejects.toMatchObject({ code: 'agency_key_rotated' });
    await expect(registry.reinstate(agency.id)).rejects.toMatchObject({ code: 'agency_key_rotated' });
  });

  it('gives an agency a new key: the old one is invalid, the agency stays the same', async () => {
    await registry.register(registration());
    await registry.approve(agency.id);
    const old = credential(await registry.credential(agency.id));
    const next = makeParty('agency', random);
    const rotation = (from = agency.id) =>
      registration({ action: 'rotate-key', from }, { call: { action: 'rotate-key', from } }, next);
    expect(await decide('rotate', { revision: 2, rotation: rotation() })).toMatchObject({
      code: 'agency_domain_unproven',
    });
    await show(agency, next);
    expect(await decide('rotate', { revision: 2, rotation: rotation('agency-other') })).toMatchObject({
      code: 'token_unknown_claims',
    });
    expect(await decide('rotate', { revision: 1, rotation: rotation() })).toMatchObject({ code: 'agency_changed' });
    expect(await decide('rotate', { revision: 2, rotation: rotation() })).toMatchObject({
      agency: next.id,
      organisation: agency.id,
      state: 'approved',
    });
    expect(revokedBy(await list(), old, ['9q8yy'])).toBe(true);
    await expect(registry.credential(agency.id)).rejects.toMatchObject({ code: 'agency_key_rotated' });
    await expect(registry.register(registration())).rejects.toMatchObject({ code: 'agency_key_rotated' });
    await expect(registry.reinstate(agency.id)).rejects.toMatchObject({ code: 'agency_key_rotated' });
    expect(credential(await registry.credential(next.id))).toMatchObject({
      key: next.key.publicKey,
      organisation: agency.id,
    });
    // A repeated rotation changes nothing: its answer may have been lost.
    expect(await decide('rotate', { revision: 3, rotation: rotation() })).toMatchObject({
      agency: next.id,
      revision: 1,
    });
    await registry.revoke(next.id);
    await expect(registry.rotate(next.id, rotation(next.id))).rejects.toMatchObject({ code: 'agency_revoked' });
  });

  it('has every change in the custody log, provably, and no entry for a call that changes nothing', async () => {
    await registry.register(registration());
    await registry.register(registration());
    await registry.approve(agency.id);
    await registry.suspend(agency.id, 'looked into');
    await registry.reinstate(agency.id);
    await registry.revoke(agency.id, 'community-request');
    await registry.revoke(agency.id);
    await registry.revoke(agency.id);
    const told = await leaves();
    expect(told.map(({ event, agency: whose, revision, scope }) => [event, whose, revision, scope])).toEqual([
      ['applied', agency.id, 1, undefined],
      ['approved', agency.id, 2, undefined],
      ['suspended', agency.id, 3, undefined],
      ['reinstated', agency.id, 4, undefined],
      ['revoked', agency.id, 5, 'community-request'],
      ['revoked', agency.id, 6, undefined],
    ]);
    const opened = openToken((await log('head', headAnswerSchema)).head, {
      typ: 'doorsill-tree-head+jws',
      schema: TreeHead,
      audience: PUBLIC_AUDIENCE,
      keys: [registry.publicKey],
      verify: verifySignature,
    });
    const { leaf, path, size } = await log('inclusion?leaf=4', inclusionSchema);
    const { entries } = await log('entries', entriesSchema);
    const rootOver = (text = '') =>
      rootOfInclusion(
        { leaf, size, path: path.map((hash) => fromHex(hash) ?? utf8('')) },
        leafHash(utf8(text), sha256),
        sha256,
      );
    const hexOver = (text?: string) => toHex(rootOver(text) ?? utf8(''));
    expect(opened).toMatchObject({ ok: true, claims: { size: 6, root: hexOver(entries[4]?.entry) } });
    expect(hexOver(entries[5]?.entry)).not.toBe(hexOver(entries[4]?.entry));
  });

  it('whose decision cannot be logged has decided nothing', async () => {
    await registry.register(registration());
    const file = new Sqlite(join(folder, 'custody.sqlite'));
    file.exec(`create trigger full before insert on custody_leaves begin select raise(abort, 'no room'); end`);
    await expect(registry.approve(agency.id)).rejects.toThrow('no room');
    expect((await registry.agency(agency.id)).state).toBe('pending');
    file.exec('drop trigger full');
    file.close();
    await registry.approve(agency.id);
    await registry.stop();
    await open();
    expect((await leaves()).map(({ event }) => event)).toEqual(['applied', 'approved']);
  });
});

it('keeps the list short: a newer entry replaces those that it covers', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  for (let round = 0; round < 3; round += 1) {
    await registry.revoke(agency.id, 'area-u0n');
    await registry.suspend(agency.id, 'round');
    await registry.reinstate(agency.id);
  }
  expect((await list()).revoked).toEqual([{ agency: agency.id, upToRevision: expect.any(Number) }]);
});

it('still admits agencies from a book without contacts and categories', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  await registry.stop();
  const file = new Sqlite(join(folder, 'custody.sqlite'));
  const entry = file.prepare('select entry from registry_agencies').pluck().get();
  const { contact, profiles, retention, except, domainProof, ...old } = JSON.parse(String(entry));
  file.exec('delete from registry_agencies; delete from registry_state');
  file.close();
  await writeFile(join(folder, 'agencies.json'), JSON.stringify({ agencies: [old], revoked: [], listRevision: 1 }));
  await open();
  expect(credential(await registry.credential(agency.id))).toMatchObject({ profiles: ['address-and-email'] });
});

it('limits concurrent applications, and rate-limits a caller that keeps being refused', async () => {
  const bad = { registration: registration({ jurisdiction: 'federal' }) };
  for (let round = 0; round < 20; round += 1) await call('POST', '/v1/agencies', bad);
  expect((await call('POST', '/v1/agencies', bad)).body['code']).toBe('http_rate_limited');
  expect((await call('POST', '/v1/agencies', { registration: registration() })).status).toBe(201);
});
