import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type MqttClient } from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { integerBelow, SeededRandom } from '../../../device/base/random.ts';
import { topicsUnder } from '../../../device/contract/topics.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';

// Clients that send what no honest client would: the broker ends their connections and serves the others. Each test ends with a message from a
// device to its owner.

const topics = topicsUnder('doorsill/v1');
const EVENT = topics.event('device-a');
const A = { role: 'device-home', id: 'device-a' };
const OWNER = { role: 'owner', id: 'owner-1', homes: ['device-a'] };

interface Account {
  user: string;
  password: string;
}

let broker: TestBroker;
const clients: MqttClient[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const client of clients.splice(0)) await client.endAsync(true);
  await broker.stop();
});

function connected(account: Account): Promise<MqttClient> {
  const { user: username, password } = account;
  const client = connect({ host: '127.0.0.1', port: broker.port, username, password, reconnectPeriod: 0 });
  client.on('error', () => undefined);
  clients.push(client);
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('close', () => reject(new Error('not let in')));
  });
}

/** A socket with what came on it, and when it was closed. */
function raw(): { socket: Socket; came: ReturnType<typeof collector<Packet>>; closed: Promise<void> } {
  const socket = connectTcp(broker.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  const came = collector<Packet>();
  const parsing = parser({ protocolVersion: 4 });
  parsing.on('packet', came.take);
  socket.on('data', (chunk) => parsing.parse(chunk));
  return { socket, came, closed: new Promise((resolve) => socket.once('close', () => resolve())) };
}

const hello = ({ user, password }: Account, protocolVersion: 4 | 5 = 4) =>
  generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion,
    clean: true,
    clientId: 'x',
    keepalive: 60,
    username: user,
    password: Buffer.from(password),
  });

/** A packet with a topic of any bytes, which no packet writer would write. */
function withTopic(kind: 'publish' | 'subscribe', topic: Uint8Array): Buffer {
  const length = Buffer.from([topic.length >> 8, topic.length & 255]);
  const body =
    kind === 'publish' ? [length, topic, Buffer.from('x')] : [Buffer.from([0, 1]), length, topic, Buffer.from([1])];
  const rest = Buffer.concat(body);
  return Buffer.concat([Buffer.from([kind === 'publish' ? 0x30 : 0x82, rest.length]), rest]);
}

/** The device publishes a message, and its owner receives only that. */
async function stillServes(): Promise<void> {
  const owner = await connected(await broker.issue({ ...OWNER, id: 'owner-9' }));
  const heard = collector<string>();
  owner.on('message', (topic, payload) => heard.take(`${topic} ${payload}`));
  await owner.subscribeAsync(EVENT, { qos: 1 });
  const device = await connected(await broker.issue(A));
  await device.publishAsync(EVENT, 'ding', { qos: 1 });
  expect(await heard.next()).toBe(`${EVENT} ding`);
  expect(heard.all).toHaveLength(1);
}

describe('the embedded broker', () => {
  it('refuses MQTT 5 and a client without keep-alive', async () => {
    broker = await startBroker();
    const account = await broker.issue(A);
    const five = raw();
    five.socket.write(hello(account, 5));
    expect(await five.came.next()).toMatchObject({ cmd: 'connack', returnCode: 1 });
    await five.closed;
    const silent = raw();
    const bytes = hello(account);
    // Keep alive, after protocol name, level and flags.
    bytes.writeUInt16BE(0, 10);
    silent.socket.write(bytes);
    await silent.closed;
    expect(broker.broker.connected).toEqual([]);
    await stillServes();
  });

  it.each([
    [
      'a browser',
      Buffer.from(`GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nX: ${'x'.repeat(99)}\r\n\r\n`),
    ],
    ['TLS', Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])],
    ['an older protocol name', Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 88, 4, 2, 0, 60, 0, 0])],
    ['a zero-length CONNECT', Buffer.from([0x10, 0])],
    ['a packet kind that is none', Buffer.from([0x00, 0])],
    ['a SUBSCRIBE first', withTopic('subscribe', Buffer.from('#'))],
  ])('ends a connection that begins with %s', async (_what, bytes) => {
    broker = await startBroker();
    const { socket, closed } = raw();
    socket.write(bytes);
    await closed;
    await stillServes();
  });

  it('ends a connection with a second CONNECT, which has no effect for either account', async () => {
    broker = await startBroker();
    const [device, owner] = [await broker.issue(A), await broker.issue(OWNER)];
    for (const second of [owner, { ...owner, password: 'wrong' }]) {
      const twice = raw();
      twice.socket.write(Buffer.concat([hello(device), hello(second), withTopic('subscribe', Buffer.from(EVENT))]));
      await twice.closed;
      expect(twice.came.all.some(({ cmd }) => cmd === 'suback')).toBe(false);
    }
    await stillServes();
  });

  it('refuses topics with a NUL, invalid UTF-8, or another encoding of a letter', async () => {
    broker = await startBroker();
    const [device, owner] = [await broker.issue(A), await broker.issue(OWNER)];
    const ear = await connected(owner);
    const heard = collector<string>();
    ear.on('message', (topic) => heard.take(topic));
    await ear.subscribeAsync(EVENT, { qos: 1 });
    const spellings = [
      Buffer.from(`${EVENT}\0`),
      Buffer.from(`\0${EVENT}`),
      Buffer.concat([Buffer.from(EVENT), Buffer.from([0xff])]),
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(EVENT)]),
      // An overlong slash, a lone surrogate, and another device's id in letters that look alike.
      Buffer.concat([Buffer.from('doorsill/v1/home/device-a'), Buffer.from([0xc0, 0xaf]), Buffer.from('event')]),
      Buffer.concat([Buffer.from(`${EVENT}`), Buffer.from([0xed, 0xa0, 0x80])]),
      Buffer.from('doorsill/v1/home/dеvice-a/event'),
      Buffer.alloc(0),
    ];
    for (const topic of spellings) {
      const says = raw();
      says.socket.write(Buffer.concat([hello(device), withTopic('publish', topic)]));
      await says.closed;
      const asks = raw();
      asks.socket.write(Buffer.concat([hello(owner), withTopic('subscribe', topic)]));
      const ended = asks.closed.then(() => null);
      expect(await asks.came.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
      const answer = await Promise.race([asks.came.next(), ended]);
      if (answer) expect(answer).toMatchObject({ cmd: 'suback', granted: [128] });
      asks.socket.destroy();
    }
    expect(heard.all).toEqual([]);
    await stillServes();
  });

  it('checks a few of 10,000 filters and then ends the connection', async () => {
    broker = await startBroker();
    const owner = await broker.issue({ ...OWNER, homes: Array.from({ length: 64 }, (_, at) => `device-${at}`) });
    const { socket, came, closed } = raw();
    socket.write(hello(owner));
    await came.next();
    for (let packet = 0; packet < 20; packet += 1) {
      const subscriptions = Array.from({ length: 500 }, (_, at) => {
        const filter = packet * 500 + at;
        // Half of them its own.
        const topic = filter % 2 === 0 ? topics.status(`other-${filter}`) : topics.event(`device-${filter % 64}`);
        return { topic, qos: 1 as const };
      });
      socket.write(generate({ cmd: 'subscribe', messageId: packet + 1, subscriptions }));
    }
    await closed;
    expect(came.all.length).toBeLessThan(5);
    await stillServes();
  });

  it('closes idle connections without a login for clients with a password', async () => {
    broker = await startBroker({ limits: { connections: 24, strangers: 8, connectMs: 600_000 } });
    const device = await connected(await broker.issue(A));
    const idle = Array.from({ length: 60 }, () => raw());
    await Promise.all(idle.slice(0, 40).map(({ closed }) => closed));
    expect(device.connected).toBe(true);
    await stillServes();
  });

  it('keeps serving during a flood of wrong passwords', async () => {
    broker = await startBroker();
    const device = await broker.issue(A);
    const owner = await connected(await broker.issue(OWNER));
    const heard = collector<string>();
    owner.on('message', (_topic, payload) => heard.take(payload.toString()));
    await owner.subscribeAsync(EVENT, { qos: 1 });
    const says = await connected(device);
    const flood = Array.from({ length: 400 }, (_, at) => {
      const attempt = raw();
      attempt.socket.write(hello({ user: at % 2 ? device.user : `device-home-${at}`, password: 'wrong' }));
      return attempt;
    });
    for (let at = 0; at < 20; at += 1) {
      await says.publishAsync(EVENT, `${at}`, { qos: 1 });
      expect(await heard.next()).toBe(`${at}`);
    }
    await Promise.all(flood.map(({ closed }) => closed));
    expect(
      flood.flatMap(({ came }) => came.all).every((packet) => 'returnCode' in packet && packet.returnCode === 4),
    ).toBe(true);
    expect(broker.broker.connected.sort()).toEqual([device.user, ...[owner.options.username ?? '']].sort());
    await stillServes();
  });

  it('keeps nothing for a reader that never acknowledges', async () => {
    broker = await startBroker();
    const owner = await broker.issue(OWNER);
    const deaf = raw();
    deaf.socket.write(hello(owner));
    deaf.socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: EVENT, qos: 1 }] }));
    await deaf.came.next();
    await deaf.came.next();
    const says = await connected(await broker.issue(A));
    for (let at = 0; at < 300; at += 1) await says.publishAsync(EVENT, `${at}`, { qos: 1 });
    for (let at = 0; at < 300; at += 1) {
      const packet = await deaf.came.next();
      expect(packet.cmd === 'publish' && packet.payload.toString()).toBe(`${at}`);
    }
    // A new session of the same account finds nothing that would have waited for the old one.
    deaf.socket.destroy();
    const again = raw();
    again.socket.write(hello(owner));
    again.socket.write(generate({ cmd: 'pingreq' }));
    expect([await again.came.next(), await again.came.next()].map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
    await stillServes();
  });

  it('survives 600 connections with damaged packets', async () => {
    broker = await startBroker({ limits: { connectMs: 300 } });
    const account = await broker.issue(OWNER);
    const seed = 20_261;
    const random = new SeededRandom(seed);
    const good = [
      hello(account),
      generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: EVENT, qos: 1 }] }),
      generate({
        cmd: 'publish',
        topic: topics.command('device-a'),
        payload: 'x',
        qos: 1,
        messageId: 2,
        dup: false,
        retain: false,
      }),
      generate({ cmd: 'puback', messageId: 7 }),
      generate({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: [EVENT] }),
      generate({ cmd: 'pingreq' }),
    ];
    const heard = collector<string>();
    const ear = await connected(await broker.issue({ ...OWNER, id: 'owner-2' }));
    ear.on('message', (topic) => heard.take(topic));
    await ear.subscribeAsync(EVENT, { qos: 1 });
    const conversation = async () => {
      const bytes = Buffer.concat(good);
      const from = random.fraction() < 0.3 ? 0 : (good[0]?.length ?? 0);
      for (let change = 0; change < 1 + integerBelow(random, 4); change += 1) {
        bytes[from + integerBelow(random, bytes.length - from)] = integerBelow(random, 256);
      }
      const cut = random.fraction() < 0.3 ? integerBelow(random, bytes.length) : bytes.length;
      const { socket, closed } = raw();
      socket.end(bytes.subarray(0, cut));
      await closed;
    };
    for (let round = 0; round < 20; round += 1) await Promise.all(Array.from({ length: 30 }, conversation));
    expect(heard.all, `seed ${seed}`).toEqual([]);
    await stillServes();
  });
});

it('the broker of the command line listens on loopback, and accepts as many connections as --connections says', async () => {
  broker = await startBroker();
  const folder = temporaryFolder('connections');
  const words = ['bridge', 'broker', '--data', folder.path, '--port', '0', '--connections', '2', '--json'];
  const running = new Running(words);
  const sockets: Socket[] = [];
  try {
    const ready = await running.line('the broker', ({ event }) => event === 'ready');
    const port = Number(new URL(String(ready['url'])).port);
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const listening = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
      .map((line) => line.trim().split(/\s+/))
      // State 0A is LISTEN; the address is 127.0.0.1 with its bytes in the machine's order.
      .filter(([, local = '', , state]) => state === '0A' && local.endsWith(`:${hex}`))
      .map(([, local]) => local);
    expect(listening).toEqual([`0100007F:${hex}`]);
    for (let nth = 0; nth < 3; nth += 1) {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      sockets.push(socket);
    }
    await expect.poll(() => sockets.map(({ closed }) => closed)).toEqual([false, false, true]);
  } finally {
    for (const socket of sockets) socket.destroy();
    await running.stop();
    folder.dispose();
  }
});
