import { connect as connectTcp } from 'node:net';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { removeAccount } from '../../../device/base/mqtt-account-files.ts';
import { DEFAULT_DISCOVERY_PREFIX, discoveryTopics, topicsUnder } from '../../../device/contract/topics.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';

const topics = topicsUnder('doorsill/v1');
const A = { role: 'device-home', id: 'device-a' };
const B = { role: 'device-home', id: 'device-b' };
const OWNER = { role: 'owner', id: 'owner-1', homes: ['device-a'] };

let broker: TestBroker;
const clients: MqttClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  await broker.stop();
});

interface Account {
  user: string;
  password: string;
}

function raw(account: Account | null, options: IClientOptions = {}): MqttClient {
  const client = connect({
    host: '127.0.0.1',
    port: broker.port,
    reconnectPeriod: 0,
    ...(account ? { username: account.user, password: account.password } : {}),
    ...options,
  });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

/** How a connection attempt ends: connected, or the CONNACK's return code, or closed. */
function outcome(client: MqttClient): Promise<'connected' | 'closed' | number> {
  return new Promise((resolve) => {
    client.once('connect', () => resolve('connected'));
    client.once('error', (error) => {
      if ('code' in error && typeof error.code === 'number') resolve(error.code);
    });
    client.once('close', () => resolve('closed'));
  });
}

const closed = (client: MqttClient) => new Promise<void>((resolve) => client.once('close', () => resolve()));

describe('the broker', () => {
  it('refuses anonymous clients, unknown users and wrong passwords with the same answer', async () => {
    broker = await startBroker();
    const account = await broker.issue(A);
    const attempts: (Account | null)[] = [
      null,
      { user: account.user, password: '' },
      { user: account.user, password: `${account.password}x` },
      { user: 'device-home-device-z', password: account.password },
      { user: '../device-home-device-a', password: account.password },
    ];
    for (const attempt of attempts) expect(await outcome(raw(attempt))).toBe(4);
    expect(await outcome(raw(account))).toBe('connected');
  });

  it('accepts a new account and a new password without a restart, and ends the sessions of a removed or reissued one', {
    tags: ['long'],
  }, async () => {
    broker = await startBroker();
    const old = await broker.issue(A);
    const client = raw(old);
    expect(await outcome(client)).toBe('connected');
    const ended = closed(client);
    await removeAccount(new SystemDisk(), broker.accounts, old.user);
    await ended;
    expect(await outcome(raw(old))).toBe(4);
    const fresh = await broker.issue(A);
    expect(await outcome(raw(old))).toBe(4);
    const again = raw(fresh);
    expect(await outcome(again)).toBe('connected');
    const replaced = closed(again);
    await broker.issue(A);
    await replaced;
  });

  it('does not let one account take over the session of another by its client id', async () => {
    broker = await startBroker();
    const [a, b, owner] = [await broker.issue(A), await broker.issue(B), await broker.issue(OWNER)];
    const victim = raw(a, { clientId: 'mine' });
    expect(await outcome(victim)).toBe('connected');
    for (const account of [b, owner]) {
      for (const clientId of ['mine', a.user, `${a.user}/mine`]) {
        expect(await outcome(raw(account, { clientId }))).toBe('connected');
      }
    }
    // Neither does a wrong password with the right name: the id is used only after the password.
    expect(await outcome(raw({ user: a.user, password: 'x' }, { clientId: 'mine' }))).toBe(4);
    await victim.publishAsync(topics.event('device-a'), 'still here', { qos: 1 });
    expect(victim.connected).toBe(true);
  });

  it('ends the old session of a device at its next login, and publishes its will before new messages', async () => {
    broker = await startBroker();
    const [account, owner] = [await broker.issue(A), raw(await broker.issue(OWNER))];
    const heard = collector<string>();
    owner.on('message', (_topic, payload) => heard.take(payload.toString()));
    await owner.subscribeAsync(topics.status('device-a'), { qos: 1 });
    const will = { topic: topics.status('device-a'), payload: Buffer.from('offline'), qos: 1 as const, retain: true };
    const old = raw(account, { will });
    expect(await outcome(old)).toBe('connected');
    const ended = closed(old);
    const fresh = raw(account, { will, clientId: 'another' });
    await outcome(fresh);
    await fresh.publishAsync(topics.status('device-a'), 'online', { qos: 1, retain: true });
    await ended;
    expect([await heard.next(), await heard.next()]).toEqual(['offline', 'online']);
  });

  it('allows several clients of an owner or of Home Assistant, also without client ids', async () => {
    broker = await startBroker();
    const homeAssistant = { role: 'home-assistant', id: 'home-assistant', homes: ['device-a'] };
    for (const account of [await broker.issue(OWNER), await broker.issue(homeAssistant)]) {
      const several = ['', '', 'one', 'two'].map((clientId) => raw(account, { clientId }));
      expect(await Promise.all(several.map(outcome))).toEqual(several.map(() => 'connected'));
      // Those that were thrown out would be gone by the time that another one is answered.
      await several.at(-1)?.subscribeAsync(topics.status('device-a'), { qos: 1 });
      expect(several.map((client) => client.connected)).toEqual([true, true, true, true]);
    }
  });

  it('clears the retained messages of a removed account, also that of its will', {
    tags: ['long'],
  }, async () => {
    broker = await startBroker();
    const homeAssistant = { role: 'home-assistant', id: 'home-assistant', homes: ['device-a'] };
    const [account, house] = [await broker.issue(A), await broker.issue(homeAssistant)];
    const listener = raw(house);
    const heard = collector<string>();
    listener.on('message', (topic, payload) => heard.take(`${topic}: ${payload}`));
    const document = discoveryTopics.document(DEFAULT_DISCOVERY_PREFIX, 'device-a');
    const status = topics.status('device-a');
    await listener.subscribeAsync([document, status], { qos: 1 });
    const device = raw(account, { will: { topic: status, payload: Buffer.from('offline'), qos: 1, retain: true } });
    await device.publishAsync(document, '{}', { qos: 1, retain: true });
    await device.publishAsync(status, 'online', { qos: 1, retain: true });
    const other = await broker.issue(B);
    await raw(other).publishAsync(topics.status('device-b'), 'online', { qos: 1, retain: true });
    // Home Assistant's account may go in the same step: it hears first that the doorbell is gone.
    await removeAccount(new SystemDisk(), broker.accounts, account.user);
    await removeAccount(new SystemDisk(), broker.accounts, house.user);
    await closed(listener);
    expect(heard.all).toEqual([`${document}: {}`, `${status}: online`, `${document}: `, `${status}: `]);

    const late = raw(await broker.issue({ ...homeAssistant, homes: ['device-a', 'device-b'] }));
    const kept: string[] = [];
    late.on('message', (topic, payload) => kept.push(`${topic}: ${payload}`));
    await late.subscribeAsync([document, topics.status('device-b')], { qos: 1 });
    await expect.poll(() => broker.broker.retained, { timeout: 10_000 }).toBe(1);
    expect(kept).toEqual([`${topics.status('device-b')}: online`]);
  });

  it('refuses a will that its account may not publish', async () => {
    broker = await startBroker();
    const account = await broker.issue(A);
    const will = (topic: string, retain: boolean, qos: 1 | 2 = 1) =>
      raw(account, { will: { topic, payload: Buffer.from('x'), qos, retain } });
    expect(await outcome(will(topics.status('device-b'), true))).toBe(4);
    expect(await outcome(will(topics.command('device-a'), false))).toBe(4);
    expect(await outcome(will(topics.event('device-a'), true))).toBe(4);
    expect(await outcome(will(topics.status('device-a'), true, 2))).toBe(4);
    expect(await outcome(will(topics.status('device-a'), true))).toBe('connected');
  });

  it('keeps no persistent session', async () => {
    broker = await startBroker();
    const account = await broker.issue(OWNER);
    const first = raw(account, { clean: false, clientId: 'lasting' });
    await first.subscribeAsync(topics.event('device-a'), { qos: 1 });
    await first.endAsync();
    const device = raw(await broker.issue(A));
    await device.publishAsync(topics.event('device-a'), 'missed', { qos: 1 });
    const again = raw(account, { clean: false, clientId: 'lasting' });
    const heard = collector<string>();
    again.on('message', (_topic, payload) => heard.take(payload.toString()));
    await again.subscribeAsync(topics.event('device-a'), { qos: 1 });
    await device.publishAsync(topics.event('device-a'), 'heard', { qos: 1 });
    expect(await heard.next()).toBe('heard');
  });

  it('limits the filters of one session', async () => {
    broker = await startBroker({ limits: { subscriptions: 2 } });
    const client = raw(await broker.issue(OWNER));
    const names = [topics.status, topics.state, topics.event].map((topic) => topic('device-a'));
    const granted: (number | undefined)[] = [];
    for (const name of names) {
      const answer = await client.subscribeAsync(name, { qos: 1 }).catch(() => null);
      granted.push(answer?.[0]?.qos);
    }
    expect(granted).toEqual([1, 1, undefined]);
    await client.unsubscribeAsync(names[0] ?? '');
    expect(await client.subscribeAsync(topics.event('device-a'), { qos: 1 })).toMatchObject([{ qos: 1 }]);
  });

  it('ends a connection that sends too much, too fast, too large, or before its login', async () => {
    broker = await startBroker({ limits: { packetsPerS: 1, packetsBurst: 20, connectMs: 200 } });
    const account = await broker.issue(A);
    const fast = raw(account);
    const ended = closed(fast);
    expect(await outcome(fast)).toBe('connected');
    for (let at = 0; at < 40; at += 1) fast.publish(topics.event('device-a'), `${at}`, { qos: 1 });
    await ended;
    const connectBytes = [0x10, 0xff, 0xff, 0xff, 0x7f];
    const publishFirst = [0x30, 5, 0, 1, 97, 120, 120];
    const nothing: number[] = [];
    for (const bytes of [connectBytes, publishFirst, nothing]) {
      await new Promise<void>((resolve) => {
        const socket = connectTcp(broker.port, '127.0.0.1', () => socket.write(Buffer.from(bytes)));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.resume();
      });
    }
    expect(await outcome(raw(account))).toBe('connected');
  });

  it('disconnects a reader that does not read, and keeps serving the others', async () => {
    broker = await startBroker({ limits: { backlogBytes: 65_536, packetsBurst: 1e6, bytesBurst: 1e9 } });
    const owner = await broker.issue(OWNER);
    const [stuck, awake] = [raw(owner), raw(owner)];
    await Promise.all([stuck, awake].map((client) => client.subscribeAsync(topics.event('device-a'), { qos: 1 })));
    stuck.stream.pause();
    stuck.stream.on('resume', () => stuck.stream.pause());
    const heard = collector<number>();
    awake.on('message', (_topic, payload) => heard.take(payload.readUInt32BE(0)));
    const device = raw(await broker.issue(A));
    const payload = Buffer.alloc(60_000);
    // More than kernel buffers and the allowed backlog hold together, acknowledged one by one by the reader that is awake.
    let last = 0;
    while (broker.broker.connected.filter((user) => user === owner.user).length === 2) {
      payload.writeUInt32BE(++last);
      await device.publishAsync(topics.event('device-a'), payload, { qos: 1 });
      while ((await heard.next()) !== last);
      expect(last).toBeLessThan(2_000);
    }
    expect(awake.connected).toBe(true);
  });

  it('names the port that is taken', async () => {
    broker = await startBroker();
    await expect(startBroker({ port: broker.port })).rejects.toMatchObject({
      code: 'port_in_use',
      facts: { port: broker.port },
    });
  });
});
