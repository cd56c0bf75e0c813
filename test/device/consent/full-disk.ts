// A real disk that can be told to have no space left.
import { basename } from 'node:path';
import { type Disk, type DiskFile, SystemDisk } from '../../../device/base/disk.ts';

function noSpace(): Error {
  return Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}

/** While set, writes that need another block fail with ENOSPC; everything else works, writes inside a file included. */
export class FullDisk extends SystemDisk implements Disk {
  isFull = false;
  /** The name of the one file that cannot be replaced. */
  stuckFile: string | null = null;
  /** The name of the one file that cannot be read, and the disk's error instead. */
  unreadable: { file: string; code: string } | null = null;
  /** The name of the one file whose replacement happens but is reported as failed; from then on the disk is full. */
  doubtfulFile: string | null = null;

  /** While set, no file can be truncated. */
  failsToCut = false;
  /** Number of attempts to truncate a file. */
  cuts = 0;

  override async readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    this.assertReadable(path);
    return super.readFile(path, bytesMax);
  }

  private assertReadable(path: string): void {
    if (basename(path) !== this.unreadable?.file) return;
    throw Object.assign(new Error(this.unreadable.code), { code: this.unreadable.code });
  }

  override async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    this.assertReadable(path);
    const file = await super.open(path, options);
    const put = async (position: number, bytes: Uint8Array, durably: boolean): Promise<void> => {
      if (!this.isFull || position + bytes.length <= (await file.size())) {
        return durably ? file.writeDurably(position, bytes) : file.write(position, bytes);
      }
      // A full disk accepts a part of the write: a torn line remains.
      await file.write(position, bytes.subarray(0, 40));
      throw noSpace();
    };
    return {
      size: () => file.size(),
      read: (position, length, into) => file.read(position, length, into),
      write: (position, bytes) => put(position, bytes, false),
      writeDurably: (position, bytes) => put(position, bytes, true),
      sync: () => file.sync(),
      truncate: async (length) => {
        this.cuts += 1;
        if (this.failsToCut) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
        await file.truncate(length);
      },
      close: () => file.close(),
    };
  }

  override async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    if (this.isFull || basename(path) === this.stuckFile) throw noSpace();
    await super.replaceFile(path, bytes);
    if (basename(path) !== this.doubtfulFile) return;
    this.isFull = true;
    throw noSpace();
  }
}
