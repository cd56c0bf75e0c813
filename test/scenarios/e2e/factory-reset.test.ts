// @module-tag long
// A reset doorbell is a new one at the embedded broker, which admits it and a new owner; Home Assistant forgets the former one, and no
// former account remains. The same in a testbed, whose owner finds its only doorbell.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'mqtt';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('factory-reset');
const at = (...names: string[]) => join(folder.path, ...names);
const ends: (() => unknown)[] = [() => folder.dispose()];
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 60_000);

const CAMERA = 'synthetic?size=320x180';
const isReady = ({ event }: Record<string, unknown>) => event === 'ready';
const readySchema = z.object({ device: z.string(), socket: z.string() });
const initSchema = z.object({ homeAssistant: z.object({ user: z.string(), password: z.string() }) });
const userSchema = z.object({ home: z.object({ user: z.string() }) });

async function run(...args: string[]) {
  const done = await runCommand([...args, '--json']);
  expect(done.status, done.stderr).toBe(0);
  return done.last;
}

function start(...args: string[]): Running {
  const running = new Running([...args, '--json']);
  ends.push(() => running.stop());
  return running;
}

const ready = async (device: Running) => readySchema.parse(await device.line('the device', isReady, 120));
const accounts = () => readdirSync(at('broker', 'accounts')).sort();
const userIn = (data: string) =>
  userSchema.parse(JSON.parse(readFileSync(join(data, 'device.json'), 'utf8'))).home.user;

it('admits the reset doorbell and its new owner, and removes the discovery of the former one', {
  timeout: 240_000,
}, async () => {
  const broker = start('bridge', 'broker', '--data', at('broker'), '--port', '0');
  const { url } = z.object({ url: z.string() }).parse(await broker.line('the broker', isReady));
  const made = await run(
    ...['device', 'init', '--data', at('porch'), '--broker', at('broker'), '--home-url', url, '--camera', CAMERA],
    '--home-assistant',
  );
  const { homeAssistant } = initSchema.parse(made);
  const first = start('device', '--data', at('porch'));
  const before = await ready(first);
  await run('pair', '--socket', before.socket, '--owner', at('me'));
  await run('ring', '--owner', at('me'));

  const house = await connect(url, { username: homeAssistant.user, password: homeAssistant.password });
  ends.push(() => house.endAsync(true));
  const heard: string[] = [];
  house.on('message', (topic, payload) => heard.push(`${topic.split('/')[0]} ${payload.length > 0}`));
  await house.subscribeAsync(
    [`homeassistant/device/${before.device}/config`, `doorsill/v1/home/${before.device}/status`],
    { qos: 1 },
  );
  await expect.poll(() => [...heard].sort(), { timeout: 20_000 }).toEqual(['doorsill true', 'homeassistant true']);
  await first.stop();

  const second = start('device', '--data', at('porch'), '--factory-reset');
  const after = await ready(second);
  expect(after.device).not.toBe(before.device);
  await expect.poll(() => heard, { timeout: 20_000 }).toContain('homeassistant false');
  await run('pair', '--socket', after.socket, '--owner', at('she'));
  await run('ring', '--owner', at('she'));
  expect(userIn(at('porch'))).toBe(`device-home-${after.device}`);
  expect(accounts()).toEqual([`device-home-${after.device}.json`, expect.stringMatching(/^owner-.*\.json$/)]);
  expect(existsSync(at('porch', 'home-assistant.json'))).toBe(true);
});

it('is the only doorbell of its testbed after a reset', { timeout: 300_000 }, async () => {
  const data = at('testbed');
  const up = () => start('up', '--data', data, '--no-ask', '--camera', CAMERA);
  const isUp = ({ event }: Record<string, unknown>) => event === 'up';
  const first = up();
  await first.line('a testbed', isUp, 180);
  await run('ring', '--data', data);
  await first.stop();
  const reset = start('device', '--data', join(data, 'doorbell'), '--camera', CAMERA, '--factory-reset');
  const { device } = await ready(reset);
  await reset.stop();
  const second = up();
  await second.line('the testbed again', isUp, 180);
  await run('ring', '--data', data);
  const paired = z.object({ homes: z.array(z.looseObject({ device: z.string() })) });
  const { homes } = paired.parse(await run('pair', '--list', '--data', data));
  expect(homes.map((home) => home.device)).toEqual([device]);
});
