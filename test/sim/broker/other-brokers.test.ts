// @module-tag mosquitto
// Other brokers with the files of `doorsill bridge broker acl` enforce the same rules as the embedded one.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { type AccountWish, issueAccount, removeAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { makeProgram } from '../../../device/cli/command-line.ts';
import { topicsUnder } from '../../../device/contract/topics.ts';
import { DOORSILL } from '../../../sim/cli/main.ts';
import { collector } from '../../support/broker.ts';
import { Running, runCommand } from '../../support/command-line.ts';
import { freePort, Mosquitto } from '../../support/mosquitto.ts';

// The verb as its user meets it: its files, unchanged, are all that a stock mosquitto is told.

const [disk, random] = [new SystemDisk(), new SystemRandom()];
const topics = topicsUnder('doorsill/v1');
const DEVICE = { role: 'device-home', id: 'device-a' };
const OWNER = { role: 'owner', id: 'owner-a', homes: ['device-a'] };

interface Account {
  user: string;
  password: string;
}

let folder: string;
let accounts: string;
let out: string;
let port: number;
const ends: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-acl-'));
  [accounts, out, port] = [join(folder, 'accounts'), join(folder, 'mosquitto files'), await freePort()];
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await rm(folder, { recursive: true });
});

const issue = (wish: AccountWish) => issueAccount(disk, random, accounts, wish);
const acl = (...more: string[]) => ['bridge', 'broker', 'acl', '--accounts', accounts, '--out', out, '--json', ...more];
const written = (...more: string[]) => runCommand(acl('--port', String(port), ...more));

async function mosquitto(): Promise<Mosquitto> {
  const broker = await Mosquitto.run(join(out, 'mosquitto.conf'), port);
  ends.push(() => broker.stop());
  return broker;
}

/** A client that is let in; rejects when it is not. */
function client(account: Account): Promise<MqttClient> {
  const opened = connect({
    host: '127.0.0.1',
    port,
    username: account.user,
    password: account.password,
    reconnectPeriod: 0,
  });
  opened.on('error', () => undefined);
  ends.push(() => opened.endAsync(true));
  return new Promise((resolve, reject) => {
    opened.once('connect', () => resolve(opened));
    opened.once('close', () => reject(new Error('not let in')));
  });
}

describe('doorsill bridge broker acl', () => {
  it('writes files that only their owner can read, and names the accounts that they omit', async () => {
    const device = await issue(DEVICE);
    const strange = await issue({ role: 'registry', id: 'registry-1' });
    const old = { user: 'bridge-bridge-1', role: 'bridge', id: 'bridge-1', homes: [] };
    const verifier = { salt: 'x'.repeat(22), hash: 'x'.repeat(43) };
    await writeFile(join(accounts, `${old.user}.json`), JSON.stringify({ ...old, ...verifier }));
    await writeFile(join(accounts, 'half.json'), '{"user":');
    const { status, last, stderr } = await written();
    expect(status, stderr).toBe(0);
    expect(last).toMatchObject({ event: 'written', for: 'mosquitto', accounts: 1 });
    expect(last?.['leftOut']).toEqual([
      { user: old.user, why: expect.stringContaining('older version') },
      { user: 'half', why: expect.stringContaining('incomplete') },
      { user: strange.user, why: expect.stringContaining('registry') },
    ]);
    for (const name of await readdir(out)) expect((await stat(join(out, name))).mode & 0o077, name).toBe(0);
    const texts = await Promise.all((await readdir(out)).map((name) => readFile(join(out, name), 'utf8')));
    expect(texts.join()).toContain(device.user);
    expect(texts.join()).not.toContain(device.password);
    expect(texts.join()).not.toContain(strange.user);
    expect((await written()).last).toMatchObject({ changed: false });
  });

  it('updates mosquitto under --watch: new accounts can log in, removed ones are disconnected', {
    tags: ['long'],
  }, async () => {
    const [device, owner] = [await issue(DEVICE), await issue(OWNER)];
    const watching = new Running(acl('--port', String(port), '--watch'));
    ends.push(() => watching.stop());
    await watching.line('the files', ({ event }) => event === 'written');
    const { pid } = await mosquitto();
    const hears = await client(owner);
    const heard = collector<string>();
    hears.on('message', (_topic, payload) => heard.take(payload.toString()));
    await hears.subscribeAsync(topics.event('device-a'), { qos: 1 });
    const says = await client(device);
    await says.publishAsync(topics.event('device-a'), 'ding', { qos: 1 });
    expect(await heard.next()).toBe('ding');

    const before = watching.lines.length;
    const put = new Promise<void>((resolve) => hears.once('close', () => resolve()));
    await removeAccount(disk, accounts, owner.user);
    const second = await issue({ ...OWNER, id: 'owner-b' });
    await put;
    const change = await watching.line('a change', ({ told }) => Array.isArray(told) && told.length > 0, 60, before);
    expect(change).toMatchObject({ event: 'changed', told: [pid] });
    await expect.poll(() => client(second).catch(() => null), { timeout: 20_000 }).not.toBeNull();
    await expect(client(owner)).rejects.toThrow('not let in');
  });

  it('sends no signal to another process with the former process id of mosquitto', {
    tags: ['long'],
  }, async () => {
    await issue(DEVICE);
    await written();
    await writeFile(join(out, 'mosquitto.pid'), `${process.pid}\n`);
    const hung: string[] = [];
    const note = () => hung.push('SIGHUP');
    process.on('SIGHUP', note);
    ends.push(async () => process.off('SIGHUP', note));
    const watching = new Running(acl('--port', String(port), '--watch'));
    ends.push(() => watching.stop());
    await watching.line('the files', ({ event }) => event === 'written');
    await issue(OWNER);
    expect(await watching.line('a change', ({ event }) => event === 'changed')).toMatchObject({ told: [] });
    expect(hung).toEqual([]);
  });

  it('gives an account without permissions no access, also if it is the only one', async () => {
    const nobody = await issue({ role: 'owner', id: 'owner-a' });
    await written();
    await mosquitto();
    const [hears, says] = [await client(nobody), await client(nobody)];
    const heard = collector<string>();
    hears.on('message', (_topic, payload) => heard.take(payload.toString()));
    await hears.subscribeAsync('#', { qos: 1 });
    await says.publishAsync('x', 'x', { qos: 1, retain: true });
    await says.publishAsync(topics.event('device-a'), 'x', { qos: 1, retain: true });
    await hears.subscribeAsync('x', { qos: 1 });
    expect(heard.all).toEqual([]);
  });

  it('gives mosquitto our limits: size, QoS, no anonymous clients', async () => {
    const device = await issue(DEVICE);
    await written();
    await mosquitto();
    const closed = (one: MqttClient) => new Promise<void>((resolve) => one.once('close', () => resolve()));
    const big = await client(device);
    const bigEnds = closed(big);
    await big.publishAsync(topics.event('device-a'), Buffer.alloc(65_536), { qos: 1 });
    big.publish(topics.event('device-a'), Buffer.alloc(70_000), { qos: 1 });
    await bigEnds;
    const twice = await client(device);
    const twiceEnds = closed(twice);
    twice.publish(topics.event('device-a'), 'x', { qos: 2 });
    await twiceEnds;
    await expect(client({ user: '', password: '' })).rejects.toThrow('not let in');
  });

  it.each([
    ['neither folder', ['bridge', 'broker', 'acl']],
    ['both folders', ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--accounts', 'FOLDER']],
    ['an unknown broker', ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--for', 'emqx']],
    ['a prefix with a wildcard', ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--prefix', 'doorsill/+']],
    [
      'an address with a line end',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--host', '127.0.0.1\nallow_anonymous true'],
    ],
    [
      'a folder that would end its line',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--out', '/nowhere/a\nallow_anonymous true'],
    ],
    ['a pid file without --watch', ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--pid-file', 'x']],
    ['a cluster of mosquittos', ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--cluster', 'a=::1,b=::2,c=::3']],
    [
      'a cluster beside an address',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--nats', '--host', '::1', '--cluster', 'a=::1,b=::2,c=::3'],
    ],
    [
      'a cluster of two nodes',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--nats', '--cluster', 'a=10.0.0.1,b=10.0.0.2'],
    ],
    [
      'a cluster with a node twice',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--nats', '--cluster', 'a=10.0.0.1,a=10.0.0.2,c=10.0.0.3'],
    ],
    [
      'a cluster with an address twice',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--nats', '--cluster', 'a=10.0.0.1,b=10.0.0.1,c=10.0.0.3'],
    ],
    [
      'a node whose name is a path',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--nats', '--cluster', '../a=10.0.0.1,b=10.0.0.2,c=10.0.0.3'],
    ],
    [
      'a node without address',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--nats', '--cluster', 'a,b=10.0.0.2,c=10.0.0.3'],
    ],
    [
      'a port between nodes without nodes',
      ['bridge', 'broker', 'acl', '--data', 'FOLDER', '--nats', '--cluster-port', '6222'],
    ],
    ['a broker without its folder', ['bridge', 'broker']],
    ['a broker with a wildcard prefix', ['bridge', 'broker', '--data', 'FOLDER', '--prefix', '#']],
  ])('refuses %s', async (_what, words) => {
    const run = (await makeProgram(DOORSILL, words)).parseAsync([
      'node',
      'doorsill',
      ...words.map((word) => (word === 'FOLDER' ? folder : word)),
    ]);
    await expect(run).rejects.toMatchObject({ code: 'usage' });
  });
});

it('writes the maximum of connections of another broker, by default 4,096', async () => {
  await issue({ role: 'bridge', id: 'bridge-1' });
  const most = async (file: string) => /^max_connections:? (\d+)$/m.exec(await readFile(join(out, file), 'utf8'))?.[1];
  expect((await written()).status).toBe(0);
  expect(await most('mosquitto.conf')).toBe('4096');
  expect((await written('--connections', '15000')).status).toBe(0);
  expect(await most('mosquitto.conf')).toBe('15000');
  expect((await written('--nats', '--connections', '15000')).status).toBe(0);
  expect(await most('nats.conf')).toBe('15000');
});
