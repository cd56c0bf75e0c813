// @module-tag nats
// Holds: what `doorsill broker acl --nats` writes makes a stock nats-server keep the contract's table, and lets nobody at what is NATS' own.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { type AccountWish, issueAccount, removeAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX, PAYLOAD_BYTES_MAX } from '../../../device/protocol/topics.ts';
import { writeBrokerFiles } from '../../../sim/broker/write-broker-files.ts';
import { linkTo } from '../../support/broker.ts';
import { runCommand } from '../../support/command-line.ts';
import { Nats } from '../../support/nats.ts';
import { proved } from '../../support/proved.ts';

const [disk, random] = [new SystemDisk(), new SystemRandom()];
const P = DEFAULT_PREFIX;
const WISHES = {
  device: { role: 'device-home', id: 'device-1' },
  otherDevice: { role: 'device-home', id: 'device-2' },
  area: { role: 'device-area', id: 'device-1' },
  owner: { role: 'owner', id: 'owner-1', homes: ['device-1'] },
  ownerOfNone: { role: 'owner', id: 'owner-2' },
  homeAssistant: { role: 'home-assistant', id: 'home-assistant', homes: ['device-1'] },
  bridge: { role: 'bridge', id: 'bridge-1' },
} satisfies Record<string, AccountWish>;
type Role = keyof typeof WISHES;
const roles = Object.keys(WISHES) as Role[];

interface Account {
  user: string;
  password: string;
}

let folder: string;
let nats: Nats;
const accounts = new Map<Role, Account>();
const issue = (wish: AccountWish) => issueAccount(disk, random, join(folder, 'accounts'), wish);
const accountOf = (role: Role): Account => accounts.get(role) ?? { user: '', password: '' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-nats-'));
  for (const role of roles) accounts.set(role, await issue(WISHES[role]));
  nats = await Nats.start({ disk, accounts: join(folder, 'accounts'), prefix: P }, join(folder, 'nats'), 1);
}, 60_000);
afterAll(async () => {
  await nats.stop();
  await rm(folder, { recursive: true });
});

const clients: MqttClient[] = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.endAsync(true))));

/** A client that is let in. Rejects when it is not. */
function enter({ user: username, password }: Account, options: IClientOptions = {}): Promise<MqttClient> {
  const client = connect({ host: '127.0.0.1', port: nats.port, username, password, reconnectPeriod: 0, ...options });
  clients.push(client);
  client.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('close', () => reject(new Error('not let in')));
  });
}
const refusedEntry = (account: Account) => expect(enter(account)).rejects.toThrow('not let in');

/** Those of the filters that are granted. */
function subscribe(client: MqttClient, filters: readonly string[]): Promise<string[]> {
  return new Promise((resolve) => {
    client.subscribe([...filters], { qos: 1 }, (_error, _grants, packet) =>
      resolve(filters.filter((_, at) => Number(packet?.granted[at] ?? 128) < 2)),
    );
  });
}

/** Whether it was acknowledged, which NATS does with what it refuses, too; a topic that it can't read ends the session. */
function isTaken(client: MqttClient, topic: string, payload: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.once('close', () => resolve(false));
    client.publish(topic, payload, { qos: 1, retain: true }, (error) => resolve(!error));
  });
}

/** What a client hears, by topic and payload. */
function heardBy(client: MqttClient): Set<string> {
  const heard = new Set<string>();
  client.on('message', (topic, payload) => heard.add(`${topic} ${payload}`));
  return heard;
}
const hears = (heard: ReadonlySet<string>, wanted: readonly string[]) =>
  expect.poll(() => wanted.filter((one) => !heard.has(one)), { timeout: 20_000 }).toEqual([]);

/** By hand from the contract's table: topic, writers, readers. */
const TABLE: [string, Role[], Role[]][] = [
  [`${P}/home/device-1/status`, ['device'], ['owner', 'homeAssistant']],
  [`${P}/home/device-1/event`, ['device'], ['owner']],
  [`${P}/home/device-1/command`, ['owner'], ['device']],
  [`${P}/home/device-1/consent/request-1/grant`, ['owner'], ['device']],
  [`${P}/home/device-1/ha/ring`, ['device'], ['homeAssistant']],
  [`${P}/home/device-1/ha/set/press`, ['homeAssistant'], ['device']],
  ['homeassistant/status', ['homeAssistant'], ['device', 'otherDevice', 'homeAssistant']],
  ['homeassistant/device/device-1/config', ['device'], ['homeAssistant']],
  [`${P}/area/9q8yy/requests`, ['bridge'], ['area']],
  [`${P}/area/9q8yy/requests/2`, ['bridge'], ['area']],
  [`${P}/area/revocations`, ['bridge'], ['area']],
];
/** Wildcards that somebody gets, because the list has them or they lie within what it has. */
const WILDCARDS: [string, Role][] = [
  [`${P}/home/device-1/consent/+/+`, 'device'],
  [`${P}/home/device-1/consent/+/grant`, 'device'],
  [`${P}/home/device-2/consent/+/+`, 'otherDevice'],
  [`${P}/area/+/requests`, 'area'],
  [`${P}/area/+/requests/+`, 'area'],
  [`${P}/area/9q8yy/requests/#`, 'area'],
];
const NOBODYS = [
  `${P}/home/device-1`,
  `${P}/home/device-1/status/x`,
  `${P}/home/device-2/secret`,
  `${P}/home.device-1.status`,
  `${P.replaceAll('/', '.')}.home.device-1.event`,
  `${P}/area/9q8yy`,
  `${P}/area/9q8yy/requests/2/3`,
  'x',
];
const TRICKS = [
  ...[
    '#',
    '+/#',
    '/#',
    '>',
    '*',
    '*/*',
    `${P}/#`,
    `${P}/>`,
    `${P}/home/#`,
    `${P}/home/device-1/#`,
    `${P}/home/device-1/+`,
  ],
  ...[`${P}/home/device-1/*`, `${P}/home/+/status`, `${P}/home/*/status`, `${P}/home/device-1/consent/#`],
  ...[`${P}/area/#`, `${P}/area/+/#`, 'homeassistant/device/+/config', `${P}/home/device-2/consent/+/grant/#`],
  ...['$share/group/#', `$share/group/${P}/home/device-1/event`, '$queue/x'],
];
/** What is NATS' own: sessions, deliveries and retained messages of all users, JetStream's orders, the servers' events. */
const INTERNALS = [
  ...[
    '$MQTT/#',
    '$MQTT/+/#',
    '$MQTT/sub/#',
    '$MQTT/sub/+',
    '$MQTT/rmsgs/#',
    '$MQTT/msgs/#',
    '$MQTT/sess/#',
    '$MQTT.sub.>',
  ],
  ...['$MQTT/JSA/#', '$MQTT/deliver/#', '$JS/#', '$JS/API/#', '$JS/API/STREAM/LIST', '$JS/ACK/#', '$JS/EVENT/#'],
  ...['_INBOX/#', '_R_/#', '$SYS/#', '$SYS/ACCOUNT/#', '$SYS/REQ/SERVER/PING', '$NRG/#', '$JSC/#', '$KV/#', '$O/#'],
];

describe('the accounts at a NATS node', () => {
  // First of all: a reload while sessions end waits four seconds for each of what they leave.
  it('come and go by a reload: who is removed or has a new password is put out', async () => {
    const [leaving, renewed, staying] = [
      await issue({ ...WISHES.owner, id: 'owner-3' }),
      accountOf('otherDevice'),
      accountOf('area'),
    ];
    await refusedEntry(leaving);
    await nats.reload();
    const sessions = await Promise.all([leaving, renewed, staying].map((account) => enter(account)));
    const puts = sessions
      .slice(0, 2)
      .map((session) => new Promise<void>((resolve) => session.once('close', () => resolve())));
    await removeAccount(disk, join(folder, 'accounts'), leaving.user);
    const fresh = await issue(WISHES.otherDevice);
    await nats.reload();
    await Promise.all(puts);
    expect(sessions[2]?.connected).toBe(true);
    await refusedEntry(leaving);
    await refusedEntry(renewed);
    await enter(fresh);
    accounts.set('otherDevice', fresh);
  });

  it('are let in with their own password only, and nobody without', async () => {
    await enter(accountOf('device'));
    await refusedEntry({ ...accountOf('device'), password: accountOf('owner').password });
    await refusedEntry({ ...accountOf('device'), password: '' });
    for (const user of ['', 'SYS', 'DOORSILL', '$G', 'node', '*']) await refusedEntry({ user, password: '' });
  });

  it('publish and hear what the contract gives them and nothing else', async (context) => {
    const topics = [...TABLE.map(([topic]) => topic), ...NOBODYS, ...INTERNALS.filter((name) => !/[#+]/.test(name))];
    const filters = [...new Set([...topics, ...TRICKS, ...INTERNALS, ...WILDCARDS.map(([filter]) => filter)])];
    const allowed = (role: Role, word: string) =>
      TABLE.filter(([, , readers]) => readers.includes(role)).flatMap(([topic, writers]) =>
        writers.map((writer) => `${topic} ${writer} ${word}`),
      );
    let judged = 0;
    const publishAll = async (word: string) => {
      for (const role of roles) {
        let voice = await enter(accountOf(role));
        for (const topic of topics)
          if (!(await isTaken(voice, topic, `${role} ${word}`))) voice = await enter(accountOf(role));
        judged += topics.length * roles.length;
      }
    };
    const ears = new Map<Role, Set<string>>();
    for (const role of roles) {
      const ear = await enter(accountOf(role));
      ears.set(role, heardBy(ear));
      const exact = TABLE.filter(([, , readers]) => readers.includes(role)).map(([topic]) => topic);
      const besides = WILDCARDS.filter(([, reader]) => reader === role).map(([filter]) => filter);
      expect((await subscribe(ear, filters)).sort(), role).toEqual([...exact, ...besides].sort());
    }
    await publishAll('now');
    for (const [role, heard] of ears) {
      await hears(heard, allowed(role, 'now'));
      expect([...heard].sort(), role).toEqual(allowed(role, 'now').sort());
      const late = await enter(accountOf(role));
      const found = heardBy(late);
      await subscribe(late, filters);
      await hears(found, allowed(role, 'now'));
      expect([...found].sort(), `${role}, late`).toEqual(allowed(role, 'now').sort());
    }
    proved(context, 'roles by topics and wildcards on a NATS node: what was delivered', `${judged} judged, 0 leaks`);
  }, 60_000);

  it('leave no will where they may not publish', async () => {
    const ear = await enter(accountOf('owner'));
    const heard = heardBy(ear);
    const [status, event] = [`${P}/home/device-1/status`, `${P}/home/device-1/event`];
    await subscribe(ear, [event, status]);
    for (const [role, topic] of [
      ['owner', event],
      ['device', status],
    ] as const) {
      const will = { topic, payload: Buffer.from(`the will of ${role}`), qos: 1 as const, retain: true };
      const dying = await enter(accountOf(role), { will });
      dying.stream.destroy();
    }
    await hears(heard, [`${status} the will of device`]);
    expect([...heard].filter((one) => one.includes('the will of owner'))).toEqual([]);
  });

  it('end a session by its client id, and get nothing that was kept for it', async (context) => {
    const clientId = 'known-to-somebody-else';
    const event = `${P}/home/device-1/event`;
    const first = await enter(accountOf('owner'), { clientId, clean: false });
    await subscribe(first, [event]);
    const ended = new Promise<void>((resolve) => first.once('close', () => resolve()));
    const device = await enter(accountOf('device'));
    const thief = await enter(accountOf('area'), { clientId, clean: false });
    const heard = heardBy(thief);
    await ended;
    await device.publishAsync(event, 'while it was taken over', { qos: 1 });
    // Its own deliveries go on: what the session had subscribed to is judged by what its new holder may hear.
    await subscribe(thief, [`${P}/area/revocations`]);
    const bridge = await enter(accountOf('bridge'));
    await bridge.publishAsync(`${P}/area/revocations`, 'a list', { qos: 1, retain: true });
    await hears(heard, [`${P}/area/revocations a list`]);
    await subscribe(thief, [event]);
    expect([...heard].filter((one) => one.startsWith(event))).toEqual([]);
    proved(context, 'client id of another account on NATS', 'its session ends, 0 of its messages delivered');
  });

  it('may send more than the contract allows, which readers refuse themselves', async () => {
    const [event, letters] = [`${P}/home/device-1/event`, 3 * PAYLOAD_BYTES_MAX];
    const ear = await enter(accountOf('owner'));
    const sizes = new Set<number>();
    ear.on('message', (_topic, payload) => sizes.add(payload.length));
    await subscribe(ear, [event]);
    const link = linkTo(`mqtt://127.0.0.1:${nats.port}`, accountOf('owner'));
    const handed: number[] = [];
    link.subscribe([event], ({ payload }) => handed.push(payload.length));
    link.start();
    await link.reached(20_000);
    const device = await enter(accountOf('device'));
    const ended = new Promise<void>((resolve) => link.onState(({ online }) => !online && resolve()));
    await device.publishAsync(event, Buffer.alloc(letters), { qos: 1 });
    await Promise.all([ended, expect.poll(() => sizes.has(letters), { timeout: 20_000 }).toBe(true)]);
    await link.stop();
    expect(handed).not.toContain(letters);
  });

  it('are let in by MQTT alone: NATS’ own protocol listens on loopback and refuses every one of them', async () => {
    const log = nats.nodes[0]?.said ?? '';
    const listeners = [...log.matchAll(/Listening for (.*)/g)].map(([, what]) => what?.replace(/\d+$/, 'PORT'));
    expect(listeners.sort()).toEqual(['MQTT clients on mqtt://127.0.0.1:PORT', 'client connections on 127.0.0.1:PORT']);
    const port = Number(/client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
    for (const account of [...roles.map(accountOf), { user: '', password: '' }, { user: 'SYS', password: '' }]) {
      const credentials = { user: account.user, pass: account.password, verbose: true, lang: 'x', version: '1' };
      const answer = await spoken(port, `CONNECT ${JSON.stringify(credentials)}\r\nSUB $MQTT.sub.> 1\r\nPING\r\n`);
      expect(answer, account.user).toContain("-ERR 'Authorization Violation'");
      expect(answer).not.toContain('PONG');
    }
    expect(await spoken(port, 'PING\r\n')).not.toContain('PONG');
  });
});

/** All that a server of NATS' protocol answers until it closes the connection. */
function spoken(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connectTcp(port, '127.0.0.1', () => socket.write(text));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.once('close', () => resolve(answer));
  });
}

describe('doorsill broker acl --nats', () => {
  const CLUSTER = ['a=10.0.0.1', 'b=10.0.0.2', 'c=fd00::3'];

  it('writes files that only their owner can read, and leaves out accounts that were made before it', async () => {
    const [out, source] = [join(folder, 'written'), join(folder, 'accounts')];
    const { user } = await issue({ role: 'bridge', id: 'bridge-2' });
    const path = join(source, `${user}.json`);
    const account = JSON.parse(await readFile(path, 'utf8'));
    delete account.verifiers.nats;
    await writeFile(path, JSON.stringify(account));
    const words = [
      'broker',
      'acl',
      '--nats',
      '--accounts',
      source,
      '--out',
      out,
      '--cluster',
      CLUSTER.join(),
      '--json',
    ];
    const { status, last, stdout, stderr } = await runCommand(words);
    await rm(path);
    expect(status, stderr).toBe(0);
    const files = ['accounts.conf', 'a.conf', 'b.conf', 'c.conf'];
    expect(last).toMatchObject({ event: 'written', for: 'nats', files: files.map((name) => join(out, name)) });
    expect(last?.['leftOut']).toEqual([{ user, why: expect.stringContaining('older version') }]);
    expect((await readdir(out)).sort()).toEqual([...files, 'cluster.password'].sort());
    for (const name of await readdir(out)) expect((await stat(join(out, name))).mode & 0o077, name).toBe(0);
    const texts = await Promise.all(files.map((name) => readFile(join(out, name), 'utf8')));
    for (const { password } of accounts.values()) expect(texts.join()).not.toContain(password);
    const between = (await readFile(join(out, 'cluster.password'), 'utf8')).trim();
    expect(between).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(stdout).not.toContain(between);
    const [one, three] = [`nats-route://node:${between}@10.0.0.1:6222`, `nats-route://node:${between}@[fd00::3]:6222`];
    expect(texts[2]).toContain('listen: "10.0.0.2:6222"');
    expect(texts[2]).toContain(`routes: ["${one}", "${three}"]`);
  }, 60_000);

  it('draws the password of a cluster’s nodes once, and takes no short one', async () => {
    const out = join(folder, 'cluster');
    const nodes = CLUSTER.map((text) => ({ name: text.slice(0, 1), host: text.slice(2) }));
    const write = () =>
      writeBrokerFiles(
        'nats',
        { disk, accounts: join(folder, 'accounts'), prefix: P },
        { host: '127.0.0.1', port: 1883, folder: out, systemUser: '', cluster: { nodes, port: 6222, random } },
      );
    expect(await write()).toMatchObject({ changed: true });
    expect(await write()).toMatchObject({ changed: false });
    await writeFile(join(out, 'cluster.password'), 'short\n');
    await expect(write()).rejects.toMatchObject({ code: 'usage' });
  });
});
