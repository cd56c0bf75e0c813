import { connect, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccountWish } from '../../../device/base/mqtt-account-files.ts';
import { type BrokerKind, startBroker, type TestBroker } from '../../support/broker.ts';
import { describeOnEachBroker } from '../../support/each-broker.ts';
import { proved } from '../../support/proved.ts';

// Every role with every topic and wildcard, judged by the delivered messages. The expectations are copied from the contract's table of writers
// and readers, not computed by the code under test.

const ROLES = {
  deviceA: { role: 'device-home', id: 'device-a' },
  deviceB: { role: 'device-home', id: 'device-b' },
  areaA: { role: 'device-area', id: 'device-a' },
  ownerA: { role: 'owner', id: 'owner-a', homes: ['device-a'] },
  secondOwnerA: { role: 'owner', id: 'owner-c', homes: ['device-a'] },
  ownerB: { role: 'owner', id: 'owner-b', homes: ['device-b'] },
  ownerOfNone: { role: 'owner', id: 'owner-d' },
  homeAssistantB: { role: 'home-assistant', id: 'home-assistant', homes: ['device-b'] },
  homeAssistantA: { role: 'home-assistant', id: 'home-assistant', homes: ['device-a'] },
  bridge: { role: 'bridge', id: 'bridge-1' },
} satisfies Record<string, AccountWish>;
type Role = keyof typeof ROLES;
const roles = Object.keys(ROLES) as Role[];

/** Roles without access: an account file with one of them permits nothing. */
const OUTSIDERS: Record<string, AccountWish> = {
  registry: { role: 'registry', id: 'registry-1' },
  agency: { role: 'agency', id: 'agency-1' },
};

interface Row {
  topic: string;
  writers: Role[];
  readers: Role[];
}

const P = 'doorsill/v1';
const FROM_DEVICE = ['status', 'state', 'event', 'request', 'receipt', 'upload'];
const FROM_OWNER = ['consent/request-1/grant', 'consent/request-1/deny', 'consent/request-1/revoke', 'command'];
const FOR_HOME_ASSISTANT = ['ha/ring', 'ha/motion', 'ha/privacy', 'ha/requests', 'ha/storage'];
const FROM_HOME_ASSISTANT = ['ha/set/press', 'ha/set/privacy'];
const rows = (at: string, names: string[], writers: Role[], readers: Role[]): Row[] =>
  names.map((name) => ({ topic: `${P}/${at}/${name}`, writers, readers }));
const TABLE: Row[] = [
  ...rows('home/device-a', ['status'], ['deviceA'], ['ownerA', 'secondOwnerA', 'homeAssistantA']),
  ...rows('home/device-a', FROM_DEVICE.slice(1), ['deviceA'], ['ownerA', 'secondOwnerA']),
  ...rows('home/device-a', FOR_HOME_ASSISTANT, ['deviceA'], ['homeAssistantA']),
  ...rows('home/device-a', FROM_HOME_ASSISTANT, ['homeAssistantA'], ['deviceA']),
  { topic: 'homeassistant/device/device-a/config', writers: ['deviceA'], readers: ['homeAssistantA'] },
  {
    topic: 'homeassistant/status',
    writers: ['homeAssistantB', 'homeAssistantA'],
    readers: ['deviceA', 'deviceB', 'homeAssistantB', 'homeAssistantA'],
  },
  ...rows('home/device-a', FROM_OWNER, ['ownerA', 'secondOwnerA'], ['deviceA']),
  ...rows('home/device-b', ['status'], ['deviceB'], ['ownerB', 'homeAssistantB']),
  ...rows('home/device-b', FROM_DEVICE.slice(1), ['deviceB'], ['ownerB']),
  ...rows('home/device-b', FROM_OWNER, ['ownerB'], ['deviceB']),
  ...rows('home/device-b', FOR_HOME_ASSISTANT, ['deviceB'], ['homeAssistantB']),
  ...rows('home/device-b', FROM_HOME_ASSISTANT, ['homeAssistantB'], ['deviceB']),
  { topic: 'homeassistant/device/device-b/config', writers: ['deviceB'], readers: ['homeAssistantB'] },
  ...rows('area', ['9q8yy/requests', '9q8yy/requests/2', 'revocations'], ['bridge'], ['areaA']),
];
const MAY_RETAIN = /\/(status|state|requests|requests\/2|revocations|config|ha\/(motion|privacy|requests|storage))$/;

/** Topics that no role may use: neighbours of real ones, reserved ones, other prefixes. */
const NOBODYS = [
  `${P}/home/device-a`,
  `${P}/home/device-a/`,
  `${P}/home/device-a/status/x`,
  `${P}/home/device-ab/status`,
  `${P}/home/DEVICE-A/status`,
  `${P}/home//status`,
  `/${P}/home/device-a/status`,
  `${P}/home/device-a/secret`,
  `${P}/home/device-a/consent/request-1/approve`,
  `${P}/home/device-a/consent/request-1/grant/x`,
  `${P}/home/device-a/ha/set/forget`,
  `${P}/home/device-a/ha/secret`,
  `${P}/area/9q8yy`,
  `${P}/area/9q8yy/requests/2/3`,
  `doorsill/v2/home/device-a/status`,
  'home/device-a/status',
  'homeassistant/device/device-ab/config',
  'homeassistant/switch/device-a/config',
  '$SYS/broker/uptime',
  `$share/group/${P}/home/device-a/status`,
  'x',
];
/** Ids that are none. mosquitto's `+` cannot tell them from ids: only the device's own check of the topic does. */
const NO_IDS = [`${P}/home/device-a/consent/Request 1/grant`, `${P}/home/device-a/consent//grant`];

/** Filters for more than one topic. */
const TRICKS = [
  '#',
  '/#',
  '+/#',
  '+/+/+/+/+',
  `${P}/#`,
  `${P}/home/#`,
  `${P}/+/+/status`,
  `${P}/home/device-a/#`,
  `${P}/home/+/status`,
  `${P}/home/+/receipt`,
  `${P}/home/device-a/+`,
  `${P}/home/device-a/consent/#`,
  `${P}/home/device-a/consent/+/grant`,
  `${P}/home/+/consent/+/+`,
  `${P}/home/device-a/ha/#`,
  `${P}/home/device-a/ha/+`,
  'homeassistant/#',
  'homeassistant/+/+/config',
  `${P}/area/#`,
  `${P}/area/+/requests`,
  `${P}/area/+/requests/+`,
  `${P}/area/9q8yy/+`,
  '$SYS/#',
  '$SYS/+/new/clients',
  '$share/group/#',
];
/** Filters besides the table that somebody may have, letter for letter. */
const OWN_FILTERS: [string, Role][] = [
  [`${P}/home/device-a/consent/+/+`, 'deviceA'],
  // Inside the filter above, so it may be asked for; nobody can publish there.
  [`${P}/home/device-a/consent/request-1/approve`, 'deviceA'],
  [`${P}/home/device-b/consent/+/+`, 'deviceB'],
  // How Home Assistant looks for devices; it hears of its own homes alone.
  ['homeassistant/device/+/config', 'homeAssistantA'],
  ['homeassistant/device/+/config', 'homeAssistantB'],
];

const topics = [...TABLE.map(({ topic }) => topic), ...NOBODYS, ...NO_IDS];
const filters = [...new Set([...topics, ...TRICKS, ...OWN_FILTERS.map(([filter]) => filter)])];

interface Account {
  user: string;
  password: string;
}

/** One role at the broker: it asks for every filter there is, on one connection that it also publishes on. */
class Party {
  readonly heard = new Set<string>();
  granted: string[] = [];
  private readonly port: number;
  private readonly account: Account;
  private readonly protocolVersion: 4 | 5;
  private client: MqttClient | null = null;
  private readonly watchers = new Set<() => void>();

  constructor(port: number, account: Account, protocolVersion: 4 | 5 = 4) {
    this.port = port;
    this.account = account;
    this.protocolVersion = protocolVersion;
  }

  async join(): Promise<MqttClient> {
    if (this.client?.connected) return this.client;
    const { port, protocolVersion } = this;
    const [username, password] = [this.account.user, this.account.password];
    const client = connect({ host: '127.0.0.1', port, username, password, protocolVersion, reconnectPeriod: 0 });
    this.client = client;
    client.on('error', () => undefined);
    client.on('message', (_topic, payload) => {
      this.heard.add(payload.toString());
      for (const watcher of [...this.watchers]) watcher();
    });
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('close', () => reject(new Error('not let in')));
    });
    await this.ask(client);
    return client;
  }

  private ask(client: MqttClient): Promise<void> {
    return new Promise((resolve) => {
      client.subscribe(filters, { qos: 1 }, (_error, _grants, packet) => {
        const answers = packet?.granted ?? [];
        this.granted = filters.filter((_, at) => Number(answers[at] ?? 128) < 2);
        resolve();
      });
    });
  }

  /** Whether the broker acknowledged it; the embedded one ends the connection when it refuses. */
  async publish(topic: string, payload: string, retain: boolean): Promise<boolean> {
    const client = await this.join();
    return new Promise((resolve) => {
      const end = (taken: boolean) => {
        client.off('close', refused);
        resolve(taken);
      };
      const refused = () => end(false);
      client.once('close', refused);
      client.publish(topic, payload, { qos: 1, retain }, (error) => end(!error));
    });
  }

  /** Resolves when all of them have been heard. */
  hears(payloads: string[]): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!payloads.every((payload) => this.heard.has(payload))) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  /** After everything that the broker had for it when it was called. */
  async roundTrip(): Promise<void> {
    await this.ask(await this.join());
  }

  async leave(): Promise<void> {
    await this.client?.endAsync(true);
  }
}

describeOnEachBroker('the roles at the broker, %s', (kind: BrokerKind) => {
  let broker: TestBroker;
  const accounts = new Map<Role, Account>();
  const parties: [Role, Party][] = [];
  const published: string[] = [];
  const messageOf = (writer: Role, topic: string, retain: boolean) => `${writer} ${topic} ${retain}`;
  const partyOf = (role: Role): Party => {
    const found = parties.find(([name]) => name === role);
    if (!found) throw new Error(`no party ${role}`);
    return found[1];
  };
  const accountOf = (role: Role): Account => {
    const account = accounts.get(role);
    if (!account) throw new Error(`no account ${role}`);
    return account;
  };
  /** mosquitto's list has no word about retaining; a device refuses retained orders itself. */
  const mayRetain = (topic: string) => kind === 'mosquitto' || MAY_RETAIN.test(topic);

  /** What the contract lets `reader` hear of all that was published. */
  function allowed(reader: Role): Set<string> {
    const messages = TABLE.filter(({ readers }) => readers.includes(reader)).flatMap(({ topic, writers }) =>
      writers.flatMap((writer) =>
        [false, true].flatMap((retain) => (retain && !mayRetain(topic) ? [] : [messageOf(writer, topic, retain)])),
      ),
    );
    if (kind === 'mosquitto' && reader === 'deviceA') {
      for (const writer of ['ownerA', 'secondOwnerA'] as const)
        for (const topic of NO_IDS) messages.push(messageOf(writer, topic, false), messageOf(writer, topic, true));
    }
    return new Set(messages);
  }

  /** The last words of every row: what came before them has arrived before them. Returns what each reader must hear. */
  async function lastWords(words: string): Promise<Map<Role, string[]>> {
    const expected = new Map<Role, string[]>();
    for (const { topic, writers, readers } of TABLE) {
      const [writer] = writers;
      if (!writer) throw new Error('a row has a writer');
      expect(await partyOf(writer).publish(topic, `${words} ${topic}`, false)).toBe(true);
      for (const reader of readers) expected.set(reader, [...(expected.get(reader) ?? []), `${words} ${topic}`]);
    }
    return expected;
  }

  beforeAll(async () => {
    // So many attempts from one address in a few seconds are what the limits are against.
    broker = await startBroker({ kind, limits: { packetsBurst: 100_000 } });
    for (const wish of Object.values(OUTSIDERS)) await broker.issue(wish);
    for (const role of roles) accounts.set(role, await broker.issue(ROLES[role]));
    for (const role of roles) parties.push([role, new Party(broker.port, accountOf(role))]);
    // mosquitto speaks MQTT 5 too, where shared subscriptions are at home: a second ear for each role.
    if (kind === 'mosquitto') {
      for (const role of roles) parties.push([role, new Party(broker.port, accountOf(role), 5)]);
    }
    for (const [, party] of parties) await party.join();
  });
  afterAll(async () => {
    for (const [, party] of parties) await party.leave();
    await broker.stop();
  });

  it.each([...Object.keys(OUTSIDERS), 'nobody'])('have no access for %s', async (name) => {
    const wish = OUTSIDERS[name];
    const account = wish ? await broker.issue(wish) : { user: '', password: '' };
    await expect(new Party(broker.port, account).join()).rejects.toThrow('not let in');
  });

  // mosquitto grants every filter and judges at delivery.
  if (kind === 'embedded') {
    it.each(roles)('grant %s the filters of its own row and no other wildcard', (role) => {
      const exact = TABLE.filter(({ readers }) => readers.includes(role)).map(({ topic }) => topic);
      const besides = OWN_FILTERS.filter(([, reader]) => reader === role).map(([filter]) => filter);
      expect(partyOf(role).granted.sort()).toEqual([...exact, ...besides].sort());
    });
  }

  it('deliver each writer’s messages only to its readers, whatever anybody tries to publish or subscribe to', {
    tags: ['long'],
    timeout: 60_000,
  }, async (context) => {
    const taken: string[] = [];
    for (const role of roles) {
      for (const topic of topics) {
        for (const retain of [false, true]) {
          const message = messageOf(role, topic, retain);
          published.push(message);
          if (await partyOf(role).publish(topic, message, retain)) taken.push(message);
          await partyOf(role).join();
        }
      }
    }
    if (kind === 'embedded') {
      const known = new Set(roles.flatMap((reader) => [...allowed(reader)]));
      expect(taken.sort()).toEqual([...known].sort());
    }
    const ends = await lastWords('end');
    const leaks: string[] = [];
    for (const [role, party] of parties) {
      const own = ends.get(role) ?? [];
      await party.hears(own);
      await party.roundTrip();
      const may = allowed(role);
      leaks.push(
        ...[...party.heard]
          .filter((heard) => !may.has(heard) && !own.includes(heard))
          .map((heard) => `${role} < ${heard}`),
      );
      expect(
        [...may].filter((message) => !party.heard.has(message)),
        `unheard by ${role}`,
      ).toEqual([]);
    }
    const judged = published.length * parties.length;
    proved(
      context,
      `roles by topics and wildcards on ${kind}: what was delivered`,
      `${published.length} messages x ${parties.length} listeners = ${judged} judged, ${leaks.length} leaks`,
    );
    expect(leaks).toEqual([]);
  });

  it('give later clients only their own retained messages', {
    tags: ['long'],
    timeout: 60_000,
  }, async (context) => {
    const leaks: string[] = [];
    let found = 0;
    for (const role of roles) {
      const party = new Party(broker.port, accountOf(role));
      if (kind === 'embedded') await partyOf(role).leave();
      await party.join();
      await party.roundTrip();
      const may = allowed(role);
      const retained = [...may].filter((message) => message.endsWith(' true'));
      // The last one kept on each of its topics; which writer was last is the order of `roles`.
      const kept = TABLE.filter(({ topic, readers }) => readers.includes(role) && mayRetain(topic)).map(
        ({ topic, writers }) => messageOf(writers.at(-1) ?? role, topic, true),
      );
      await party.hears(kept);
      found += party.heard.size;
      leaks.push(...[...party.heard].filter((heard) => !retained.includes(heard)).map((heard) => `${role} < ${heard}`));
      await party.leave();
    }
    proved(context, `retained messages found by late comers on ${kind}`, `${found} found, ${leaks.length} leaks`);
    expect(leaks).toEqual([]);
  });
});
