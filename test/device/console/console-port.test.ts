// Holds: a doorbell whose own server cannot listen rings and records all the same, and says that it has no server.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConsoleRig } from './support/console-rig.ts';

let first: ConsoleRig;
beforeAll(async () => {
  first = await ConsoleRig.start({ camera: 'rtsp://127.0.0.1:1/none' });
}, 30_000);
afterAll(() => first.stop());

it('starts without its server when another program has the port', async () => {
  const port = Number(new URL(first.url).port);
  const second = await ConsoleRig.start({
    camera: 'rtsp://127.0.0.1:1/none',
    console: { listen: 'this-machine', port },
  });
  expect(second.doorbell.console).toBe(null);
  expect(second.doorbell.id).toMatch(/^device-/);
  expect(await second.doorbell.fault()).toBe(null);
  await second.stop();
  expect((await first.call('/api/v1/server')).status).toBe(200);
});
