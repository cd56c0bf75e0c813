// Behind HAProxy as `bridge deploy instances` configures it, two registries and two vaults serve as one: a slow database makes no call fail, an
// orderly stop costs no call, and a kill costs at most the running call of each client, and nothing that was acknowledged.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { SystemRandom } from '../../../device/base/random.ts';
import { signToken } from '../../../device/contract/jws.ts';
import { haproxyOfInstances, settingsFiles } from '../../../sim/deploy/instances-layout.ts';
import { partArguments } from '../../../sim/deploy/part-arguments.ts';
import { VaultRig } from '../../cloud-bridge/support/vault-rig.ts';
import { Haproxy } from '../../support/haproxy.ts';
import { freePort } from '../../support/mosquitto.ts';
import { Moto } from '../../support/moto.ts';
import { makeParty } from '../../support/parties.ts';
import { PostgresServer } from '../../support/postgres.ts';
import { proved } from '../../support/proved.ts';
import { PartProcess } from '../../support/strace.ts';
import type { OfferedClip } from '../../support/vault-fixture.ts';

/** On Linux all of 127.0.0.0/8 is this machine: instances listen at the addresses of their settings. */
const INSTANCES = [
  { name: 'a', hosts: { registry: '127.78.0.11', vault: '127.78.0.11', bridge: '127.78.0.11' } },
  { name: 'b', hosts: { registry: '127.78.0.12', vault: '127.78.0.12', bridge: '127.78.0.12' } },
];
const NAMES = { registry: '127.78.0.1', vault: '127.78.0.2', bridge: '127.78.0.3' };
const PARTS = ['registry', 'vault'] as const;
type Part = (typeof PARTS)[number];
const PATIENT = { timeout: 120_000 };
const readySchema = z.object({ id: z.string() });

let folder = '';
let server: PostgresServer;
let moto: Moto;
let rig: VaultRig;
let haproxy: Haproxy;
let registryId = '';
const urls = { registry: '', vault: '' };
const running = new Map<string, PartProcess>();

const secretsOf = (part: string) => join(folder, `${part}-secrets`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-haproxy-parts-'));
  [server, moto] = await Promise.all([PostgresServer.open(await freePort()), Moto.open({ checking: false })]);
  process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
  const databases = { registry: await server.database('registries'), vault: await server.database('vaults') };
  const s3 = await moto.bucket('doorsill-vault');
  // It makes the vault's keys and knows bridge and officers; nobody is led to it.
  rig = await VaultRig.open('haproxy-vaults', {
    database: databases.vault,
    s3,
    instance: { name: 'first', secretsFolder: secretsOf('vault'), drainS: 0 },
  });
  await writeSettings(databases, s3);
  await Promise.all(PARTS.flatMap((part) => INSTANCES.map(({ name }) => start(part, name))));
  const port = await freePort();
  for (const part of PARTS) urls[part] = `http://${NAMES[part]}:${port}`;
  haproxy = await Haproxy.open(configuration(port), port);
}, 240_000);
afterAll(async () => {
  await Promise.all([...running.values()].map((part) => part.stop('SIGKILL')));
  await haproxy.close();
  await rig.close();
  await moto.close();
  await server.dispose();
  await rm(folder, { recursive: true });
}, 60_000);

/** The printed settings, where rows and evidence are here. */
async function writeSettings(databases: Record<Part, string>, s3: object): Promise<void> {
  const served = {
    domain: 'doorsill.example',
    instances: INSTANCES,
    proxy: '127.0.0.1',
    database: 'd',
    standby: 's',
    s3: moto.url,
  };
  const files = settingsFiles(served, (part) => ({ folder: secretsOf(part), database: '/none', s3: '/none' }));
  for (const [path, text] of files) {
    const [, name = '', part] = /^settings\/(\w+)\/(\w+)\.json$/.exec(path) ?? [];
    if (part !== 'registry' && part !== 'vault') continue;
    const { databasePasswordFile: _, ...printed } = JSON.parse(text);
    // All callers have one address here.
    const http = { ...printed.http, perMinuteMax: { public: 1_000_000, signed: 1_000_000 } };
    const own = part === 'vault' ? { s3, freeBytesMin: 0, requestsPerMinuteMax: 100_000 } : { domainProofs: ['local'] };
    await mkdir(join(folder, part, name), { recursive: true });
    await writeFile(
      join(folder, part, name, `${part}.json`),
      JSON.stringify({ ...printed, http, database: databases[part], ...own }),
    );
  }
}

/** The printed configuration, without TLS and at ports and places of this test's. */
function configuration(port: number): string {
  const moved = Object.entries({
    'bind :443 ssl crt /etc/haproxy/doorsill.pem alpn h2,http/1.1': `bind 127.0.0.1:${port},${Object.values(NAMES)
      .map((host) => `${host}:${port}`)
      .join()}`,
    '/run/haproxy/admin.sock': join(folder, 'admin.sock'),
    '    user haproxy\n    group haproxy\n': '',
    ...Object.fromEntries(Object.entries(NAMES).map(([part, host]) => [`${part}.doorsill.example }`, `${host} }`])),
  });
  return moved.reduce(
    (text, [from, to]) => {
      expect(text).toContain(from);
      return text.replaceAll(from, to);
    },
    haproxyOfInstances({ domain: 'doorsill.example', instances: INSTANCES }),
  );
}

async function start(part: Part, name: string): Promise<void> {
  const process = new PartProcess([...partArguments(part), '--data', join(folder, part, name)]);
  running.set(`${part}-${name}`, process);
  const line = await process.ready();
  if (!line) throw new Error(`${part} ${name} did not start: ${process.stderr}`);
  if (part === 'registry') registryId = readySchema.parse(line).id;
}

/** What HAProxy says of a server: its state, and how often it went down. */
async function stateOf(part: Part, name: string): Promise<{ status: string; downs: number }> {
  const said = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(join(folder, 'admin.sock'), () => void socket.write('show stat\n'));
    socket.on('data', (piece) => {
      text += piece.toString();
    });
    socket.once('end', () => resolve(text)).once('error', reject);
  });
  const [head = '', ...lines] = said.split('\n');
  const names = head.replace('# ', '').split(',');
  const cells = lines.map((line) => line.split(',')).find(([backend, one]) => backend === part && one === name) ?? [];
  const cell = (of: string) => cells[names.indexOf(of)] ?? '';
  return { status: cell('status'), downs: Number(cell('chkdown')) };
}
const isUp = async (part: Part, name: string) => (await stateOf(part, name)).status === 'UP';

/** What clients met beside good answers, by client. */
const met = new Map<string, string[]>();
const done = { reads: 0, applied: [] as string[], handedOver: [] as OfferedClip[] };
let isOver = false;

/** Repeats a call until it is answered so; whatever else comes is noted. */
async function persist(client: string, wanted: number, call: () => Promise<{ status: number }>): Promise<void> {
  while (!isOver) {
    const got = await call().then(
      ({ status }) => String(status),
      (thrown: unknown) =>
        thrown instanceof Error ? `${thrown.message} ${String(thrown.cause ?? '')}` : String(thrown),
    );
    if (got === String(wanted)) return;
    met.set(client, [...(met.get(client) ?? []), got]);
    await setTimeout(100);
  }
}

/** Resolves once all of the answer is there. */
async function ask(url: string, how: RequestInit = {}): Promise<{ status: number }> {
  const answer = await fetch(url, how);
  await answer.arrayBuffer();
  return answer;
}

/** Posts JSON from an address of its own: one network may have few applications that wait. */
function postFrom(localAddress: string, url: string, headers: Record<string, string>, body: object) {
  return new Promise<{ status: number }>((resolve, reject) => {
    const options = { method: 'POST', localAddress, headers: { 'content-type': 'application/json', ...headers } };
    const asked = request(url, options, (answer) => {
      answer.resume().once('end', () => resolve({ status: answer.statusCode ?? 0 }));
      answer.once('error', reject);
    });
    asked.once('error', reject).end(JSON.stringify(body));
  });
}

let applications = 0;
async function apply(): Promise<string> {
  applications += 1;
  const network = `127.${80 + (applications >> 8)}.${applications & 255}.1`;
  const agency = makeParty('agency', new SystemRandom());
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: agency.key.publicKey, aud: registryId, iat, exp: iat + 60, jti: 'call-1', agency: agency.id };
  const call = {
    ...{ action: 'register', name: 'Springfield Police', jurisdiction: 'municipal', domain: `${agency.id}.example` },
    ...{ contact: { name: 'Records Desk', phone: '+1 217 555 0100' }, profiles: ['nothing'], retention: ['theft'] },
  };
  const registration = signToken('doorsill-agency+jws', { ...claims, call }, agency.key);
  await persist('an agency that applies', 201, () =>
    postFrom(network, `${urls.registry}/v1/agencies`, { 'idempotency-key': agency.id }, { registration }),
  );
  return agency.id;
}

async function handOver(): Promise<OfferedClip> {
  const clip = rig.clip();
  for (const step of ['offer', 'bytes', 'confirm'] as const) await persist('a bridge', 200, () => clip[step]());
  return clip;
}

it('serves as one with a slow database, an orderly stop and a kill of each part', async (test) => {
  for (const part of PARTS)
    for (const { name } of INSTANCES) await expect.poll(() => isUp(part, name), PATIENT).toBe(true);
  rig.vault.elsewhere = urls.vault;
  const { item } = await handOver();
  const { token, agency } = rig.officer;
  const who = { authorization: `Bearer ${token}`, 'x-officer': 'Det. Rivera', 'x-reason': 'case 117' };
  const shown = `${urls.vault}/v1/agencies/${agency}/evidence/${item}`;
  const read = (client: string, call: () => Promise<{ status: number }>) => async () => {
    while (!isOver) {
      await persist(client, 200, call);
      done.reads += 1;
      await setTimeout(20);
    }
  };
  const readers = [
    read('a device', () => ask(`${urls.registry}/v1/revocations`)),
    read('another device', () => ask(`${urls.registry}/v1/key`)),
    read('an officer', () => ask(shown, { headers: who })),
    read('another officer', () => ask(`${shown}/clip`, { headers: who })),
  ];
  const applying = async () => {
    while (!isOver) {
      const id = await apply();
      if (!isOver) done.applied.push(id);
      await setTimeout(500);
    }
  };
  const bring = async () => {
    while (!isOver) {
      const clip = await handOver();
      if (!isOver) done.handedOver.push(clip);
      await setTimeout(200);
    }
  };
  const load = Promise.all([...readers, applying, bring].map((one) => one()));
  /** All clients go on. */
  const progress = async () => {
    const [reads, applied, handedOver] = [done.reads, done.applied.length, done.handedOver.length];
    const hasGoneOn = () =>
      done.reads > reads + 20 && done.applied.length > applied + 1 && done.handedOver.length > handedOver + 1;
    await expect.poll(hasGoneOn, PATIENT).toBe(true);
  };
  try {
    await progress();
    // For longer than a look at the database is kept, and a check is due.
    await server.ask('begin; lock table doorsill_vault.health; select pg_sleep(9); commit', 'vaults');
    await progress();
    for (const { name } of INSTANCES) expect(await stateOf('vault', name)).toEqual({ status: 'UP', downs: 0 });

    const ended = await Promise.all(PARTS.map((part) => running.get(`${part}-b`)?.stop('SIGTERM')));
    expect(ended).toEqual(['status 0', 'status 0']);
    await progress();
    for (const part of PARTS) await start(part, 'b');
    for (const part of PARTS) await expect.poll(() => isUp(part, 'b'), PATIENT).toBe(true);
    await progress();
    expect(Object.fromEntries(met)).toEqual({});

    await Promise.all(PARTS.map((part) => running.get(`${part}-a`)?.stop('SIGKILL')));
    await progress();
    for (const part of PARTS) await expect.poll(() => isUp(part, 'a'), PATIENT).toBe(false);
    for (const part of PARTS) await start(part, 'a');
    for (const part of PARTS) await expect.poll(() => isUp(part, 'a'), PATIENT).toBe(true);
    await progress();
  } finally {
    isOver = true;
    await load;
  }
  // The call that was under way at the one that was killed, of each client, and no other.
  for (const [client, what] of met)
    expect([client, what]).toEqual([
      client,
      [expect.stringMatching(/^502$|terminated|SocketError|ECONNRESET|socket hang up/)],
    ]);

  for (const clip of done.handedOver) {
    const { status, bytes } = await rig.vault.as(rig.officer, 'GET', `/evidence/${clip.item}/clip`);
    expect([status, Buffer.from(bytes).equals(clip.parcel.clip)]).toEqual([200, true]);
  }
  const events = await server.ask(
    `select event, count(*)::int as count from doorsill_vault.trail where event in ('received', 'handed-over') group by item, event`,
    'vaults',
  );
  expect(events.filter(({ count }) => count !== 1)).toEqual([]);
  const admin = {
    authorization: `Bearer ${(await readFile(join(secretsOf('registry'), 'admin.token'), 'utf8')).trim()}`,
  };
  for (const id of done.applied)
    expect(await ask(`${urls.registry}/v1/agencies/${id}`, { headers: admin })).toMatchObject({ status: 200 });
  const lost = [...met.values()].flat().length;
  const calls = `${done.reads} reads, ${done.applied.length} agencies, ${done.handedOver.length} clips`;
  proved(
    test,
    'registries and vaults behind HAProxy, one of each ended and one killed',
    `${calls}, ${lost} calls cut by the kill`,
  );
}, 500_000);
