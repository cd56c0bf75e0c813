// The device's own disk, an ext4 file system in a file, so that deleted files and slack can be searched, too.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const IMAGE_BYTES = 112 * 1024 * 1024;
const STEP_BYTES = 8 * 1024 * 1024;

export class DiskImage {
  private readonly file: string;
  private readonly at: string;
  private isMounted = false;

  private constructor(file: string, at: string) {
    this.file = file;
    this.at = at;
  }

  /** Makes a disk as a file in `folder` and mounts it at `at`; without loop devices `at` becomes a plain folder. */
  static async mount(folder: string, at: string): Promise<DiskImage | null> {
    await mkdir(at);
    if (!existsSync('/dev/loop-control')) return null;
    const file = join(folder, 'disk.ext4');
    const handle = await open(file, 'w');
    await handle.truncate(IMAGE_BYTES);
    await handle.close();
    await run('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0', file]);
    const disk = new DiskImage(file, at);
    await disk.mountAgain();
    return disk;
  }

  async mountAgain(): Promise<void> {
    await run('mount', ['-o', 'loop', this.file, this.at]);
    this.isMounted = true;
  }

  async unmount(): Promise<void> {
    if (!this.isMounted) return;
    this.isMounted = false;
    await run('umount', [this.at]);
  }

  /** The raw disk in overlapping pieces; it must be unmounted. */
  async *pieces(overlapBytes: number): AsyncIterable<Uint8Array> {
    const handle = await open(this.file, 'r');
    try {
      for (let from = 0; from < IMAGE_BYTES; from += STEP_BYTES) {
        const start = Math.max(0, from - overlapBytes);
        const { buffer, bytesRead } = await handle.read(
          Buffer.alloc(from + STEP_BYTES - start),
          0,
          from + STEP_BYTES - start,
          start,
        );
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }
}
