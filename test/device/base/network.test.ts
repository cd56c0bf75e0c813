import { createServer } from 'node:net';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { makeHttpServer } from '../../../device/base/http/http-server.ts';
import { silentLog } from '../../../device/base/log.ts';
import { issueAccount } from '../../../device/base/mqtt-account-files.ts';
import { MqttLink, type MqttLinkOptions } from '../../../device/base/mqtt-link.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { failure } from '../../../device/contract/errors.ts';
import { DEFAULT_PREFIX, PAYLOAD_BYTES_MAX } from '../../../device/contract/topics.ts';
import { listenPrivately } from '../../../device/owner/private-socket.ts';
import { BridgeHttp } from '../../../device/upload/bridge-http.ts';
import { Broker } from '../../../sim/broker/broker.ts';
import { quiet } from '../../../sim/world/quiet.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { MemoryDisk } from '../../proofs/simulate/memory-disk.ts';
import { MemoryNetwork } from '../../proofs/simulate/memory-network.ts';

const random = new SeededRandom(1);
const log = silentLog();
let world = new VirtualClock({ startUs: Date.UTC(2026, 2, 1) * 1_000 });
let network = new MemoryNetwork({ clock: world, random });
let disk = new MemoryDisk({ clock: world, random });
let running = Promise.resolve();

// Loaded before, because the world's time would pass while a library is loaded.
beforeAll(() => import('mqtt'));
beforeEach(() => {
  world = new VirtualClock({ startUs: Date.UTC(2026, 2, 1) * 1_000, quiet });
  network = new MemoryNetwork({ clock: world, random });
  disk = new MemoryDisk({ clock: world, random });
  running = world.run();
});
afterEach(async () => {
  world.stop();
  await running;
});

/** Number of open sockets of the machine in this process. */
const machines = () =>
  process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe)(Server|Socket)/.test(name)).length;

function linkOptions(url: string, account: { user: string; password: string }): MqttLinkOptions {
  return {
    ...{
      url,
      ...account,
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      network: network.at('client'),
      clock: world,
      random,
      log,
    },
    unreachable: (where, detail) => failure('unreachable', { what: 'the broker', where, detail }),
  };
}

it('carries sessions between links and a broker that use it, without sockets of the machine', async () => {
  const before = machines();
  const broker = new Broker({
    ...{ host: '127.0.0.1', port: 0, accounts: '/accounts', prefix: DEFAULT_PREFIX },
    ...{ clock: world, disk, log, network: network.at('broker') },
  });
  await broker.start();
  const wish = { role: 'bridge', id: 'bridge-1' };
  const account = await issueAccount(disk, random, '/accounts', wish);
  const link = new MqttLink(linkOptions(broker.url, account));
  link.start();
  await link.reached(5_000);
  await link.publish(`${DEFAULT_PREFIX}/area/revocations`, 'list', { retain: true });
  expect(machines()).toBe(before);
  expect(network.delivered).toBeGreaterThan(3);
  await link.stop();
  await broker.stop();
});

it('carries the device’s requests to a server', async () => {
  const server = makeHttpServer({ clock: world, log, network: network.at('bridge') });
  server.post('/v1/echo', async (request) => ({ got: request.body }));
  await server.listen({ host: '127.0.0.1', port: 8_100 });
  const http = new BridgeHttp({
    ...{ baseUrl: 'http://127.0.0.1:8100', mayLeave: () => undefined, signal: new AbortController().signal },
    ...{ network: network.at('device'), clock: world },
  });
  for (let time = 0; time < 2; time += 1) {
    const request = http.createRequest('POST', 'http://127.0.0.1:8100/v1/echo');
    request.setHeader('Content-Type', 'application/json');
    const answer = await request.send(Buffer.from('{"a":1}'));
    expect([answer.getStatus(), answer.getBody()]).toEqual([200, '{"got":{"a":1}}']);
  }
  // All of them use one connection.
  expect(network.openCount).toBe(1);
  http.close();
  await server.close();
});

it('has sockets with paths, which do not exist in the machine’s file system', async () => {
  const server = createServer((socket) => socket.end('hello'));
  await listenPrivately(disk, server, '/data/run/socket', network.at('device'));
  const text = await new Promise<string>((resolve) => {
    const socket = network.at('owner').connect({ path: '/data/run/socket' });
    socket.on('data', (chunk) => resolve(String(chunk)));
  });
  expect(text).toBe('hello');
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

it('never carries TLS: a secure address on it is a bug, not a plain connection', async () => {
  const link = new MqttLink(linkOptions('mqtts://127.0.0.1:8883', { user: 'bridge-1', password: 'x' }));
  link.start();
  await expect(link.reached(1_000)).rejects.toThrow('TLS is used on the machine’s own network only');
  await link.stop();
  const secure = { baseUrl: 'https://127.0.0.1:8443', mayLeave: () => undefined, signal: new AbortController().signal };
  expect(() => new BridgeHttp({ ...secure, network: network.at('device'), clock: world })).toThrow('TLS is spoken');
  expect(network.delivered).toBe(0);
});
