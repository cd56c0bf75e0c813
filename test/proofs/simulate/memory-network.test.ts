import { createServer as createHttpServer, request } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
import { settled } from '../../../sim/world/quiet.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';

/** A network whose time advances until `done` is called. */
function open(options: Partial<MemoryNetworkOptions> = {}) {
  const world = new VirtualClock({ startUs: 0, quiet: settled });
  const network = new MemoryNetwork({ clock: world, random: new SeededRandom(1), ...options });
  const running = world.run();
  return {
    world,
    network,
    done: async () => {
      world.stop();
      await running;
    },
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

/** All received text, and how the connection ends. */
function received(socket: Socket): { text: string; ended: Promise<string> } {
  const all = { text: '', ended: Promise.resolve('') };
  socket.on('data', (chunk) => {
    all.text += chunk;
  });
  all.ended = new Promise((resolve) => {
    let error = '';
    socket.on('error', (thrown) => {
      error = 'code' in thrown ? String(thrown.code) : thrown.message;
    });
    socket.on('close', () => resolve(error));
  });
  return all;
}

/** A server under `name` that echoes its input. */
async function echo(network: MemoryNetwork, name = 'server', port = 7): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  network.at(name).adopt(server);
  await listening(server, port);
  return server;
}

it('carries bytes both ways, in order, and ends as TCP does', async () => {
  const { world, network, done } = open();
  const server = await echo(network);
  expect(server.address()).toMatchObject({ port: 7 });
  const socket = network.at('client').connect({ host: 'anywhere', port: 7 });
  const got = received(socket);
  for (let at = 0; at < 50; at += 1) socket.write(`${at} `);
  await world.sleep(100);
  socket.end('last');
  expect(await got.ended).toBe('');
  expect(got.text).toBe(`${Array.from({ length: 50 }, (_, at) => `${at} `).join('')}last`);
  await world.sleep(100);
  expect(network.openCount).toBe(0);
  await done();
});

it('takes simulated time: nothing arrives before it has passed', async () => {
  const { world, network, done } = open();
  await echo(network);
  const socket = network.at('client').connect({ host: '127.0.0.1', port: 7 });
  const got = received(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  const startedUs = world.passedUs;
  socket.write('x');
  await new Promise((resolve) => socket.once('data', resolve));
  expect(world.passedUs).toBeGreaterThan(startedUs);
  expect(world.passedUs).toBeLessThanOrEqual(startedUs + 16_100);
  socket.destroy();
  await got.ended;
  await done();
});

it('refuses connections without a listener, also after its close, and a taken address', async () => {
  const { network, done } = open();
  expect(await received(network.at('client').connect({ host: '127.0.0.1', port: 7 })).ended).toBe('ECONNREFUSED');
  const server = await echo(network);
  const other = createServer();
  network.at('other').adopt(other);
  const refused = new Promise((resolve) => other.once('error', (thrown) => resolve('code' in thrown && thrown.code)));
  other.listen(7);
  expect(await refused).toBe('EADDRINUSE');
  await new Promise<void>((resolve) => server.close(() => resolve()));
  expect(server.listening).toBe(false);
  expect(await received(network.at('client').connect({ host: '127.0.0.1', port: 7 })).ended).toBe('ECONNREFUSED');
  await done();
});

it('resets open connections when a link is lost, and carries nothing until it is restored', async () => {
  const { world, network, done } = open();
  await echo(network);
  const client = network.at('client');
  const got = received(client.connect({ host: '127.0.0.1', port: 7 }));
  await world.sleep(50);
  network.set('client', 'server', 'lost');
  expect(await got.ended).toBe('ECONNRESET');
  expect(await received(client.connect({ host: '127.0.0.1', port: 7 })).ended).toBe('ECONNREFUSED');
  network.heal();
  const again = client.connect({ host: '127.0.0.1', port: 7 });
  const later = received(again);
  again.end('well');
  await later.ended;
  expect(later.text).toBe('well');
  await done();
});

it('delivers nothing over a silent link without an error, then everything', async () => {
  const { world, network, done } = open();
  await echo(network);
  const client = network.at('client');
  const socket = client.connect({ host: '127.0.0.1', port: 7 });
  const got = received(socket);
  await world.sleep(50);
  network.set('server', 'client', 'silent');
  socket.write('late');
  const waiting = client.connect({ host: '127.0.0.1', port: 7 });
  let isConnected = false;
  waiting.once('connect', () => {
    isConnected = true;
  });
  await world.sleep(60_000);
  expect([got.text, isConnected, socket.destroyed]).toEqual(['', false, false]);
  network.set('client', 'server', 'ok');
  await world.sleep(100);
  expect([got.text, isConnected]).toEqual(['late', true]);
  socket.destroy();
  waiting.destroy();
  await done();
});

it('disconnects a part without power: its connections are reset, and none is possible', async () => {
  const { world, network, done } = open();
  const home = network.at('home');
  const server = createServer((socket) => socket.on('error', () => undefined));
  home.adopt(server);
  await listening(server, 9);
  await echo(network);
  const client = network.at('client').connect({ host: '127.0.0.1', port: 9 });
  const got = received(client);
  await world.sleep(50);
  home.end();
  expect(await got.ended).toBe('ECONNRESET');
  expect(await received(network.at('client').connect({ host: '127.0.0.1', port: 9 })).ended).toBe('ECONNREFUSED');
  const dead = home.connect({ host: '127.0.0.1', port: 7 });
  let isHeard = false;
  for (const event of ['connect', 'error', 'close']) dead.once(event, () => (isHeard = true));
  await world.sleep(60_000);
  expect(isHeard).toBe(false);
  await done();
});

it.each([
  ['at once', 'ok'],
  ['once the link is well again', 'silent'],
] as const)('connects a part no more that lost its power before its connection was there, %s', async (_when, state) => {
  const sent: string[] = [];
  const { world, network, done } = open({ seen: ({ from, bytes }) => sent.push(`${from} ${Buffer.from(bytes)}`) });
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
  });
  network.at('server').adopt(server);
  await listening(server, 7);
  network.set('home', 'server', state);
  const home = network.at('home');
  const socket = home.connect({ host: '127.0.0.1', port: 7 });
  socket.write('after my end');
  if (state === 'silent') await world.sleep(1_000);
  home.end();
  network.heal();
  await world.sleep(60_000);
  expect([connections, sent, network.openCount]).toEqual([0, [], 0]);
  await done();
});

it('reports a write to a closed end', async () => {
  const { world, network, done } = open();
  const server = createServer((socket) => socket.destroy());
  network.at('server').adopt(server);
  await listening(server, 7);
  const socket = network.at('client').connect({ host: '127.0.0.1', port: 7 });
  socket.allowHalfOpen = true;
  const got = received(socket);
  await world.sleep(50);
  socket.write('is anybody there?');
  expect(await got.ended).toMatch(/ECONNRESET|EPIPE|^$/);
  expect(got.text).toBe('');
  await done();
});

it('counts and reports every piece, applies filters, and delivers injected bytes', async () => {
  const seen: string[] = [];
  const { world, network, done } = open({
    seen: ({ from, to, bytes }) => seen.push(`${from}>${to} ${Buffer.from(bytes)}`),
    filter: ({ to }) => (to === 'server' ? (bytes) => Buffer.from(Buffer.from(bytes).toString().toUpperCase()) : null),
  });
  await echo(network);
  const socket = network.at('client').connect({ host: '127.0.0.1', port: 7 });
  const got = received(socket);
  socket.write('quiet');
  await world.sleep(100);
  network.inject('server', 'client', Buffer.from('!'));
  network.inject('server', 'nobody', Buffer.from('?'));
  await world.sleep(100);
  expect(seen).toEqual(['client>server QUIET', 'server>client QUIET', 'server>client !']);
  expect([got.text, network.delivered]).toEqual(['QUIET!', 3]);
  socket.destroy();
  await done();
});

it('accepts no more undelivered bytes than its window, and none after its sender is gone', async () => {
  const sent: string[] = [];
  const { world, network, done } = open({
    seen: ({ from, connection, bytes }) => sent.push(`${connection} ${from} ${Buffer.from(bytes)}`),
    windowBytes: ({ to }) => (to === 'server' ? 4 : Number.POSITIVE_INFINITY),
  });
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write('0123456789'));
  });
  network.at('server').adopt(server);
  await listening(server, 7);
  const socket = network.at('client').connect({ host: '127.0.0.1', port: 7 });
  let isWritten = false;
  socket.cork();
  socket.write('01');
  socket.write('23456789', () => {
    isWritten = true;
  });
  socket.uncork();
  while (!sent.includes('1 client 0123')) await world.sleep(0.5);
  expect(isWritten).toBe(false);
  await world.sleep(100);
  expect(isWritten).toBe(true);
  expect(sent.filter((piece) => piece.includes('client'))).toEqual(['1 client 0123', '1 client 4567', '1 client 89']);
  expect(sent).toContain('1 server 0123456789');
  const listener = createServer({ allowHalfOpen: true }, (far) => {
    far.on('error', () => undefined);
    far.resume();
  });
  network.at('server').adopt(listener);
  await listening(listener, 8);
  const gone = network.at('client').connect({ host: '127.0.0.1', port: 8 });
  gone.on('error', () => undefined);
  gone.write('abcdefghijkl');
  while (!sent.includes('2 client abcd')) await world.sleep(0.5);
  gone.destroy();
  await world.sleep(100);
  // What the network had accepted arrives.
  expect(sent.filter((piece) => piece.startsWith('2 client'))).toEqual(['2 client abcd', '2 client efgh']);
  socket.destroy();
  await done();
});

it('serves HTTP, and sockets in the file system', async () => {
  const { network, done } = open();
  const server = createHttpServer((asked, answer) => {
    let body = '';
    asked.on('data', (chunk) => {
      body += chunk;
    });
    asked.on('end', () => answer.end(`${asked.method} ${asked.url} ${body}`));
  });
  network.at('server').adopt(server);
  await new Promise<void>((resolve) => {
    server.once('listening', resolve);
    server.listen('/run/server.sock');
  });
  expect(server.address()).toBe('/run/server.sock');
  const answer = await new Promise<string>((resolve) => {
    const asked = request({
      ...{
        method: 'POST',
        path: '/there',
        createConnection: () => network.at('client').connect({ path: '/run/server.sock' }),
      },
    });
    asked.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    asked.end('hello');
  });
  expect(answer).toBe('POST /there hello');
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await done();
});

it('behaves the same with the same seed', async () => {
  const run = async () => {
    const lines: string[] = [];
    const { world, network, done } = open({
      seen: ({ from, bytes }) => lines.push(`${world.passedUs} ${from} ${bytes.length}`),
    });
    await echo(network);
    const sockets = [1, 2, 3].map(() => network.at('client').connect({ host: '127.0.0.1', port: 7 }));
    for (const socket of sockets) {
      received(socket);
      for (let at = 0; at < 10; at += 1) world.after(at * 7, () => socket.write('x'.repeat(at + 1)));
    }
    await world.sleep(500);
    for (const socket of sockets) socket.destroy();
    await done();
    return lines.join('\n');
  };
  const first = await run();
  expect(first.split('\n').length).toBeGreaterThan(30);
  expect(await run()).toBe(first);
});

it('has no timeout by the machine’s clock', async () => {
  const { network, done } = open();
  const server = createHttpServer({ headersTimeout: 1_000 });
  network.at('server').adopt(server);
  expect([server.headersTimeout, server.requestTimeout]).toEqual([0, 0]);
  await done();
});
