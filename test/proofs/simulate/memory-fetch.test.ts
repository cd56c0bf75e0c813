import { createServer } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
import { exchangeJson } from '../../../device/contract/json-client.ts';
import { settled } from '../../../sim/world/quiet.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { MemoryNetwork } from './memory-network.ts';
import { replacePlatform } from './replace-platform.ts';

let world = new VirtualClock({ startUs: 0, quiet: settled });
let network = new MemoryNetwork({ clock: world, random: new SeededRandom(1) });
let running = Promise.resolve();
let restore: () => void = () => undefined;
const machines = globalThis.fetch;

beforeEach(async () => {
  world = new VirtualClock({ startUs: 0, quiet: settled });
  network = new MemoryNetwork({ clock: world, random: new SeededRandom(1) });
  running = world.run();
  restore = replacePlatform(network.at('client'), world);
  const server = createServer((asked, answer) => {
    if (asked.url === '/silent') return;
    if (asked.url === '/moved') return void answer.writeHead(302, { location: '/' }).end();
    let body = '';
    asked.on('data', (chunk) => {
      body += chunk;
    });
    asked.on('end', () =>
      answer.end(JSON.stringify({ method: asked.method, body, type: asked.headers['content-type'] })),
    );
  });
  network.at('server').adopt(server);
  await new Promise<void>((resolve) => server.listen(80, '127.0.0.1', resolve));
});
afterEach(async () => {
  world.stop();
  await running;
  restore();
});

it('works with the product’s own JSON client', async () => {
  const answer = await exchangeJson('http://127.0.0.1/', { method: 'POST', body: { a: 1 } });
  expect(answer).toEqual({ method: 'POST', body: '{"a":1}', type: 'application/json' });
});

it('streams a body', async () => {
  const body = new ReadableStream({
    start: (controller) => {
      for (const part of ['one ', 'two']) controller.enqueue(Buffer.from(part));
      controller.close();
    },
  });
  const response = await fetch('http://127.0.0.1/', { method: 'PUT', body, duplex: 'half' });
  expect(await response.json()).toMatchObject({ method: 'PUT', body: 'one two' });
});

it('times out in simulated time, refuses redirects, and reports unreachable servers', async () => {
  const startedUs = world.passedUs;
  await expect(fetch('http://127.0.0.1/silent')).rejects.toThrow('fetch failed');
  expect(world.passedUs - startedUs).toBeGreaterThan(14_000_000);
  await expect(fetch('http://127.0.0.1/moved', { redirect: 'error' })).rejects.toThrow('fetch failed');
  await expect(exchangeJson('http://127.0.0.1:81/', { method: 'GET' })).rejects.toMatchObject({ code: 'unreachable' });
});

it('rejects with its signal’s reason', async () => {
  const stopped = new AbortController();
  const asked = fetch('http://127.0.0.1/silent', { signal: stopped.signal });
  world.after(100, () => stopped.abort(new Error('enough')));
  await expect(asked).rejects.toThrow('enough');
});

it('restores the platform’s `fetch`', () => {
  expect(globalThis.fetch).not.toBe(machines);
  restore();
  expect(globalThis.fetch).toBe(machines);
});
