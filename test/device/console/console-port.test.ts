// Holds: a doorbell whose own server cannot listen still rings and records, and reports the reason over its pairing socket; a request for
// the address waits while the server starts.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { askConsole } from '../../../device/owner/pairing-client.ts';
import { pairingSocketPath } from '../../../device/owner/private-socket.ts';
import { ConsoleRig, soon } from './support/console-rig.ts';

const seams = { clock: new SystemClock() };
const CAMERA = 'rtsp://127.0.0.1:1/none';
let first: ConsoleRig;
beforeAll(async () => {
  first = await ConsoleRig.start({ camera: CAMERA });
}, 30_000);
afterAll(() => first.stop());

it('starts without its server when another program has the port, and reports that over its pairing socket', async () => {
  const port = Number(new URL(first.url).port);
  const second = await ConsoleRig.start({ camera: CAMERA, console: { listen: 'this-machine', port } });
  expect(second.doorbell.console).toBe(null);
  expect(second.doorbell.id).toMatch(/^device-/);
  expect(await second.doorbell.fault()).toBe(null);
  await expect(askConsole(seams, second.doorbell.pairingSocket)).rejects.toMatchObject({
    code: 'console_unusable',
    message: expect.stringContaining(String(port)),
  });
  await second.stop();
  expect((await first.call('/api/v1/server')).status).toBe(200);
});

/** A disk that delays reading the console's page until it is released. */
class HeldDisk extends SystemDisk {
  held = 0;
  letGo: () => void = () => undefined;
  private readonly gate = new Promise<void>((resolve) => {
    this.letGo = resolve;
  });

  override async readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    if (path.includes('console-page')) {
      this.held += 1;
      await this.gate;
    }
    return super.readFile(path, bytesMax);
  }
}

it('makes a request for the address wait while the server starts', async () => {
  const disk = new HeldDisk();
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-console-'));
  const starting = ConsoleRig.start({ camera: CAMERA }, folder, { disk });
  await soon(() => disk.held > 0);
  let told: unknown = null;
  const asked = askConsole(seams, pairingSocketPath(folder)).finally(() => {
    told = 'an answer';
  });
  await seams.clock.sleep(600);
  expect(told).toBe(null);
  disk.letGo();
  const rig = await starting;
  expect(await asked).toMatchObject({ url: rig.url });
  await rig.stop();
});
