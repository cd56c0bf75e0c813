// Ring files in a folder of their own, removed afterwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { RingFile, type RingFileOptions } from '../../../device/ring/ring-file.ts';
import { FileDeviceKey } from '../../../device/ring/wrapped-key-files.ts';
import { ProbingDisk } from './probing-disk.ts';
import { NOON_US } from './segments.ts';

/** Size for about twenty test segments. */
export const RING_BYTES = 256 * 1024;
export const SEGMENT_BYTES_MAX = 32 * 1024;

const random = new SystemRandom();

/** One folder with a ring file, its key and the device key. */
export class RingFolder {
  readonly disk = new ProbingDisk();
  clock = new ManualClock(NOON_US);
  path = '';

  get ringPath(): string {
    return join(this.path, 'ring');
  }

  get keyPath(): string {
    return join(this.path, 'ring.key');
  }

  get deviceKeyPath(): string {
    return join(this.path, 'device.key');
  }

  async make(): Promise<void> {
    this.path = await mkdtemp(join(tmpdir(), 'doorsill-ring-'));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  /** A ring on this folder, as after a start of the process. */
  ring(options: Partial<RingFileOptions> = {}): RingFile {
    return new RingFile({
      disk: this.disk,
      clock: this.clock,
      random,
      log: silentLog(),
      wrapper: new FileDeviceKey(this.disk, random, this.deviceKeyPath),
      path: this.ringPath,
      bytesMax: RING_BYTES,
      retentionS: 3600,
      cipher: 'aes-256-gcm',
      segmentBytesMax: SEGMENT_BYTES_MAX,
      ...options,
    });
  }

  /** Starts a ring, runs `use`, stops it. */
  async with<Result>(
    use: (ring: RingFile) => Promise<Result>,
    options: Partial<RingFileOptions> = {},
  ): Promise<Result> {
    const ring = this.ring(options);
    try {
      await ring.start();
      return await use(ring);
    } finally {
      await ring.stop();
    }
  }
}
