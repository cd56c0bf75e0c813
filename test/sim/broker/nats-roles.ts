// Tries the contract's table with accounts of each role from every NATS node to every node, for the tests of a node and of a cluster.
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { expect } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { type AccountWish, issueAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX } from '../../../device/contract/topics.ts';
import { Nats, type NatsNode } from '../../support/nats.ts';

const [disk, random] = [new SystemDisk(), new SystemRandom()];
const P = DEFAULT_PREFIX;
export const WISHES = {
  device: { role: 'device-home', id: 'device-1' },
  otherDevice: { role: 'device-home', id: 'device-2' },
  area: { role: 'device-area', id: 'device-1' },
  owner: { role: 'owner', id: 'owner-1', homes: ['device-1'] },
  ownerOfNone: { role: 'owner', id: 'owner-2' },
  homeAssistant: { role: 'home-assistant', id: 'home-assistant', homes: ['device-1'] },
  bridge: { role: 'bridge', id: 'bridge-1' },
} satisfies Record<string, AccountWish>;
export type Role = keyof typeof WISHES;
export const roles = Object.keys(WISHES) as Role[];

export interface KnownAccount {
  user: string;
  password: string;
}

/** An account for each role, a node or a cluster that knows them, and the clients that came in. */
export class NatsRoles {
  readonly nats: Nats;
  /** Folder of account files. */
  readonly folder: string;
  readonly accounts: Map<Role, KnownAccount>;
  private readonly clients: MqttClient[] = [];

  private constructor(nats: Nats, folder: string, accounts: Map<Role, KnownAccount>) {
    this.nats = nats;
    this.folder = folder;
    this.accounts = accounts;
  }

  static async open(folder: string, size: 1 | 3): Promise<NatsRoles> {
    const accounts = new Map<Role, KnownAccount>();
    const source = join(folder, 'accounts');
    for (const role of roles) accounts.set(role, await issueAccount(disk, random, source, WISHES[role]));
    const nats = await Nats.start({ disk, accounts: source, prefix: P }, join(folder, 'nats'), size);
    return new NatsRoles(nats, source, accounts);
  }

  issue(wish: AccountWish): Promise<KnownAccount> {
    return issueAccount(disk, random, this.folder, wish);
  }

  accountOf(role: Role): KnownAccount {
    return this.accounts.get(role) ?? { user: '', password: '' };
  }

  /** A client that is let in at the node of that number. Rejects when it is not. */
  enter(
    who: Role | KnownAccount,
    { node = 0, ...options }: IClientOptions & { node?: number } = {},
  ): Promise<MqttClient> {
    const { user: username, password } = typeof who === 'string' ? this.accountOf(who) : who;
    const at = { host: this.nats.nodes[node]?.host ?? '', port: this.nats.port };
    const client = connect({ ...at, username, password, reconnectPeriod: 0, ...options });
    this.clients.push(client);
    client.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      client.once('connect', () => resolve(client));
      client.once('close', () => reject(new Error('not let in')));
    });
  }

  async refusedEntry(account: KnownAccount): Promise<void> {
    await expect(this.enter(account)).rejects.toThrow('not let in');
  }

  /** Ends all clients. */
  async leave(): Promise<void> {
    await Promise.all(this.clients.splice(0).map((client) => client.endAsync(true)));
  }

  async close(): Promise<void> {
    await this.leave();
    await this.nats.stop();
  }
}

/** All that a server of NATS' protocol answers until it closes the connection, or until its first PONG. */
export function spoken(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connectTcp(port, host, () => socket.write(text));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      if (answer.includes('PONG')) socket.destroy();
    });
    socket.once('close', () => resolve(answer));
  });
}

/** What a node says that it listens for, ports left out. */
export const listenersOf = ({ said }: NatsNode) =>
  [...said.matchAll(/(?:Listening for|Starting) (.* on .*)/g)].map(([, what]) => what?.replace(/\d+$/, 'PORT')).sort();

/** Those of the filters that are granted. */
export function subscribe(client: MqttClient, filters: readonly string[]): Promise<string[]> {
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
export function heardBy(client: MqttClient): Set<string> {
  const heard = new Set<string>();
  client.on('message', (topic, payload) => heard.add(`${topic} ${payload}`));
  return heard;
}
export const hears = (heard: ReadonlySet<string>, wanted: readonly string[]) =>
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
  ...['$MQTT/deliver/pubrel/x', `$MQTT/msgs/${P}/home/device-1/event`, `$MQTT/rmsgs/${P}/area/9q8yy/requests`],
  ...['$JS/API/STREAM/PURGE/$MQTT_rmsgs', '$JS/API/STREAM/MSG/GET/$MQTT_rmsgs', '$JS/API/STREAM/DELETE/$MQTT_sess'],
  ...[
    '_INBOX/#',
    '_INBOX/x',
    '_R_/#',
    '$SYS/#',
    '$SYS/ACCOUNT/#',
    '$SYS/REQ/SERVER/PING',
    '$NRG/#',
    '$JSC/#',
    '$KV/#',
    '$O/#',
  ],
];

/** What a role hears of what every role has said at a node. */
const allowed = (role: Role, { host }: NatsNode) =>
  TABLE.filter(([, , readers]) => readers.includes(role)).flatMap(([topic, writers]) =>
    writers.map((writer) => `${topic} ${writer} at ${host}`),
  );

/**
 * Every role publishes on every topic at every node, and listens with every filter at every node, before and afterwards. Fails where
 * one of them hears less or more than the contract's table has. Returns how many messages were judged, each by each listener.
 */
export async function judgeRoles(at: NatsRoles): Promise<number> {
  const { nodes } = at.nats;
  const topics = [...TABLE.map(([topic]) => topic), ...NOBODYS, ...INTERNALS.filter((name) => !/[#+]/.test(name))];
  const filters = [...new Set([...topics, ...TRICKS, ...INTERNALS, ...WILDCARDS.map(([filter]) => filter)])];
  const ears: { role: Role; node: number; heard: Set<string> }[] = [];
  for (const [node, { host }] of nodes.entries()) {
    for (const role of roles) {
      const ear = await at.enter(role, { node });
      ears.push({ role, node, heard: heardBy(ear) });
      const exact = TABLE.filter(([, , readers]) => readers.includes(role)).map(([topic]) => topic);
      const besides = WILDCARDS.filter(([, reader]) => reader === role).map(([filter]) => filter);
      expect((await subscribe(ear, filters)).sort(), `${role} at ${host}`).toEqual([...exact, ...besides].sort());
    }
  }
  for (const [node, { host }] of nodes.entries()) {
    for (const role of roles) {
      let voice = await at.enter(role, { node });
      for (const topic of topics)
        if (!(await isTaken(voice, topic, `${role} at ${host}`))) voice = await at.enter(role, { node });
    }
  }
  for (const { role, node, heard } of ears) {
    const all = nodes.flatMap((node) => allowed(role, node));
    await hears(heard, all);
    expect([...heard].sort(), `${role} at node ${node}`).toEqual(all.sort());
    // What was retained last, for whoever comes later.
    const kept = nodes.slice(-1).flatMap((node) => allowed(role, node));
    const late = await at.enter(role, { node });
    const found = heardBy(late);
    await subscribe(late, filters);
    await hears(found, kept);
    expect([...found].sort(), `${role} at node ${node}, late`).toEqual(kept.sort());
  }
  return nodes.length * roles.length * topics.length * ears.length;
}
