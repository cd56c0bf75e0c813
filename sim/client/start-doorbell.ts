// Owns: starting a virtual doorbell in a throwaway folder, and leaving nothing behind: not after `stop`, not after a start that
// failed half-way, not when the process exits. Not here: what can be done with it (virtual-doorbell.ts), its processes (testbed/).
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

/** Room for about ten minutes of the drawn porch. */
const RING_BYTES = 64 * 1024 * 1024;

const CAMERA_MS_MAX = 60_000;

/** Folders that must not outlive this process. */
const folders = new Set<string>();

/** A process that exits without `stop` cannot wait for its parts, which end once they notice; it removes their folders. */
function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Has the folder removed when this process exits; returns what takes that back. */
function removeAtExit(folder: string): () => void {
  if (folders.size === 0) process.on('exit', removeFolders);
  folders.add(folder);
  return () => {
    folders.delete(folder);
    if (folders.size === 0) process.off('exit', removeFolders);
  };
}

/**
 * Starts a virtual doorbell with everything around it: broker, registry, bridge, vault, an agency and an owner, each part a process
 * of its own on a free port of the loopback address, all in a new temporary folder. Resolves once it hears what happens at the door
 * and, with an agency, its camera records, so that whatever follows can be asked for. `stop()` or `await using` ends all of it.
 * Throws `client_argument_invalid`, `config_invalid`, `camera_...`, `ffmpeg_missing`; nothing is left then.
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
    const isRemoved = removeAtExit(folder);
    closers.unshift(() => rm(folder, { recursive: true, force: true }).then(isRemoved));
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

/** Starts the session and waits until the camera records, or cannot for a reason that the state tells. */
function cameraBegun(session: OwnerSession): Promise<void> {
  return session.waitFor<void>(
    'the camera',
    CAMERA_MS_MAX,
    (found) => ({ state: ({ camera }) => camera.state !== 'off' && camera.state !== 'starting' && found() }),
    () => session.start(),
  );
}
