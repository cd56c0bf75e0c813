// Counts the bytes that each part writes, because they wear out a flash card. Journal and flash controller write more than is counted.
import { relative, sep } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';
import type { SecretRules } from './private-paths.ts';

/** Counts every byte written below `root` under the first name of the file's path there, and bytes written elsewhere as `elsewhere`. */
export class CountingDisk implements Disk {
  private readonly inner: Disk;
  private readonly root: string;
  private readonly bytes = new Map<string, number>();

  constructor(inner: Disk, root: string) {
    this.inner = inner;
    this.root = root;
  }

  /** Bytes written since this disk was made, e.g. `{ ring: 250000, consent: 900 }`. */
  written(): Record<string, number> {
    return Object.fromEntries(this.bytes);
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const file = await this.inner.open(path, options);
    const count = (bytes: number) => this.count(path, bytes);
    return {
      size: () => file.size(),
      read: (position, length, into) => file.read(position, length, into),
      write: (position, bytes) => {
        count(bytes.length);
        return file.write(position, bytes);
      },
      writeDurably: (position, bytes) => {
        count(bytes.length);
        return file.writeDurably(position, bytes);
      },
      sync: () => file.sync(),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  }

  replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    this.count(path, bytes.length);
    return this.inner.replaceFile(path, bytes);
  }

  readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    return this.inner.readFile(path, bytesMax);
  }

  readSecret(path: string, bytesMax: number, rules?: SecretRules): Promise<Uint8Array | null> {
    return this.inner.readSecret(path, bytesMax, rules);
  }

  rename(from: string, to: string): Promise<void> {
    return this.inner.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.inner.remove(path);
  }

  makeFolder(path: string): Promise<void> {
    return this.inner.makeFolder(path);
  }

  list(path: string): Promise<string[]> {
    return this.inner.list(path);
  }

  sizeOf(path: string): Promise<number | null> {
    return this.inner.sizeOf(path);
  }

  freeBytes(path: string): Promise<number> {
    return this.inner.freeBytes(path);
  }

  private count(path: string, bytes: number): void {
    const [first = '.'] = relative(this.root, path).split(sep);
    const part = first === '..' ? 'elsewhere' : first;
    this.bytes.set(part, (this.bytes.get(part) ?? 0) + bytes);
  }
}
