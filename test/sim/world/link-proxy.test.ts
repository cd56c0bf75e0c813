import { connect, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LinkProxy } from '../../../sim/world/link-proxy.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';

let server: Server;
let world: VirtualClock;
let link: LinkProxy;
let running: Promise<void>;
beforeEach(async () => {
  server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  world = new VirtualClock({ startUs: 0 });
  link = new LinkProxy(world, () => `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
  await link.start();
  running = world.run();
});
afterEach(async () => {
  await link.stop();
  world.stop();
  await running;
  server.close();
});

/** Sends a text through the link; what comes back, or how the connection ended. */
function through(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(link.url).port), '127.0.0.1');
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes.toString();
      if (heard.length >= text.length) socket.end();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(heard === text ? heard : 'broken'));
    socket.write(text);
  });
}

it('passes bytes on with the target’s scheme, and counts what the near side sends', async () => {
  expect(link.url).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
  const long = 'x'.repeat(300_000);
  expect(await through(long)).toBe(long);
  expect(link.sentBytes).toBe(300_000);
});

it('ends what is open and lets nothing in while it is lost, and again when it is back', async () => {
  const socket = connect(Number(new URL(link.url).port), '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const ended = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  socket.write('hello');
  await new Promise((resolve) => socket.once('data', resolve));
  link.set('lost');
  await ended;
  expect(await through('a')).toBe('broken');
  link.set('ok');
  expect(await through('a')).toBe('a');
});

it('is late in the world’s time while it is slow, and loses nothing', async () => {
  link.set('slow');
  expect(await through('slowly')).toBe('slowly');
  expect(world.passedUs).toBeGreaterThanOrEqual(3_000_000);
});
