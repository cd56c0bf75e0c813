// Holds: who gets a credential, how a revocation kills it, and that the registry's word outlives a restart.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { registryConfigSchema } from '../../../cloud-bridge/registry/config.ts';
import { Registry } from '../../../cloud-bridge/registry/registry.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { verifySignature } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { openToken, signToken } from '../../../device/protocol/jws.ts';
import { revokedBy } from '../../../device/protocol/published.ts';
import {
  type Credential,
  credentialSchema,
  type Revocations,
  revocationsSchema,
} from '../../../device/protocol/request.ts';
import { ShiftedClock } from '../../support/bridge-house.ts';
import { makeParty, type Party } from '../../support/parties.ts';

const random = new SystemRandom();
const clock = new ShiftedClock();
let folder: string;
let registry: Registry;
let agency: Party;

const open = async (stateAgencies = false) => {
  const config = registryConfigSchema.parse({ dataFolder: folder, stateAgencies });
  registry = new Registry({ clock, random, disk: new SystemDisk(), log: silentLog(), config });
  await registry.start();
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-registry-'));
  agency = makeParty('agency', random);
  clock.shiftS = 0;
  await open();
});
afterEach(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

function registration(call: object = {}, claims: object = {}, by: Party = agency): string {
  const iat = Math.floor(clock.wallUs() / 1e6);
  const facts = { name: 'Springfield Police', jurisdiction: 'municipal', domain: 'springfield.example' };
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
    schema: credentialSchema,
    audience: 'public',
    keys: [registry.publicKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw new Error(opened.fault);
  return opened.claims;
}

function list(): Revocations {
  const opened = openToken(registry.revocations(), {
    typ: 'doorsill-revocations+jws',
    schema: revocationsSchema,
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

it('gives an approved agency a credential that lives at most a day', async () => {
  expect(await call('POST', '/v1/agencies', { registration: registration() })).toMatchObject({
    status: 201,
    body: { agency: agency.id, state: 'pending' },
  });
  expect(await call('GET', `/v1/credentials/${agency.id}`)).toMatchObject({
    status: 403,
    body: { code: 'agency_pending' },
  });
  expect(await call('POST', `/v1/agencies/${agency.id}/approve`)).toMatchObject({ body: { state: 'approved' } });
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

it('refuses a registration that the agency’s own key did not sign, or that is old or for another reader', async () => {
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

it('changes nothing for those without the admin token, which is a file only its user can read', async () => {
  for (const path of [
    '/v1/agencies',
    ...['approve', 'revoke', 'reinstate'].map((verb) => `/v1/agencies/${agency.id}/${verb}`),
  ]) {
    expect((await call('POST', path, { registration: registration() }, 'x'.repeat(43))).status).toBe(401);
  }
  for (const name of ['admin.token', 'signing.key']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
});

it('kills every credential issued before a revocation, and no one issued after a reinstatement', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  const old = credential(registry.credential(agency.id));
  const before = list();
  expect(before.revoked).toEqual([]);
  await registry.revoke(agency.id);
  expect(() => registry.credential(agency.id)).toThrow(expect.objectContaining({ code: 'agency_revoked' }));
  expect(list().revision).toBeGreaterThan(before.revision);
  expect(revokedBy(list(), old)).toBe(true);
  await registry.reinstate(agency.id);
  const fresh = credential(registry.credential(agency.id));
  expect(revokedBy(list(), fresh)).toBe(false);
  expect(revokedBy(list(), old)).toBe(true);
});

it('revokes one scope alone', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  const old = credential(registry.credential(agency.id));
  await call('POST', `/v1/agencies/${agency.id}/revoke`, { scope: 'community-request' });
  expect(credential(registry.credential(agency.id)).scopes).toEqual([]);
  expect(revokedBy(list(), old)).toBe(true);
});

it('answers for agencies it does not know, or has not approved', async () => {
  for (const path of ['approve', 'revoke', 'reinstate']) {
    expect((await call('POST', `/v1/agencies/agency-nobody/${path}`)).body['code']).toBe('agency_unknown');
  }
  expect((await call('GET', '/v1/credentials/agency-nobody')).body['code']).toBe('agency_unknown');
  await registry.register(registration());
  expect((await call('POST', `/v1/agencies/${agency.id}/reinstate`)).body['code']).toBe('agency_pending');
});

it('keeps the list’s revision while nothing changes', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  await registry.revoke(agency.id);
  const { revision } = list();
  await registry.revoke(agency.id);
  expect(list().revision).toBe(revision);
});

it('does not let a revoked agency register itself back in, nor change its facts without approval', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  expect((await registry.register(registration())).state).toBe('approved');
  expect((await registry.register(registration({ name: 'Another Name' }))).state).toBe('pending');
  await registry.revoke(agency.id);
  await expect(registry.register(registration())).rejects.toMatchObject({ code: 'agency_revoked' });
  await expect(registry.approve(agency.id)).rejects.toMatchObject({ code: 'agency_revoked' });
});

it('knows everything again after a restart', async () => {
  await registry.register(registration());
  await registry.approve(agency.id);
  await registry.revoke(agency.id);
  const [key, revision] = [registry.publicKey, list().revision];
  await registry.stop();
  await open();
  expect(registry.publicKey).toBe(key);
  expect(list()).toMatchObject({ revision, revoked: [{ agency: agency.id }] });
});

it('does not start on a damaged book, which would revive whom it revoked', async () => {
  await registry.register(registration());
  await registry.stop();
  const text = await readFile(join(folder, 'agencies.json'), 'utf8');
  await writeFile(join(folder, 'agencies.json'), text.slice(0, -20));
  await expect(open()).rejects.toMatchObject({ code: 'state_damaged' });
  await writeFile(join(folder, 'agencies.json'), text);
  await open();
});
