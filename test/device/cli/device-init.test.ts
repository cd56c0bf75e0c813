// A verb writes a doorbell's first settings, which run as written.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { callCommand } from '../../support/call-command.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('device-init');
const at = (name: string) => join(folder.path, name);
const running: Running[] = [];
afterAll(async () => {
  for (const each of running) await each.stop();
  folder.dispose();
});
/** A file with no password in it. */
const empty = at('empty');
writeFileSync(empty, '\n', { mode: 0o600 });
const init = (...words: string[]) => callCommand(['device', 'init', '--data', at('porch'), '--json', ...words]);

it('names the command to run where there are no settings yet', async () => {
  const done = await callCommand(['device', '--data', at('nothing'), '--json']);
  expect(done.status).toBe(2);
  expect(JSON.parse(done.stderr).error).toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('doorsill device init --data'),
  });
});

it.each([
  [[], '--broker, or --user'],
  [[], '--console, for a doorbell without a broker'],
  [['--console', 'this-machine', '--home-url', 'mqtt://hub.lan'], '--broker, or --user'],
  [['--console', 'this-machine', '--home-assistant'], '--broker, or --user'],
  [['--broker', 'x', '--user', 'y'], '--broker, or --user'],
  [['--user', 'y'], '--password-file'],
  [['--user', 'y\nz', '--password-file', empty], 'printable letters'],
  [['--broker', 'x', '--place', '200,1'], '--place'],
  [['--broker', 'x', '--announce'], '--announce goes with --console home-network'],
  [['--broker', 'x', '--console', 'this-machine', '--announce'], '--announce goes with --console home-network'],
])('refuses %j and names what it needs', async (words, wanted) => {
  const done = await init(...words);
  expect(done.status).toBe(2);
  expect(JSON.parse(done.stderr).error.message).toContain(wanted);
});

it('names the broker to start where none has run in its folder yet', async () => {
  const early = ['device', 'init', '--broker', at('early'), '--data'];
  const { stdout } = await callCommand([...early, at('early-first')]);
  expect(stdout).toMatch(new RegExp(`^ {4}.*doorsill(.mjs)? bridge broker --data ${at('early')} `, 'm'));
  expect((await callCommand([...early, at('early-second')])).stdout).not.toMatch(/doorsill(.mjs)? bridge broker/);
});

it('makes settings with which a doorbell rings, records events as JSON, and is paired', {
  tags: ['long'],
  timeout: 60_000,
}, async () => {
  const broker = new Running(['bridge', 'broker', '--data', at('broker'), '--port', '0', '--json']);
  running.push(broker);
  const { url } = z
    .object({ url: z.string() })
    .parse(await broker.line('the broker', (line) => line['event'] === 'ready'));
  const done = await init(
    '--broker',
    at('broker'),
    '--home-url',
    url,
    '--camera',
    'synthetic?size=320x180',
    '--name',
    'Porch',
  );
  expect(done.status, done.stderr).toBe(0);
  const settings = JSON.parse(readFileSync(at('porch/device.json'), 'utf8'));
  expect(settings).toMatchObject({ name: 'Porch', home: { url } });
  expect(settings).not.toHaveProperty('homeAssistant');
  expect((await init('--broker', at('broker'))).status).toBe(2);

  const device = new Running(['device', '--data', at('porch'), '--json']);
  running.unshift(device);
  const ready = z
    .object({ socket: z.string() })
    .parse(await device.line('the device', (line) => line['event'] === 'ready'));
  const paired = await runCommand(['pair', '--socket', ready.socket, '--owner', at('me'), '--json']);
  expect(paired.status, paired.stderr).toBe(0);
  const rang = await runCommand(['ring', '--owner', at('me'), '--json']);
  expect(rang.status, rang.stderr).toBe(0);
  const ring = await device.line('the press', (line) => line['event'] === 'ring' && line['source'] === 'command');
  expect(ring).toMatchObject({ button: 'front' });

  // Its folder, sealed and restored elsewhere: the same device, without owners.
  await device.stop();
  const passphrase = at('passphrase');
  writeFileSync(passphrase, 'seven words that nobody else would say\n', { mode: 0o600 });
  const sealed = ['--passphrase-file', passphrase, '--json'];
  const backup = await runCommand(['device', 'backup', '--data', at('porch'), '--out', at('porch.backup'), ...sealed]);
  expect(backup, backup.stderr).toMatchObject({ status: 0, last: { outcome: 'written' } });
  const restore = (...words: string[]) =>
    callCommand(['device', 'restore', at('porch.backup'), '--data', at('again'), ...words, '--json']);
  writeFileSync(at('wrong'), 'six words that are not these\n', { mode: 0o600 });
  expect(await restore('--passphrase-file', at('wrong'))).toMatchObject({ status: 6 });
  expect(await restore('--passphrase-file', passphrase)).toMatchObject({
    status: 0,
    last: { outcome: 'restored', device: z.object({ device: z.string() }).parse(paired.last).device },
  });
});

it('prints no event without --json', { tags: ['long'], timeout: 60_000 }, async () => {
  await running.shift()?.stop();
  const device = new Running(['device', '--data', at('porch')]);
  running.unshift(device);
  const ring = () => runCommand(['ring', '--owner', at('me'), '--json']);
  // It accepts owners once it runs; asked before that, the verb would wait in vain.
  await expect.poll(() => existsSync(at('porch/run/pairing.sock')), { timeout: 45_000 }).toBe(true);
  await expect.poll(async () => (await ring()).status, { timeout: 45_000 }).toBe(0);
  expect(device.lines).toEqual([]);
});

it('lets Home Assistant find the doorbell, and makes its account where the broker’s accounts are made here', async () => {
  const broker = ['--broker', at('second-broker')];
  const done = await callCommand(['device', 'init', '--data', at('second'), '--json', '--home-assistant', ...broker]);
  expect(done.status, done.stderr).toBe(0);
  const { device, homeAssistant } = z
    .object({ device: z.string(), homeAssistant: z.object({ user: z.string(), password: z.string() }) })
    .parse(done.last);
  const settings = JSON.parse(readFileSync(at('second/device.json'), 'utf8'));
  expect(settings.homeAssistant).toEqual({ enabled: true });
  expect(JSON.stringify(settings)).not.toContain(homeAssistant.password);
  const account = JSON.parse(readFileSync(at(`second-broker/accounts/${homeAssistant.user}.json`), 'utf8'));
  expect(account).toMatchObject({ role: 'home-assistant', homes: [device] });

  const verb = ['bridge', 'broker', 'home-assistant', '--data', at('second-broker'), '--json', '--device'];
  const again = await callCommand([...verb, device]);
  expect(again.last).toMatchObject({ outcome: 'issued', user: homeAssistant.user, devices: [device] });
  expect(again.last?.['password']).not.toBe(homeAssistant.password);
  expect((await callCommand([...verb, 'No Device'])).status).toBe(2);
});

it('serves its owners a page only with --console', async () => {
  const init = (folder: string, ...words: string[]) =>
    callCommand(['device', 'init', '--data', at(folder), '--json', '--broker', at('third-broker'), ...words]);
  expect((await init('shown', '--console', 'this-machine')).status).toBe(0);
  expect(JSON.parse(readFileSync(at('shown/device.json'), 'utf8')).console).toEqual({ listen: 'this-machine' });
  expect((await init('named', '--console', 'home-network', '--announce')).status).toBe(0);
  expect(JSON.parse(readFileSync(at('named/device.json'), 'utf8')).console).toEqual({
    listen: 'home-network',
    announce: { enabled: true },
  });
  expect((await init('unshown')).status).toBe(0);
  expect(JSON.parse(readFileSync(at('unshown/device.json'), 'utf8'))).not.toHaveProperty('console');
  expect((await init('wrong', '--console', 'everywhere')).status).toBe(2);
});

it('accepts an account at a broker of one’s own, whatever its name', async () => {
  writeFileSync(at('password'), 'secret\n', { mode: 0o600 });
  const data = ['device', 'init', '--data', at('other'), '--json'];
  const done = await runCommand([...data, '--user', 'Porch_Bell@home', '--password-file', at('password')]);
  expect(done.status, done.stderr).toBe(0);
  const settings = JSON.parse(readFileSync(at('other/device.json'), 'utf8'));
  expect(settings).not.toHaveProperty('homeAssistant');
  expect(settings.home).toEqual({ url: 'mqtt://127.0.0.1:1883', user: 'Porch_Bell@home', password: 'secret' });
});

it('accepts no address in place of a broker’s folder', async () => {
  const asked = ['device', 'init', '--data', at('address'), '--broker', 'mqtt://127.0.0.1:1883', '--json'];
  const { status, stderr } = await callCommand(asked);
  expect([status, JSON.parse(stderr).error.code]).toEqual([2, 'usage']);
  expect(stderr).toContain('--home-url');
});

it('writes settings without a broker for a doorbell with a page, and refuses to replace settings', async () => {
  const init = ['device', 'init', '--data', at('alone'), '--console', 'this-machine', '--json'];
  const done = await callCommand(init);
  expect(done.status, done.stderr).toBe(0);
  expect(done.last).not.toHaveProperty('home');
  expect(JSON.parse(readFileSync(at('alone/device.json'), 'utf8'))).not.toHaveProperty('home');
  const again = await callCommand(init);
  expect([again.status, JSON.parse(again.stderr).error.code]).toEqual([2, 'settings_exist']);
});
