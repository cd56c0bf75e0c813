// A registry as two processes on one PostgreSQL database decides as one: each states the other's decisions at once under one key, no
// decision is lost when one is killed, and the log of changes is one.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { openToken, signToken } from '../../../device/contract/jws.ts';
import { Credential, Revocations } from '../../../device/contract/request.ts';
import { freePort } from '../../support/mosquitto.ts';
import { makeParty, type Party } from '../../support/parties.ts';
import { PostgresServer } from '../../support/postgres.ts';
import { PartProcess } from '../../support/strace.ts';

const random = new SystemRandom();
const readySchema = z.object({ url: z.string(), id: z.string(), key: z.string() });
type Ready = z.infer<typeof readySchema>;

const answerSchema = z.looseObject({
  state: z.string().optional(),
  code: z.string().optional(),
  checks: z.unknown().optional(),
  credential: z.string().default(''),
  revocations: z.string().default(''),
});

let server: PostgresServer;
let folder = '';
let database = '';
const running = new Map<string, { part: PartProcess; ready: Ready }>();

async function settings(name: string, changes: object = {}): Promise<string> {
  const data = join(folder, name);
  await mkdir(data, { recursive: true });
  const instance = { name, secretsFolder: join(folder, 'secrets'), drainS: 0 };
  const domainProofs = ['local'];
  await writeFile(join(data, 'registry.json'), JSON.stringify({ database, domainProofs, instance, ...changes }));
  return data;
}

async function start(name: string): Promise<Ready> {
  const part = new PartProcess(['bridge', 'registry', '--data', await settings(name), '--port', '0']);
  const line = await part.ready();
  if (!line) throw new Error(`a registry did not start: ${part.stderr}`);
  const ready = readySchema.parse(line);
  running.set(name, { part, ready });
  return ready;
}

/** The error of an instance that cannot start. */
async function refusal(name: string, changes: object): Promise<string> {
  const part = new PartProcess(['bridge', 'registry', '--data', await settings(name, changes), '--port', '0']);
  await part.ended;
  return part.stderr;
}

beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
  folder = await mkdtemp(join(tmpdir(), 'doorsill-registries-'));
  database = await server.database('registries');
  await mkdir(join(folder, 'secrets', 'domains'), { recursive: true });
  // Both start at once: one of them creates the shared secrets.
  await Promise.all([start('a'), start('b')]);
}, 240_000);
afterAll(async () => {
  for (const { part } of running.values()) await part.stop('SIGKILL');
  await server.dispose();
  await rm(folder, { recursive: true });
});

const at = (name: string): Ready => {
  const one = running.get(name);
  if (!one) throw new Error(`${name} does not run`);
  return one.ready;
};

async function call(name: string, method: string, path: string, { body = {}, headers = {} } = {}) {
  const token = (await readFile(join(folder, 'secrets', 'admin.token'), 'utf8')).trim();
  const json = { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers };
  const answer = await fetch(`${at(name).url}${path}`, {
    method,
    headers: json,
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: answer.status,
    replayed: answer.headers.get('idempotent-replayed'),
    body: answerSchema.parse(await answer.json()),
  };
}

function registration(by: Party, domain: string): string {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: by.key.publicKey, aud: at('a').id, iat, exp: iat + 60, jti: `call-${by.id}`, agency: by.id };
  const said = {
    ...{ action: 'register', name: 'Springfield Police', jurisdiction: 'municipal', domain },
    ...{ contact: { name: 'Records Desk', phone: '+1 217 555 0100' }, profiles: ['nothing'], retention: ['theft'] },
  };
  return signToken('doorsill-agency+jws', { ...claims, call: said }, by.key);
}

/** An agency that applies at one instance; its domain shows its id. */
async function applied(name: string, domain: string): Promise<Party> {
  const agency = makeParty('agency', random);
  await writeFile(join(folder, 'secrets', 'domains', domain), `doorsill-agency=${agency.id}\n`);
  const answer = await call(name, 'POST', '/v1/agencies', { body: { registration: registration(agency, domain) } });
  expect([answer.status, answer.body.state]).toEqual([201, 'pending']);
  return agency;
}

/** A document, verified under the key of the first instance. */
function opened<Claims extends { iss: string; aud: string }>(
  typ: 'doorsill-credential+jws' | 'doorsill-revocations+jws',
  token: string,
  schema: z.ZodType<Claims>,
): Claims {
  const read = openToken(token, { typ, schema, audience: 'public', keys: [at('a').key], verify: verifySignature });
  if (!read.ok) throw new Error(read.fault);
  return read.claims;
}
const list = async (name: string) =>
  opened('doorsill-revocations+jws', (await call(name, 'GET', '/v1/revocations')).body.revocations, Revocations);

it('states the other instance’s decision at once and under one key', async () => {
  expect(at('b')).toMatchObject({ id: at('a').id, key: at('a').key });
  const agency = await applied('a', 'one.example');
  expect((await call('b', 'POST', `/v1/agencies/${agency.id}/approve`, { body: { revision: 1 } })).status).toBe(200);
  for (const name of ['a', 'b']) {
    const { body } = await call(name, 'GET', `/v1/credentials/${agency.id}`);
    const stated = opened('doorsill-credential+jws', body.credential, Credential);
    expect(stated).toMatchObject({ agency: agency.id, revision: 2 });
  }
  const before = await list('b');
  expect((await call('a', 'POST', `/v1/agencies/${agency.id}/revoke`)).status).toBe(200);
  // The next answers of the other instance.
  const after = await list('b');
  expect(after).toMatchObject({ revision: before.revision + 1, revoked: [{ agency: agency.id }] });
  expect((await call('b', 'GET', `/v1/credentials/${agency.id}`)).body.code).toBe('agency_revoked');
  expect(await list('a')).toMatchObject({ revision: after.revision });
}, 60_000);

it('loses no decision when both decide at once, and has one log of all decisions', async () => {
  const before = await server.ask('select leaf from doorsill_registry.custody_leaves', 'registries');
  const all = await Promise.all(Array.from({ length: 20 }, (_, n) => applied(n % 2 ? 'a' : 'b', `town-${n}.example`)));
  const suspended = await Promise.all(
    all.map(({ id }, n) =>
      call(n % 2 ? 'b' : 'a', 'POST', `/v1/agencies/${id}/approve`, { body: { revision: 1 } }).then(() =>
        call(n % 2 ? 'a' : 'b', 'POST', `/v1/agencies/${id}/suspend`, { body: { revision: 2, reason: 'a complaint' } }),
      ),
    ),
  );
  expect(suspended.map(({ status }) => status)).toEqual(Array(20).fill(200));
  const revoked = (await list('a')).revoked.map(({ agency }) => agency);
  expect(revoked).toEqual(expect.arrayContaining(all.map(({ id }) => id)));
  const leaves = await server.ask('select leaf from doorsill_registry.custody_leaves order by leaf', 'registries');
  expect(leaves.map(({ leaf }) => Number(leaf))).toEqual(Array.from({ length: before.length + 60 }, (_, n) => n));
  const head = async (name: string) => (await call(name, 'GET', '/v1/custody/entries?limit=100')).body;
  expect(await head('a')).toEqual(await head('b'));
}, 120_000);

it('takes an application once when it is sent to both under one idempotency key', async () => {
  const agency = makeParty('agency', random);
  const sent = { body: { registration: registration(agency, 'twice.example') }, headers: { 'idempotency-key': 'k-1' } };
  const answers = await Promise.all(['a', 'b'].map((name) => call(name, 'POST', '/v1/agencies', sent)));
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(answers.map(({ replayed }) => replayed).sort()).toEqual(['true', null].sort());
  expect(answers[0]?.body).toEqual(answers[1]?.body);
}, 60_000);

it('rate-limits a caller by its refusals at both together', async () => {
  const answers: unknown[] = [];
  for (let n = 0; n < 24; n += 1) {
    const body = { registration: registration(makeParty('agency', random), 'fbi.gov') };
    answers.push((await call(n % 2 ? 'a' : 'b', 'POST', '/v1/agencies', { body })).body.code);
  }
  expect(answers.slice(20)).toEqual(Array(4).fill('http_rate_limited'));
  expect(answers.slice(0, 20)).not.toContain('http_rate_limited');
}, 60_000);

it('continues when one is killed, which reads the decisions made meanwhile at its next start', async () => {
  const agency = await applied('a', 'killed.example');
  await running.get('a')?.part.stop('SIGKILL');
  const ready = await call('b', 'GET', '/readyz');
  expect([ready.status, ready.body.checks]).toEqual([200, { database: 'ok' }]);
  await call('b', 'POST', `/v1/agencies/${agency.id}/approve`, { body: { revision: 1 } });
  expect((await call('b', 'POST', `/v1/agencies/${agency.id}/revoke`)).status).toBe(200);
  await start('a');
  expect((await list('a')).revoked.map((one) => one.agency)).toContain(agency.id);
  expect(await list('a')).toMatchObject({ revision: (await list('b')).revision });
}, 90_000);

it('is refused to a second instance of the same name, to one with other secrets, and to a single registry', async () => {
  const secretsFolder = join(folder, 'secrets');
  expect(await refusal('twin', { instance: { name: 'a', secretsFolder } })).toContain('database_busy');
  const foreign = { instance: { name: 'c', secretsFolder: join(folder, 'others') } };
  expect(await refusal('foreign', foreign)).toContain('database_unfit');
  for (const name of ['a', 'b']) expect(await running.get(name)?.part.stop('SIGTERM')).toBe('status 0');
  expect(await refusal('single', { instance: undefined })).toContain('database_unfit');
}, 120_000);
