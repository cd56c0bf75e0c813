// @module-tag rabbitmq
// @module-tag long
import { connect, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { collector, linkTo } from '../../support/broker.ts';
import { proved } from '../../support/proved.ts';
import { type KnownAccount, RabbitMq } from '../../support/rabbitmq.ts';
import { AREA_ACCOUNTS, AREA_TOPICS, type AreaBroker, areaLinkContract } from './area-link-contract.ts';

// One node for all of it: a start takes several seconds.

const START_MS_MAX = 150_000;
const slow = process.env['DOORSILL_SLOW'] === '1';
const P = 'doorsill/v1';
const HOME = { role: 'device-home', id: 'device-1' };
const OWNER = { role: 'owner', id: 'owner-1', homes: ['device-1'] };

let rabbit: RabbitMq;
beforeAll(async () => {
  rabbit = await RabbitMq.start([...Object.values(AREA_ACCOUNTS), HOME, OWNER]);
}, START_MS_MAX);
afterAll(() => rabbit.stop(), START_MS_MAX);

/** The node as the contract wants it: `stop` ends the links and takes down what is retained, so that each test begins anew. */
async function fresh(): Promise<AreaBroker> {
  const links: MqttLink[] = [];
  const link: AreaBroker['link'] = async (wish, changes) => {
    const made = linkTo(rabbit.url, rabbit.account(wish), changes);
    links.push(made);
    return made;
  };
  return {
    kind: 'rabbitmq',
    port: rabbit.port,
    issue: async (wish) => rabbit.account(wish),
    link,
    pause: () => rabbit.pause(),
    resume: () => rabbit.resume(),
    async stop() {
      const cleaner = await link(AREA_ACCOUNTS.bridge);
      cleaner.start();
      await Promise.all(AREA_TOPICS.map((topic) => cleaner.publish(topic, '', { retain: true })));
      await Promise.all(links.map((each) => each.stop()));
    },
  };
}

areaLinkContract('rabbitmq', fresh, slow);

describe('the accounts at RabbitMQ', () => {
  const clients: MqttClient[] = [];
  afterAll(() => Promise.all(clients.map((client) => client.endAsync(true))));

  function client(account: KnownAccount, clientId = `${account.user}-${'0123456789abcdef'.repeat(2)}`): MqttClient {
    const { user: username, password } = account;
    const opened = connect({ host: '127.0.0.1', port: rabbit.port, username, password, clientId, reconnectPeriod: 0 });
    opened.on('error', () => undefined);
    clients.push(opened);
    return opened;
  }
  const joined = (one: MqttClient) =>
    new Promise<boolean>((resolve) => {
      one.once('connect', () => resolve(true));
      one.once('close', () => resolve(false));
    });

  it('are let in with their own password only, and nobody without', async () => {
    const device = rabbit.account(AREA_ACCOUNTS.device);
    expect(await joined(client(device))).toBe(true);
    const wrong = [
      { ...device, password: 'x' },
      { user: 'guest', password: 'guest' },
      { user: '', password: '' },
    ];
    // RabbitMQ answers a wrong password late.
    expect(await Promise.all(wrong.map((account) => joined(client(account))))).toEqual([false, false, false]);
  }, 60_000);

  it('publish and hear what the contract gives them and nothing else', async (context) => {
    const area = ['area/9q8yy/requests', 'area/9q8yy/requests/2', 'area/revocations'].map((name) => `${P}/${name}`);
    const home = ['status', 'command', 'consent/request-1/grant'].map((name) => `${P}/home/device-1/${name}`);
    const tricks = [
      '#',
      `${P}/#`,
      `${P}/area/#`,
      `${P}/area/+/requests`,
      `${P}/home/+/status`,
      `${P}/home/device-2/status`,
    ];
    const wishes = { ...AREA_ACCOUNTS, home: HOME, owner: OWNER };
    // topic, writers, readers; by hand from the contract's table.
    const table: [string, string[], string[]][] = [
      ...area.map((topic): [string, string[], string[]] => [topic, ['bridge'], ['device']]),
      [home[0] ?? '', ['home'], ['owner']],
      [home[1] ?? '', ['owner'], ['home']],
      [home[2] ?? '', ['owner'], ['home']],
    ];
    const heard = new Map<string, ReturnType<typeof collector<string>>>();
    for (const [role, wish] of Object.entries(wishes)) {
      const inbox = collector<string>();
      heard.set(role, inbox);
      const join = async () => {
        const ear = client(rabbit.account(wish), `${rabbit.account(wish).user}-${'e'.repeat(32)}`);
        ear.on('message', (_topic, payload) => inbox.take(payload.toString()));
        expect(await joined(ear)).toBe(true);
        return ear;
      };
      let ear = await join();
      // What it may hear comes last: a refusal may end the connection, and with it what was granted before.
      const own = table.filter(([, , readers]) => readers.includes(role)).map(([topic]) => topic);
      const others = [...area, ...home, ...tricks].filter((filter) => !own.includes(filter));
      for (const filter of [...others, ...own]) {
        const granted = await subscribed(ear, filter);
        expect(granted, `${role} ${filter}`).toBe(own.includes(filter));
        if (granted) continue;
        await ear.endAsync(true);
        ear = await join();
      }
    }
    const refused: string[] = [];
    const allowed: [string, string, string[]][] = [];
    for (const [role, wish] of Object.entries(wishes)) {
      for (const topic of [...area, ...home, `${P}/area/9q8yy`, 'x']) {
        const row = table.find(([name, writers]) => name === topic && writers.includes(role));
        if (row) allowed.push([role, topic, row[2]]);
        const voice = client(rabbit.account(wish), `${rabbit.account(wish).user}-${'f'.repeat(32)}`);
        const taken = (await joined(voice)) && (await published(voice, topic, `${role} ${topic}`));
        if (!taken) refused.push(`${role} ${topic}`);
        expect(taken, `${role} ${topic}`).toBe(row !== undefined);
      }
    }
    let judged = 0;
    for (const [role, inbox] of heard) {
      const own = allowed
        .filter(([, , readers]) => readers.includes(role))
        .map(([writer, topic]) => `${writer} ${topic}`);
      while (!own.every((message) => inbox.all.includes(message))) await inbox.next();
      expect(inbox.all.sort(), role).toEqual(own.sort());
      judged += allowed.length + refused.length;
    }
    proved(context, 'area and home accounts on RabbitMQ: what was delivered', `${judged} judged, 0 leaks`);
  }, 60_000);

  it('find a retained document at its exact topic', async (context) => {
    const bridge = linkTo(rabbit.url, rabbit.account(AREA_ACCOUNTS.bridge));
    bridge.start();
    for (const topic of AREA_TOPICS) await bridge.publish(topic, `kept ${topic}`, { retain: true });
    const late = linkTo(rabbit.url, rabbit.account(AREA_ACCOUNTS.device));
    const heard = collector<string>();
    late.subscribe(AREA_TOPICS, ({ payload, retained }) => retained && heard.take(new TextDecoder().decode(payload)));
    late.start();
    while (heard.all.length < AREA_TOPICS.length) await heard.next();
    expect(heard.all.sort()).toEqual(AREA_TOPICS.map((topic) => `kept ${topic}`).sort());
    await Promise.all([bridge.stop(), late.stop()]);
    proved(
      context,
      'area link on RabbitMQ: retained documents found at exact topics',
      `${heard.all.length} of ${AREA_TOPICS.length}`,
    );
  }, 60_000);

  if (slow) {
    it(
      'come in by an import and go by a deletion while the node runs',
      async () => {
        const late = await rabbit.issue({ role: 'device-area', id: 'device-2' });
        expect(await joined(client(late))).toBe(false);
        await rabbit.import();
        expect(await joined(client(late))).toBe(true);
        await rabbit.control('delete_user', late.user);
        expect(await joined(client(late))).toBe(false);
      },
      START_MS_MAX,
    );
  }
});

/** Whether the broker granted it, instead of refusing it or ending the connection. */
function subscribed(client: MqttClient, filter: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.once('close', () => resolve(false));
    client.subscribe(filter, { qos: 1 }, (error, _grants, packet) =>
      resolve(!error && Number(packet?.granted[0] ?? 128) < 2),
    );
  });
}

/** Whether the broker acknowledged it; it ends the connection when it refuses. */
function published(client: MqttClient, topic: string, payload: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.once('close', () => resolve(false));
    client.publish(topic, payload, { qos: 1 }, (error) => {
      resolve(!error);
      client.end(true);
    });
  });
}
