// The scripts of the images of `bridge deploy compose` start PostgreSQL, its standby and the broker's nodes, on loopback addresses of this machine,
// with the secrets of STEPS.md. No Docker is needed.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { connectionSettings } from '../../../cloud-bridge/persistence/postgres-address.ts';
import { VaultConfig } from '../../../cloud-bridge/vault/vault-config.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { issueAccount, removeAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { composeLayout } from '../../../sim/deploy/compose-layout.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { freePort } from '../../support/mosquitto.ts';

/** On Linux all of 127.0.0.0/8 is this machine, so each "container" has its own address. */
const files = composeLayout({
  domain: 'doorsill.example',
  s3: 'https://s3.doorsill.example',
  instances: 2,
  network: '127.77.0',
  version: '1.0.0',
});
const read = (name: string) => files.get(name) ?? '';
const serviceSchema = z.looseObject({
  command: z.array(z.string()).optional(),
  healthcheck: z.object({ test: z.array(z.string()) }),
});
const { services } = z
  .looseObject({ services: z.record(z.string(), serviceSchema) })
  .parse(parse(read('compose.yml'), { merge: true }));
const folder = temporaryFolder('compose-image');
chmodSync(folder.path, 0o755);
const at = (...names: string[]) => join(folder.path, ...names);
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
const PATIENT = { timeout: 120_000, interval: 200 };

const running = new Set<ChildProcess>();
afterAll(async () => {
  await Promise.all([...running].map((child) => end(child, 'SIGKILL')));
  folder.dispose();
});

/** Runs one of the image's scripts, its paths moved, in a group of its own; what it says is in `said`. */
function start(
  script: string,
  args: readonly string[],
  moved: Record<string, string>,
  user: { uid?: number; gid?: number } = {},
) {
  const file = at(`${args.join('-')}.sh`);
  writeFileSync(file, withMoved(read(`image/${script}`), moved), { mode: 0o644 });
  const child = spawn('sh', [file, ...args], {
    ...user,
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const started = { child, said: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      started.said += chunk.toString();
    });
  return started;
}

const withMoved = (text: string, moved: Record<string, string>) =>
  Object.entries(moved).reduce((left, [from, to]) => left.replaceAll(from, to), text);

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  if (signal === 'SIGKILL') process.kill(-(child.pid ?? 0), signal);
  else child.kill(signal);
  await gone;
}

/** Whether a container's health check succeeds. */
function isWell(service: string, moved: Record<string, string>, user: { uid?: number; gid?: number } = {}): boolean {
  const [kind, program = '', ...args] = services[service]?.healthcheck.test ?? [];
  expect(kind).toBe('CMD');
  const words = args.map((word) => withMoved(word.replaceAll('$$', '$'), moved));
  return spawnSync(program, words, { ...user, cwd: '/', env, stdio: 'ignore' }).status === 0;
}

describe('PostgreSQL', { tags: ['postgresql', 'openssl', 'root'] }, () => {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  const user = { uid: id('-u'), gid: id('-g') };

  /** The places of a server; the addresses of PostgreSQL's settings are those of its container alone. */
  function places(name: 'a' | 'b', host: string) {
    const moved = {
      '/run/secrets': at('secrets'),
      '/etc/postgresql': at(name, 'settings'),
      '/run/postgresql': at(name, 'run'),
      '/var/lib/postgresql': at(name, 'lib'),
    };
    for (const path of Object.values(moved).slice(1)) {
      mkdirSync(path, { recursive: true });
      chownSync(path, user.uid, user.gid);
    }
    writeFileSync(at(name, 'settings', 'doorsill.conf'), read('postgresql/doorsill.conf').replace("'*'", `'${host}'`));
    // A standby comes from its container's address; here all come from the first of loopback unless they say otherwise.
    const access = read('postgresql/pg_hba.conf').replace('127.77.0.62/32', '127.0.0.1/32');
    writeFileSync(at(name, 'settings', 'pg_hba.conf'), access);
    return moved;
  }

  /** The commands of STEPS.md that make the secrets, for PostgreSQL's user here. */
  function makeSecrets(): void {
    const block = /\n\n((?: {7}.*\n)+)/g;
    const commands = [...read('STEPS.md').matchAll(block)]
      .map(([, text = '']) => text)
      .find((text) => text.includes('openssl'));
    const moved = (commands ?? '')
      .replaceAll(/\b904:904\b/g, `${user.uid}:${user.gid}`)
      .replaceAll(/:904\b/g, `:${user.gid}`);
    execFileSync('sh', ['-eu', '-c', moved], { cwd: folder.path, stdio: 'pipe' });
    // In a container the folder around them is Docker's.
    chmodSync(at('secrets'), 0o755);
  }

  /** A connection as the vault's instance makes it, from this address. */
  async function vaultFrom(localAddress: string): Promise<pg.Client> {
    const printed = JSON.parse(read('settings/a/vault.json'));
    const database = `${withMoved(printed.database, { '/run/secrets': at('secrets') })}&sslmode=verify-full`;
    const { database: address } = VaultConfig.parse({ dataFolder: '/d', database });
    if (!address) throw new Error('there is no database');
    const socket = new Socket();
    const begin = socket.connect.bind(socket);
    const stream = () =>
      Object.assign(socket, { connect: (port: number, host: string) => begin({ port, host, localAddress }) });
    // The vault reads it as a user of its own, and this test as another one.
    const password = at('vault-database');
    copyFileSync(at('secrets', 'vault-database'), password);
    chmodSync(password, 0o600);
    const { ssl, ...settings } = connectionSettings(address, password);
    const client = new pg.Client({ ...settings, ssl: ssl || false, stream });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  it('names a missing secret, and creates nothing', async () => {
    const moved = places('a', '127.77.0.61');
    const { child, said } = await ended(start('postgres.sh', ['primary'], moved, user));
    expect([child.exitCode, said]).toEqual([1, expect.stringContaining('the secret standby-database is missing')]);
    expect(existsSync(at('a', 'lib', 'data'))).toBe(false);
  });

  it('creates a primary and a standby that has every commit, and continues with the standby without the primary', async () => {
    makeSecrets();
    const [first, second] = [places('a', '127.77.0.61'), places('b', '127.77.0.62')];
    // What a first start left that was cut off.
    mkdirSync(at('a', 'lib', 'data.new'));
    writeFileSync(at('a', 'lib', 'data.new', 'PG_VERSION'), '1');
    chownSync(at('a', 'lib', 'data.new'), user.uid, user.gid);
    const primary = start('postgres.sh', services['postgres-a']?.command ?? [], first, user);
    await expect.poll(() => isWell('postgres-a', first, user) || primary.child.exitCode, PATIENT).toBe(true);
    expect(isWell('postgres-b', second, user)).toBe(false);
    const standby = start('postgres.sh', services['postgres-b']?.command ?? [], second, user);
    await expect.poll(() => isWell('postgres-b', second, user) || standby.child.exitCode, PATIENT).toBe(true);

    const vault = await vaultFrom('127.77.0.30');
    await vault.query('create table kept (clip text)');
    await vault.query("insert into kept values ('one')");
    await vault.end();
    const asked = (server: 'a' | 'b', statement: string) =>
      execFileSync('psql', ['--host', at(server, 'run'), '-Atc', statement, 'doorsill_vault'], {
        ...user,
        cwd: '/',
        encoding: 'utf8',
      }).trim();
    const waitsFor = 'select usename, sync_state from pg_stat_replication';
    await expect.poll(() => asked('a', waitsFor), PATIENT).toBe('doorsill_standby|quorum');
    // The standby alone, not the copy that it began as.
    expect(primary.said.match(/is now a candidate for quorum synchronous standby/g)).toHaveLength(1);
    // Another instance's address, another part's, and anybody's.
    await (await vaultFrom('127.77.0.31')).end();
    for (const address of ['127.77.0.20', '127.77.0.99'])
      await expect(vaultFrom(address)).rejects.toMatchObject({ code: '28000' });

    await end(primary.child, 'SIGKILL');
    await expect.poll(() => isWell('postgres-b', second, user), PATIENT).toBe(false);
    expect(asked('b', 'select pg_promote()')).toBe('t');
    expect(isWell('postgres-b', second, user)).toBe(true);
    expect(asked('b', 'select clip from kept')).toBe('one');
    // It is started as what it has become, whatever its container was made as.
    await end(standby.child, 'SIGINT');
    const again = start('postgres.sh', services['postgres-b']?.command ?? [], second, user);
    await expect.poll(() => isWell('postgres-b', second, user) || again.child.exitCode, PATIENT).toBe(true);
    expect(asked('b', 'select pg_is_in_recovery()')).toBe('f');
    await end(again.child, 'SIGINT');
    const logs = primary.said + standby.said + again.said;
    for (const name of ['registry', 'vault', 'bridge', 'standby'])
      expect(logs).not.toContain(readFileSync(at('secrets', `${name}-database`), 'utf8').trim());
  }, 400_000);

  async function ended(started: ReturnType<typeof start>): Promise<ReturnType<typeof start>> {
    await new Promise((resolve) => started.child.once('close', resolve));
    return started;
  }
});

describe('nodes of NATS', { tags: ['nats'] }, () => {
  it('accept accounts of the bridges, and end the sessions of removed ones', async () => {
    const accounts = at('accounts');
    const nodes = at('nats');
    const [disk, random] = [new SystemDisk(), new SystemRandom()];
    mkdirSync(accounts);
    // A container's loopback is its own; here three share one.
    const ports = new Map<string, string>();
    for (const name of ['n1', 'n2', 'n3']) ports.set(name, String(await freePort()));
    const moved = (name: string) => ({ '/var/lib/doorsill-nats': nodes, '8222': ports.get(name) ?? '' });
    for (const name of ports.keys()) start('nats.sh', services[`nats-${name}`]?.command ?? [], moved(name));
    const owner = { role: 'bridge', id: 'bridge-a' };
    const { user: username, password } = await issueAccount(disk, random, accounts, owner);
    const command = (services['nats-files']?.command ?? []).map((word) =>
      withMoved(word, { '/var/lib/doorsill-broker/accounts': accounts, '/var/lib/doorsill-nats': nodes }),
    );
    expect(isWell('nats-files', moved('n1'))).toBe(false);
    const following = new Running(command);
    try {
      await following.line('written', (line) => line['event'] === 'written');
      expect(isWell('nats-files', moved('n1'))).toBe(true);
      for (const name of ports.keys()) {
        await expect.poll(() => isWell(`nats-${name}`, moved(name)), PATIENT).toBe(true);
      }
      const hosts = [51, 52, 53].map((last) => `127.77.0.${last}`);
      const enter = (host: string) => session(host, { username, password });
      for (const host of hosts) await expect.poll(() => enter(host).then(leave), PATIENT).toBe(true);

      const later = await issueAccount(disk, random, accounts, { role: 'bridge', id: 'bridge-b' });
      const as = { username: later.user, password: later.password };
      for (const host of hosts) await expect.poll(() => session(host, as).then(leave), PATIENT).toBe(true);
      const open = await Promise.all(hosts.map(enter));
      const gone = open.map((client) => new Promise<void>((resolve) => client?.once('close', () => resolve())));
      await removeAccount(disk, accounts, username);
      await Promise.all(gone);
      for (const host of hosts) expect(await enter(host)).toBeNull();
      for (const host of hosts) expect(await session(host, as).then(leave)).toBe(true);
    } finally {
      await following.stop();
    }
  }, 400_000);
});

/** A session, or null where it is refused. */
function session(host: string, account: { username: string; password: string }): Promise<MqttClient | null> {
  const client = connect({
    host,
    port: 1883,
    ...account,
    clientId: `ear-${host}-${account.username}`,
    reconnectPeriod: 0,
  });
  client.on('error', () => undefined);
  return new Promise((resolve) => {
    client.once('connect', () => resolve(client)).once('close', () => resolve(null));
  });
}

const leave = (client: MqttClient | null) => (client ? client.endAsync().then(() => true) : false);
