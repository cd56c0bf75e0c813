// After ten failures pairing is locked until somebody presses a button at the device; no message or program unlocks it.
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { generateSigningKey } from '../../device/base/keys.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { SystemPrograms } from '../../device/base/system-programs.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { parseDeviceConfig } from '../../device/config.ts';
import { DeviceEvent } from '../../device/contract/home-messages.ts';
import { Doorbell } from '../../device/doorbell.ts';
import { pairWithDevice } from '../../device/owner/pairing-client.ts';
import { PAIRING_FAILURES_MAX } from '../../device/owner/pairing-server.ts';

const random = new SystemRandom();
const clock = new SystemClock();
let folder: string;
let doorbell: Doorbell;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-lock-'));
  // Without camera and broker: a doorbell starts all the same.
  const config = parseDeviceConfig(
    {
      camera: 'rtsp://127.0.0.1:1/none',
      ring: { kind: 'memory' },
      home: { url: 'mqtt://127.0.0.1:1', user: 'porch', password: 'secret' },
    },
    'device.json',
  );
  const seams = { clock, random, disk: new SystemDisk(), log: silentLog(), programs: new SystemPrograms() };
  doorbell = new Doorbell({ config, folder }, { ...seams, ffmpeg: await findFfmpeg() });
  await doorbell.start();
});
afterAll(async () => {
  await doorbell.stop();
  await rm(folder, { recursive: true });
});

/** Sends a line that the device does not understand; resolves when it has closed the connection. */
function fail(): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection(doorbell.pairingSocket);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
    socket.write('{"verb":"open sesame"}\n');
  });
}

/** The result of pairing now. */
async function pairing(): Promise<string> {
  const account = { user: 'alex', password: 'secret' };
  return pairWithDevice({ clock }, doorbell.pairingSocket, generateSigningKey(random), 'Alex', account).then(
    () => 'paired',
    (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)),
  );
}

const [ring] = DeviceEvent.options;
/** Every source of a press, and whether it proves that somebody is at the device. */
const EXPECTED: Record<(typeof ring.shape.source.options)[number], string> = {
  gpio: 'paired',
  evdev: 'paired',
  keyboard: 'paired',
  local: 'pairing_locked',
  command: 'pairing_locked',
  scene: 'pairing_locked',
  'home-assistant': 'pairing_locked',
  console: 'pairing_locked',
};

it.each(ring.shape.source.options.map((source) => [source, EXPECTED[source]] as const))(
  'a press by %s leaves locked pairing %s',
  async (source, outcome) => {
    for (let failures = 0; failures < PAIRING_FAILURES_MAX; failures += 1) await fail();
    expect(await pairing()).toBe('pairing_locked');
    doorbell.pressed({ button: 'front', source, atUs: clock.wallUs() });
    expect(await pairing()).toBe(outcome);
  },
);
