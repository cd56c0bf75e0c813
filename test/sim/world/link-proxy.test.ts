import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
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
  const deps = { clock: world, random: new SeededRandom(1) };
  link = new LinkProxy(deps, () => `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
  await link.start();
  running = world.run();
});
afterEach(async () => {
  await link.stop();
  world.stop();
  await running;
  server.close();
});

/** Sends a text through the link; resolves with the answer, or how the connection ended. */
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

async function connected(): Promise<Socket> {
  const socket = connect(Number(new URL(link.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** The next bytes from a socket, of this number. */
function heard(socket: Socket, length: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const take = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.length < length) return;
      socket.off('data', take);
      resolve(text);
    };
    socket.on('data', take);
  });
}

it('passes bytes on with the target’s scheme, and counts what the near side sends', async () => {
  expect(link.url).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
  const long = 'x'.repeat(300_000);
  expect(await through(long)).toBe(long);
  expect(link.sentBytes).toBe(300_000);
});

it('ends connections and accepts none while it is lost, and accepts them again afterwards', async () => {
  const socket = connect(Number(new URL(link.url).port), '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const ended = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  socket.write('hello');
  await new Promise((resolve) => socket.once('data', resolve));
  link.set({ gone: 'lost' });
  await ended;
  expect(await through('a')).toBe('broken');
  link.set({});
  expect(await through('a')).toBe('a');
});

it('delays bytes in the world’s time, and loses none', async () => {
  link.set({ delayMs: 1_500 });
  expect(await through('slowly')).toBe('slowly');
  expect(world.passedUs).toBeGreaterThanOrEqual(3_000_000);
});

it('keeps the order of bytes with random delays, also with bytes sent after the trouble', async () => {
  link.set({ delayMs: 100, jitterMs: 900 });
  const socket = await connected();
  const text = Array.from({ length: 200 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('');
  for (const letter of text.slice(0, 100)) {
    socket.write(letter);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  link.set({});
  socket.write(text.slice(100));
  expect(await heard(socket, text.length)).toBe(text);
  expect(world.passedUs).toBeGreaterThan(100_000);
  socket.destroy();
});

it('limits the bytes a second', async () => {
  link.set({ bytesPerS: 10_000 });
  expect(await through('x'.repeat(50_000))).toBe('x'.repeat(50_000));
  expect(world.passedUs).toBeGreaterThanOrEqual(5_000_000);
  expect(world.passedUs).toBeLessThan(12_000_000);
});

it('flips one bit in the given share of pieces', async () => {
  link.set({ corrupt: 1 });
  const socket = await connected();
  socket.write(Buffer.alloc(1_000));
  const back = Buffer.from(await heard(socket, 1_000), 'latin1');
  const ones = [...back].reduce((sum, byte) => sum + [...byte.toString(2)].filter((bit) => bit === '1').length, 0);
  // One flip on the way there, and one on the way back; the same bit twice is no change.
  expect(ones).toBeGreaterThan(0);
  expect(ones).toBeLessThan(20);
  socket.destroy();
});

it('swallows bytes while it is half open, passes on no end, and resets connections afterwards', async () => {
  const socket = await connected();
  socket.write('before');
  expect(await heard(socket, 6)).toBe('before');
  link.set({ gone: 'half-open' });
  let ended = '';
  socket.on('error', (thrown: NodeJS.ErrnoException) => {
    ended = thrown.code ?? '';
  });
  socket.write('lost');
  const late = await connected();
  late.write('into nothing');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([socket.readableLength, late.readableLength, socket.destroyed, late.destroyed]).toEqual([0, 0, false, false]);
  link.set({});
  await expect.poll(() => ended).toBe('ECONNRESET');
  expect(await through('after')).toBe('after');
  late.destroy();
});

it('resets connections, and accepts new ones', async () => {
  const socket = await connected();
  const ended = new Promise((resolve) => socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code)));
  link.reset();
  expect(await ended).toBe('ECONNRESET');
  expect(await through('a')).toBe('a');
});

it('ends a connection whose far side is gone', async () => {
  await new Promise((resolve) => server.close(resolve));
  expect(await through('a')).toBe('broken');
});

it('delivers bytes that were sent before an end, however late they are', async () => {
  link.set({ delayMs: 5_000 });
  const socket = await connected();
  socket.end('farewell');
  expect(await heard(socket, 8)).toBe('farewell');
  await new Promise((resolve) => socket.once('close', resolve));
  expect(world.passedUs).toBeGreaterThanOrEqual(10_000_000);
});

it('holds back the near side’s bytes from a given count on, passes answers meanwhile, and loses nothing', async () => {
  const heard: string[] = [];
  const answered: string[] = [];
  const place = () => Number(new URL(link.url).port);
  const address = server.address();
  const target = `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  await link.stop();
  link = new LinkProxy({ clock: world, random: new SeededRandom(1) }, () => target, {
    heard: (bytes, connection) => heard.push(`${connection} ${Buffer.from(bytes)}`),
    answered: (bytes, connection) => answered.push(`${connection} ${Buffer.from(bytes)}`),
  });
  await link.start();
  const socket = connect(place(), '127.0.0.1');
  const held = link.holdBack(8);
  socket.write('first');
  await expect.poll(() => answered).toEqual(['0 first']);
  socket.write('second');
  await held;
  const later = connect(place(), '127.0.0.1');
  later.write('third');
  await expect.poll(() => heard).toEqual(['0 first', '0 second', '1 third']);
  expect(answered).toEqual(['0 first']);
  link.release();
  await expect.poll(() => answered.slice(1).sort()).toEqual(['0 second', '1 third']);
  socket.write('fourth');
  await expect.poll(() => answered.at(-1)).toBe('0 fourth');
  for (const each of [socket, later]) each.destroy();
});

it('holds back an end together with the bytes before it', async () => {
  const got: string[] = [];
  server.on('connection', (far) => far.on('data', (bytes) => got.push(bytes.toString())));
  const held = link.holdBack(1);
  (await connected()).end('farewell');
  await held;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(got).toEqual([]);
  link.release();
  await expect.poll(() => got).toEqual(['farewell']);
});

it('reads on while it holds back', async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => void warnings.push(warning);
  process.on('warning', warn);
  // More than the kernel buffers.
  const many = 16_000_000;
  const socket = await connected();
  const held = link.holdBack(1);
  socket.write(Buffer.alloc(many));
  await held;
  await expect.poll(() => link.sentBytes).toBe(many);
  const back = heard(socket, many);
  link.release();
  expect(await back).toHaveLength(many);
  process.off('warning', warn);
  // Such as a warning about a listener for each piece.
  expect(warnings).toEqual([]);
  socket.destroy();
});

it('leaves nothing waiting when it stops, half open or not', async () => {
  const from = world.passedUs;
  await world.holding(async () => {
    link.set({ delayMs: 600_000 });
    const socket = await connected();
    socket.write('late');
    await expect.poll(() => link.sentBytes).toBe(4);
    link.set({ gone: 'half-open' });
    await link.stop();
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(world.passedUs - from).toBeLessThan(600_000_000);
});

it('survives connections that could not be accepted', () => {
  const listening = Reflect.get(link, 'server') as Server;
  for (let time = 0; time < 2; time += 1) listening.emit('error', new Error('accept EMFILE'));
  expect(listening.listening).toBe(true);
});

it('accepts only the given near side', async () => {
  const target = link.url;
  const guarded = new LinkProxy({ clock: world, random: new SeededRandom(1) }, () => target, { near: '127.0.0.2' });
  await guarded.start();
  const port = Number(new URL(guarded.url).port);
  const ended = (localAddress: string) =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', localAddress });
      socket.on('error', () => undefined).once('close', () => resolve(false));
      socket.once('data', () => {
        socket.removeAllListeners('close').destroy();
        resolve(true);
      });
      socket.write('a');
    });
  expect(await ended('127.0.0.1')).toBe(false);
  expect(await ended('127.0.0.2')).toBe(true);
  await guarded.stop();
});
