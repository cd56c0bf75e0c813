import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectMqtt } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { LinkState, MqttLink } from '../../../device/base/mqtt-link.ts';
import type { IncomingMessage } from '../../../device/base/mqtt-subscription.ts';
import { fromUtf8 } from '../../../device/contract/bytes.ts';
import { topicsUnder } from '../../../device/contract/topics.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';
import { describeOnEachBrokerAndCluster } from '../../support/each-broker.ts';
import { LapseClock } from '../../support/lapse-clock.ts';

const topics = topicsUnder('doorsill/v1');
const DEVICE = 'device-1';
const device = { role: 'device-home', id: DEVICE };
const owner = { role: 'owner', id: 'owner-1', homes: [DEVICE] };

let broker: TestBroker;
afterEach(async () => {
  await broker.stop();
});

/** Resolves when the link reaches a state. */
function becomes(link: MqttLink, online: boolean): Promise<LinkState> {
  return new Promise((resolve) => {
    if (link.state.online === online) {
      resolve(link.state);
      return;
    }
    const forget = link.onState((state) => {
      if (state.online !== online) return;
      forget();
      resolve(state);
    });
  });
}

const text = (message: IncomingMessage) => fromUtf8(message.payload);

describeOnEachBrokerAndCluster('an MQTT link on %s', (kind) => {
  beforeEach(async () => {
    broker = await startBroker({ kind });
  });

  it('delivers what the other side publishes and resolves when the broker has it', async () => {
    const [here, there] = [await broker.link(device), await broker.link(owner)];
    const heard = collector<IncomingMessage>();
    there.subscribe([topics.event(DEVICE)], heard.take);
    there.start();
    here.start();
    await there.reached(5_000);
    await here.publish(topics.event(DEVICE), 'ding');
    const message = await heard.next();
    expect(message).toMatchObject({ topic: topics.event(DEVICE), retained: false });
    expect(text(message)).toBe('ding');
  });

  it('marks a message that the broker had retained', async () => {
    const here = await broker.link(device);
    here.start();
    await here.publish(topics.state(DEVICE), 'kept', { retain: true });
    const there = await broker.link(owner);
    const heard = collector<IncomingMessage>();
    there.subscribe([topics.state(DEVICE)], heard.take);
    there.start();
    expect(await heard.next()).toMatchObject({ retained: true });
    await here.publish(topics.state(DEVICE), 'fresh', { retain: true });
    expect(await heard.next()).toMatchObject({ retained: false });
  });

  it('with `single`, ends the account’s older session, and cannot be ended by a guessed client id', async () => {
    const account = await broker.issue(device);
    const first = await broker.link(device, { ...account, single: true });
    first.start();
    await first.reached(5_000);
    const { user: username, password } = await broker.issue(owner);
    for (const clientId of [account.user, `${account.user}-`, `${account.user}-${'0'.repeat(32)}`]) {
      const login = { username, password, clientId };
      const stranger = connectMqtt({ host: '127.0.0.1', port: broker.port, ...login, reconnectPeriod: 0 });
      await new Promise<void>((resolve, reject) => stranger.once('connect', () => resolve()).once('error', reject));
      // In a session that was ended, the acknowledgement would only come after a reconnect.
      const offline = becomes(first, false).then(() => 'ended');
      expect(await Promise.race([first.publish(topics.event(DEVICE), 'here'), offline])).toBeUndefined();
      await stranger.endAsync(true);
    }
    const ended = becomes(first, false);
    const second = await broker.link(device, { ...account, single: true });
    second.start();
    await ended;
    await first.stop();
    await second.reached(20_000);
  });

  it('rejects waiting callers when it is stopped', async () => {
    const link = await broker.link(device);
    await broker.pause();
    link.start();
    const reached = link.reached(3_600_000);
    const refused = expect(reached).rejects.toMatchObject({ code: 'unreachable' });
    await link.stop();
    await refused;
  });

  it('queues while it is offline and sends in order once it is online', async () => {
    const [here, there] = [await broker.link(device), await broker.link(owner)];
    const heard = collector<IncomingMessage>();
    there.subscribe([topics.event(DEVICE)], heard.take);
    there.start();
    await there.reached(5_000);
    const sent = Promise.all(['1', '2', '3'].map((payload) => here.publish(topics.event(DEVICE), payload)));
    here.start();
    await sent;
    expect([await heard.next(), await heard.next(), await heard.next()].map(text)).toEqual(['1', '2', '3']);
  });

  it('drops the oldest and counts it when the queue is full', async () => {
    const here = await broker.link(device, { queue: { messages: 2, bytes: 1_000 } });
    const first = here.publish(topics.event(DEVICE), 'first');
    const rest = [here.publish(topics.event(DEVICE), 'second'), here.publish(topics.event(DEVICE), 'third')];
    await expect(first).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('full') });
    expect(here.dropped).toBe(1);
    const big = here.publish(topics.event(DEVICE), 'x'.repeat(996));
    await expect(rest[0]).rejects.toMatchObject({ code: 'unreachable' });
    await expect(rest[1]).rejects.toMatchObject({ code: 'unreachable' });
    here.start();
    await big;
    expect(here.dropped).toBe(3);
  });

  it('reconnects after the broker was gone, with its subscriptions, and sends waiting messages', async () => {
    const [here, there] = [await broker.link(device), await broker.link(owner)];
    const heard = collector<IncomingMessage>();
    there.subscribe([topics.event(DEVICE)], heard.take);
    here.start();
    there.start();
    await Promise.all([here.reached(5_000), there.reached(5_000)]);
    const lost = [becomes(here, false), becomes(there, false)];
    await broker.pause();
    for (const state of await Promise.all(lost)) {
      expect(state).toMatchObject({ online: false, error: { code: 'unreachable' } });
    }
    const sent = here.publish(topics.event(DEVICE), 'late');
    const hears = becomes(there, true);
    await broker.resume();
    await hears;
    await sent;
    await here.publish(topics.event(DEVICE), 'later');
    const after = [text(await heard.next())];
    if (after[0] === 'late') after.push(text(await heard.next()));
    expect(after.at(-1)).toBe('later');
  });

  it('subscribes at once when it is already online, and receives nothing after the subscription was closed', async () => {
    const [here, there] = [await broker.link(device), await broker.link(owner)];
    here.start();
    there.start();
    await there.reached(5_000);
    const heard = collector<IncomingMessage>();
    const subscription = there.subscribe([topics.event(DEVICE)], heard.take);
    const control = collector<IncomingMessage>();
    await there.subscribe([topics.receipt(DEVICE)], control.take).granted();
    await subscription.granted();
    await here.publish(topics.event(DEVICE), 'one');
    await heard.next();
    subscription.close();
    await here.publish(topics.event(DEVICE), 'two');
    await here.publish(topics.receipt(DEVICE), 'after');
    await control.next();
    expect(heard.all).toHaveLength(1);
  });

  it('has its will published when the connection breaks, and publishes the same message when it stops', async () => {
    const will = { topic: topics.status(DEVICE), payload: 'offline', retain: true };
    const there = await broker.link(owner);
    const heard = collector<IncomingMessage>();
    there.subscribe([topics.status(DEVICE)], heard.take);
    there.start();
    await there.reached(5_000);
    const proxy = await startCutter(broker.port);
    const here = await broker.link(device, { will, url: `mqtt://127.0.0.1:${proxy.port}` });
    here.start();
    await here.publish(topics.status(DEVICE), 'online', { retain: true });
    expect(text(await heard.next())).toBe('online');
    const gone = becomes(here, false);
    proxy.cut();
    await gone;
    expect(text(await heard.next())).toBe('offline');
    await becomes(here, true);
    await here.publish(topics.status(DEVICE), 'online', { retain: true });
    expect(text(await heard.next())).toBe('online');
    await here.stop();
    expect(text(await heard.next())).toBe('offline');
    // Published once: after DISCONNECT the broker drops the will.
    const next = await broker.link(device);
    next.start();
    await next.publish(topics.status(DEVICE), 'another', { retain: true });
    expect(text(await heard.next())).toBe('another');
    await proxy.stop();
  });

  it('names the broker but never the password when it cannot log in', async () => {
    const here = await broker.link(device, {
      password: 'wrong-password',
      url: `mqtt://someone:secret@127.0.0.1:${broker.port}`,
    });
    here.start();
    const failed = await here.reached(300).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'unreachable', facts: { where: `mqtt://127.0.0.1:${broker.port}` } });
    expect(JSON.stringify(failed)).not.toMatch(/wrong-password|secret/);
    expect(String(failed)).not.toMatch(/wrong-password|secret/);
  });

  it('ends a session with a broker that announces an endless packet or uses QoS 2', async () => {
    const connack = [0x20, 2, 0, 0];
    for (const bytes of [
      [...connack, 0x30, 0xff, 0xff, 0xff, 0x7f],
      [...connack, 0x34, 7, 0, 1, 97, 0, 1, 120, 120],
      [...connack, 0xe0, 0],
    ]) {
      const hostile = await startRaw((socket) => {
        socket.once('data', () => socket.write(Buffer.from(bytes)));
      });
      const here = await broker.link(device, { url: `mqtt://127.0.0.1:${hostile.port}` });
      const offline = new Promise<LinkState>((resolve) => {
        here.onState((state) => {
          if (!state.online && state.error) resolve(state);
        });
      });
      here.start();
      expect(await offline).toMatchObject({ error: { message: expect.stringMatching(/larger than|QoS 2|type 14/) } });
      await here.stop();
      await hostile.stop();
    }
  });

  it('leaves no timer or socket when it stops, online or not', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length;
    const online = await broker.link(device);
    online.start();
    await online.reached(5_000);
    const closed = await startRaw(() => undefined);
    await closed.stop();
    const offline = await broker.link(owner, { url: `mqtt://127.0.0.1:${closed.port}` });
    offline.start();
    const lost = new Promise((resolve) => offline.onState(resolve));
    await lost;
    await Promise.all([online.stop(), offline.stop()]);
    await broker.pause();
    const after = process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');
    expect(after.filter((name) => name === 'TCPSocketWrap')).toEqual([]);
    expect(after.length).toBeLessThanOrEqual(before);
  });

  it('rejects unsent messages when it stops', async () => {
    const here = await broker.link(device);
    const never = here.publish(topics.event(DEVICE), 'never');
    here.start();
    await here.stop();
    await expect(never).rejects.toMatchObject({ code: 'unreachable' });
  });
});

/** Needed because mosquitto grants every SUBSCRIBE and acknowledges every PUBLISH, and only then filters. */
describe('an MQTT link at a broker that refuses', () => {
  beforeEach(async () => {
    broker = await startBroker();
  });

  it('does not call a broker silent after this process stood still: its answer was waiting to be read', async () => {
    const clock = new LapseClock();
    const here = await broker.link(device, { clock });
    here.start();
    await here.reached(5_000);
    const states: boolean[] = [];
    here.onState(({ online }) => states.push(online));
    const published = here.publish(topics.event(DEVICE), 'ding');
    clock.skip(60_000);
    await published;
    const subscription = here.subscribe([topics.command(DEVICE)], () => undefined);
    clock.skip(60_000);
    await subscription.granted();
    expect(states).toEqual([]);
  });

  it('names the subscription that the broker refused, and keeps the others', async () => {
    const there = await broker.link(owner);
    const refused = there.subscribe([topics.event('device-2')], () => undefined);
    const granted = there.subscribe([topics.event(DEVICE)], () => undefined);
    there.start();
    await granted.granted();
    await expect(refused.granted()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(topics.event('device-2')),
    });
  });

  it('asks again for a refused filter, later each time, until it is granted or no subscription has it', async () => {
    const clock = new ManualClock(1);
    const refusing = await startRefusing(broker.port, 3);
    const there = await broker.link(owner, { clock, url: `mqtt://127.0.0.1:${refusing.port}` });
    const heard = collector<IncomingMessage>();
    const wanted = there.subscribe([topics.event(DEVICE), topics.receipt(DEVICE)], heard.take);
    const closed = there.subscribe([topics.state(DEVICE)], heard.take);
    there.start();
    await there.reached(5_000);
    await expect(wanted.granted()).rejects.toMatchObject({ code: 'unreachable' });
    closed.close();
    expect(refusing.asked).toEqual([3]);
    await clock.advance(2_000);
    await expect.poll(() => refusing.asked).toEqual([3, 2]);
    await expect(wanted.granted()).rejects.toMatchObject({ code: 'unreachable' });
    for (const count of [3, 4]) {
      await expect.poll(() => clock.advance(1_000).then(() => refusing.asked.length)).toBe(count);
    }
    await expect.poll(() => wanted.granted().then(() => 'granted', String)).toBe('granted');
    await clock.advance(600_000);
    const here = await broker.link(device);
    here.start();
    await here.publish(topics.receipt(DEVICE), 'heard');
    expect(text(await heard.next())).toBe('heard');
    expect(refusing.asked).toEqual([3, 2, 2, 2]);
    await refusing.stop();
  });

  it('drops the one message that the broker never accepts, and sends the rest', { tags: ['long'] }, async () => {
    const here = await broker.link(device);
    const there = await broker.link(owner);
    const heard = collector<IncomingMessage>();
    there.subscribe([topics.event(DEVICE)], heard.take);
    there.start();
    await there.reached(5_000);
    // The embedded broker ends the connection of a client that publishes to a forbidden topic [MQTT-3.3.5-2].
    const refused = here.publish(topics.event('device-2'), 'not mine');
    const rest = Promise.all(['1', '2'].map((payload) => here.publish(topics.event(DEVICE), payload)));
    here.start();
    await expect(refused).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('never accepts'),
    });
    await rest;
    while (text(await heard.next()) !== '2');
    expect(new Set(heard.all.map(text))).toEqual(new Set(['1', '2']));
  });
});

/** A TCP server that runs `serve` for every connection. */
async function startRaw(serve: (socket: Socket) => void): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address !== 'object') throw new Error('no port');
  return {
    port: address.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A TCP proxy that turns the first answers to SUBSCRIBE into refusals, and counts the filters of each. */
async function startRefusing(
  to: number,
  refusals: number,
): Promise<{ port: number; asked: number[]; stop(): Promise<void> }> {
  const asked: number[] = [];
  const raw = await startRaw((socket) => {
    const inner = connect(to, '127.0.0.1');
    inner.on('error', () => undefined);
    inner.on('close', () => socket.destroy());
    socket.on('close', () => inner.destroy());
    socket.pipe(inner);
    inner.on('data', (piece) => {
      // SUBACK: type, length, packet identifier, a code for each filter [MQTT-3.9.3].
      if (piece[0] === 0x90) {
        const codes = piece.subarray(4, 2 + (piece[1] ?? 0));
        if (asked.push(codes.length) <= refusals) codes.fill(0x80);
      }
      socket.write(piece);
    });
  });
  return { port: raw.port, asked, stop: raw.stop };
}

/** A TCP proxy whose connections can be cut without an end. */
async function startCutter(to: number): Promise<{ port: number; cut(): void; stop(): Promise<void> }> {
  const pairs = new Set<Socket>();
  const raw = await startRaw((socket) => {
    const inner = connect(to, '127.0.0.1');
    pairs.add(inner);
    inner.on('error', () => undefined);
    inner.on('close', () => {
      pairs.delete(inner);
      socket.destroy();
    });
    socket.on('close', () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  });
  return { port: raw.port, cut: () => pairs.forEach((socket) => void socket.resetAndDestroy()), stop: raw.stop };
}
