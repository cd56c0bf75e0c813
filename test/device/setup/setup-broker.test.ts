// @module-tag mosquitto
// Holds: a broker that is there already is tried before anything is written, and the doorbell then uses it; without one nothing is missed.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { askHealth, pairWithDevice } from '../../../device/owner/pairing-client.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { freePort, Mosquitto } from '../../support/mosquitto.ts';
import { ConsoleRig, soon } from '../console/support/console-rig.ts';
import { SetupRig } from './support/setup-rig.ts';

const PASSWORD = 'as people choose them';
const folder = temporaryFolder('setup-broker');
let broker: Mosquitto;
let port = 0;

beforeAll(async () => {
  port = await freePort();
  const [passwords, configuration] = [join(folder.path, 'passwords'), join(folder.path, 'mosquitto.conf')];
  writeFileSync(passwords, '', { mode: 0o600 });
  expect(spawnSync('mosquitto_passwd', ['-b', passwords, 'porch', PASSWORD]).status).toBe(0);
  const lines = [`user ${userInfo().username}`, `listener ${port} 127.0.0.1`, 'allow_anonymous false'];
  writeFileSync(configuration, [...lines, `password_file ${passwords}`, ''].join('\n'));
  broker = await Mosquitto.run(configuration, port);
});
afterAll(async () => {
  await broker.stop();
  folder.dispose();
});

const account = (password: string) => ({
  broker: { url: `mqtt://127.0.0.1:${port}`, user: 'porch', password, homeAssistant: true },
});

/** Sets up, and starts the doorbell with what was written. */
async function doorbellOf(rig: SetupRig, changes: Parameters<SetupRig['choice']>[0]) {
  expect((await rig.post('/api/v1/setup', await rig.choice(changes))).status).toBe(200);
  await rig.server.stop();
  const settings = await rig.settings();
  return { settings, doorbell: await ConsoleRig.start({ home: {}, ...settings }, rig.folder) };
}

it('refuses a broker that does not accept the account, and writes nothing', async () => {
  const rig = await SetupRig.start();
  const { status, json } = await rig.post('/api/v1/setup', await rig.choice(account('wrong')));
  expect([status, await rig.files()]).toEqual([409, []]);
  expect(json['title']).toEqual(expect.stringMatching(/not authori[sz]ed/i));
});

it('has the doorbell in a session with a broker that accepts it', { timeout: 60_000 }, async () => {
  const rig = await SetupRig.start();
  const { settings, doorbell } = await doorbellOf(rig, account(PASSWORD));
  expect(settings.home).toEqual({ url: `mqtt://127.0.0.1:${port}`, user: 'porch', password: PASSWORD });
  expect(settings.homeAssistant).toEqual({ enabled: true });
  const health = () => askHealth({ clock: new SystemClock() }, doorbell.doorbell.pairingSocket);
  await soon(async () => (await health()).homeFault === null, 20_000);
  await doorbell.stop(true);
});

it('has a doorbell without a broker that misses none, and pairs no command line', { timeout: 60_000 }, async () => {
  const rig = await SetupRig.start();
  const { settings, doorbell } = await doorbellOf(rig, {});
  expect(settings).not.toHaveProperty('home');
  const { pairingSocket } = doorbell.doorbell;
  const clock = new SystemClock();
  expect((await askHealth({ clock }, pairingSocket)).homeFault).toBeNull();
  await expect(
    pairWithDevice({ clock }, pairingSocket, rig.ownerKey, 'me', { user: 'me', password: 'mine' }),
  ).rejects.toMatchObject({ code: 'home_broker_none' });
  await doorbell.stop(true);
});
