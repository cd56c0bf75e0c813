// The machine's own disk with a hook before every write and flush, and a count of bytes read.
import { type Disk, type DiskFile, SystemDisk } from '../../../device/base/disk.ts';

/** An error of the operating system, e.g. `osError('ENOSPC')`. */
export function osError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

type Write = { path: string; position: number; bytes: Uint8Array };

/** SystemDisk with failures that a test chooses. */
export class ProbingDisk extends SystemDisk implements Disk {
  bytesRead = 0;
  /** Called with the result of each read before it is returned. */
  onRead: (path: string) => void | Promise<void> = () => undefined;
  free: number | null = null;
  /** Called before each write; a throw is the write's failure. */
  onWrite: (write: Write) => void | Promise<void> = () => undefined;
  /** Called before each flush. */
  onSync: (path: string) => void | Promise<void> = () => undefined;

  override async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const file = await super.open(path, options);
    return {
      size: () => file.size(),
      read: async (position, length, into) => {
        const bytes = await file.read(position, length, into);
        this.bytesRead += bytes.length;
        await this.onRead(path);
        return bytes;
      },
      write: async (position, bytes) => {
        await this.onWrite({ path, position, bytes });
        await file.write(position, bytes);
      },
      writeDurably: async (position, bytes) => {
        await this.onWrite({ path, position, bytes });
        await this.onSync(path);
        await file.writeDurably(position, bytes);
      },
      sync: async () => {
        await this.onSync(path);
        await file.sync();
      },
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  }

  override async freeBytes(path: string): Promise<number> {
    return this.free ?? super.freeBytes(path);
  }
}
