import { connect } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountWish } from '../../device/base/account-folder.ts';
import { fromUtf8 } from '../../device/base/bytes.ts';
import type { MqttLink } from '../../device/base/mqtt-link.ts';
import { collector, startBroker, type TestBroker } from '../support/broker.ts';

// Every role by every topic, judged by what arrives. The expectations are written out here from the contract's table of
// writers and readers; nothing of them is computed by the code under test.

const ROLES: Record<string, AccountWish> = {
  deviceA: { role: 'device-home', id: 'device-a' },
  deviceB: { role: 'device-home', id: 'device-b' },
  areaA: { role: 'device-area', id: 'device-a' },
  ownerA: { role: 'owner', id: 'owner-a', homes: ['device-a'] },
  ownerB: { role: 'owner', id: 'owner-b', homes: ['device-b'] },
  bridge: { role: 'bridge', id: 'bridge-1' },
};
type Role = string;

const P = 'doorsill/v1';
const home = (letter: 'a' | 'b'): [string, Role, Role][] => {
  const [device, owner] = letter === 'a' ? ['deviceA', 'ownerA'] : ['deviceB', 'ownerB'];
  const at = `${P}/home/device-${letter}`;
  return [
    ...['status', 'state', 'event', 'request', 'receipt', 'upload'].map((name): [string, Role, Role] => [
      `${at}/${name}`,
      device,
      owner,
    ]),
    ...['consent/request-1/grant', 'consent/request-1/deny', 'consent/request-1/revoke', 'command'].map(
      (name): [string, Role, Role] => [`${at}/${name}`, owner, device],
    ),
  ];
};
/** topic, its one writer, its one reader. */
const TABLE: [string, Role, Role][] = [
  ...home('a'),
  ...home('b'),
  ...['area/9q8yy/requests', 'area/9q8yy/requests/2', 'area/revocations'].map((name): [string, Role, Role] => [
    `${P}/${name}`,
    'bridge',
    'areaA',
  ]),
];
const MAY_RETAIN = /\/(status|state|requests|requests\/2|revocations)$/;

/** Topics of nobody: neighbours of real ones, reserved ones, other prefixes. */
const NOBODYS = [
  `${P}/home/device-a`,
  `${P}/home/device-a/status/x`,
  `${P}/home/device-a/secret`,
  `${P}/home/device-a/consent/request-1/approve`,
  `${P}/home/device-a/consent/Request 1/grant`,
  `${P}/home/device-a/consent//grant`,
  `${P}/home/device-a/consent/request-1/grant/x`,
  `${P}/home/device-a/ha/set/privacy`,
  `${P}/area/9q8yy`,
  `${P}/area/9q8yy/requests/2/3`,
  `doorsill/v2/home/device-a/status`,
  'home/device-a/status',
  '$SYS/broker/uptime',
  'x',
];

/** Filters that try to hear more than one topic. */
const TRICKS = [
  '#',
  '+/#',
  '+/+/+/+/+',
  `${P}/#`,
  `${P}/home/#`,
  `${P}/home/device-a/#`,
  `${P}/home/+/status`,
  `${P}/home/+/receipt`,
  `${P}/home/device-a/+`,
  `${P}/home/device-a/consent/#`,
  `${P}/home/device-a/consent/+/grant`,
  `${P}/home/+/consent/+/+`,
  `${P}/area/#`,
  `${P}/area/+/requests`,
  `${P}/area/+/requests/+`,
  `${P}/area/9q8yy/+`,
  '$SYS/#',
  '$SYS/+/new/clients',
  `$share/group/${P}/home/device-a/status`,
];

const roles = Object.keys(ROLES);
const topics = [...TABLE.map(([topic]) => topic), ...NOBODYS];
const filters = [...topics, ...TRICKS];
/** Filters besides the table that somebody may have, letter for letter. */
const OWN_FILTERS: [string, Role][] = [
  [`${P}/home/device-a/consent/+/+`, 'deviceA'],
  // Inside the filter above, so it may be asked for; nobody can publish there.
  [`${P}/home/device-a/consent/request-1/approve`, 'deviceA'],
  [`${P}/home/device-b/consent/+/+`, 'deviceB'],
];

const payloadOf = (writer: Role, topic: string, retain: boolean) => `${writer} ${topic} ${retain}`;

describe('the roles at the broker', () => {
  let broker: TestBroker;
  const accounts = new Map<Role, { user: string; password: string }>();
  const links = new Map<Role, MqttLink>();
  const granted = new Map<Role, string[]>();
  const heard = new Map<Role, ReturnType<typeof collector<string>>>();

  const linkOf = (role: Role): MqttLink => {
    const link = links.get(role);
    if (!link) throw new Error(`no role ${role}`);
    return link;
  };

  beforeAll(async () => {
    broker = await startBroker({ limits: { packetsBurst: 100_000 } });
    for (const [role, wish] of Object.entries(ROLES)) {
      const account = await broker.issue(wish);
      accounts.set(role, account);
      const link = await broker.link(wish, account);
      links.set(role, link);
      const inbox = collector<string>();
      heard.set(role, inbox);
      const own: string[] = [];
      granted.set(role, own);
      const asked = [...new Set([...filters, ...OWN_FILTERS.map(([filter]) => filter)])].map(async (filter) => {
        const subscription = link.subscribe([filter], (message) => inbox.take(String(fromUtf8(message.payload))));
        await subscription.granted().then(
          () => own.push(filter),
          () => undefined,
        );
      });
      link.start();
      await Promise.all(asked);
    }
  });
  afterAll(() => broker.stop());

  it.each(roles)('grant %s the filters of its own row and no wildcard besides', (role) => {
    const exact = TABLE.filter(([, , reader]) => reader === role).map(([topic]) => topic);
    const besides = OWN_FILTERS.filter(([, reader]) => reader === role).map(([filter]) => filter);
    expect(granted.get(role)?.sort()).toEqual([...exact, ...besides].sort());
  });

  it('let every writer be heard by its reader and by nobody else, whatever anybody tries to publish or to hear', async () => {
    const expected = new Map(roles.map((role): [Role, Set<string>] => [role, new Set()]));
    const taken: string[] = [];
    for (const role of roles) {
      await linkOf(role).stop();
      const account = accounts.get(role);
      if (!account) throw new Error('no account');
      for (const topic of topics) {
        for (const retain of [false, true]) {
          const payload = payloadOf(role, topic, retain);
          if (await publishRaw(broker.port, account, topic, payload, retain)) taken.push(payload);
        }
      }
      linkOf(role).start();
      await linkOf(role).reached(5_000);
    }
    for (const [topic, writer, reader] of TABLE) {
      for (const retain of MAY_RETAIN.test(topic) ? [false, true] : [false]) {
        expected.get(reader)?.add(payloadOf(writer, topic, retain));
      }
    }
    expect(taken.sort()).toEqual([...expected.values()].flatMap((payloads) => [...payloads]).sort());
    // Marks the end: what was let through before it has arrived before it.
    for (const [topic, writer, reader] of TABLE) {
      await linkOf(writer).publish(topic, `end ${topic}`);
      expected.get(reader)?.add(`end ${topic}`);
    }
    for (const role of roles) {
      const own = TABLE.filter(([, , reader]) => reader === role).map(([topic]) => `end ${topic}`);
      const inbox = heard.get(role);
      while (inbox && !own.every((payload) => inbox.all.includes(payload))) await inbox.next();
      const arrived = new Set(inbox?.all);
      expect([...arrived].sort(), role).toEqual([...(expected.get(role) ?? [])].sort());
    }
  });
});

/** Publishes on a connection of its own; whether the broker acknowledged it (it ends the connection when it refuses). */
function publishRaw(
  port: number,
  account: { user: string; password: string },
  topic: string,
  payload: string,
  retain: boolean,
): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect({
      host: '127.0.0.1',
      port,
      username: account.user,
      password: account.password,
      reconnectPeriod: 0,
    });
    let taken = false;
    client.once('close', () => client.end(true, () => resolve(taken)));
    client.once('connect', () =>
      client.publish(topic, payload, { qos: 1, retain }, (error) => {
        taken ||= !error;
        client.end(true);
      }),
    );
    client.on('error', () => undefined);
  });
}
