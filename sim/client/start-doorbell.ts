// Starts a virtual doorbell in a temporary folder, which is removed by `stop`, after a failed start, and when the process exits.
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@doorsill/base/clock';
import { SystemDisk } from '@doorsill/base/disk';
import { silentLog } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { Testbed, type TestbedOptions } from '../testbed/testbed.ts';
import { type DoorbellOptions, readDoorbellOptions } from './options.ts';
import { VirtualDoorbell } from './virtual-doorbell.ts';

/** About ten minutes of the drawn porch. */
const RING_BYTES = 64 * 1024 * 1024;

const CAMERA_MS_MAX = 60_000;

/** Folders to remove when this process exits. */
const folders = new Set<string>();

/** A process that exits without `stop` cannot wait for its parts, which end by themselves; it removes their folders. */
function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Removes the folder when this process exits; returns the function that cancels it. */
function removeAtExit(folder: string): () => void {
  if (folders.size === 0) process.on('exit', removeFolders);
  folders.add(folder);
  return () => {
    folders.delete(folder);
    if (folders.size === 0) process.off('exit', removeFolders);
  };
}

/**
 * Starts a virtual doorbell with broker, registry, bridge, vault, an agency and an owner. Each part is a process on a free port of the loopback
 * address, and all data is in a new temporary folder. Resolves once the doorbell's messages are received and, with an agency, its camera
 * records, so that footage from then on can be requested. `stop()` or `await using` ends all of it. Throws `client_argument_invalid`,
 * `config_invalid`, `camera_...`, `ffmpeg_missing`, and removes everything.
 */
export async function startDoorbell(options: DoorbellOptions = {}): Promise<VirtualDoorbell> {
  const { camera, agency, device, keep, logLevel, onNote } = readDoorbellOptions(options);
  const deps = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-client-'));
  const settings: TestbedOptions = {
    folder: join(folder, 'testbed'),
    kind: 'doorsill-demo',
    camera,
    logLevel,
    device: { ring: { kind: 'memory', bytes: RING_BYTES }, ...device },
  };
  const testbed = new Testbed(settings, { ...deps, say: onNote });
  const closers = [() => testbed.stop()];
  if (!keep) {
    const cancelRemoval = removeAtExit(folder);
    closers.unshift(() => rm(folder, { recursive: true, force: true }).then(cancelRemoval));
  }
  const close = async () => {
    for (const step of closers.splice(0).reverse()) await step();
  };
  try {
    const facts = agency ? await testbed.start() : null;
    const { home, ownerKey } = facts ?? (await testbed.startHome());
    const session = new OwnerSession(home, deps);
    closers.push(() => session.stop());
    const door = new VirtualDoorbell({ folder, testbed: settings.folder, session, ownerKey, facts, deps, close });
    if (agency) await cameraBegun(session);
    else await session.start();
    return door;
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Starts the session and waits until the camera records, or has failed for a reason that the state contains. */
function cameraBegun(session: OwnerSession): Promise<void> {
  return session.waitFor<void>(
    'the camera',
    CAMERA_MS_MAX,
    (found) => ({ state: ({ camera }) => camera.state !== 'off' && camera.state !== 'starting' && found() }),
    () => session.start(),
  );
}
