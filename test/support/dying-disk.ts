// A disk that dies after a number of changes, as a killed process's would: the last one done or not, nothing after it.
import type { Disk, DiskFile } from '../../device/base/disk.ts';
import type { SecretRules } from '../../device/base/private-paths.ts';

/** Passes everything on until it has died; from then on every call fails. */
export class DyingDisk implements Disk {
  private readonly inner: Disk;
  private left = Number.POSITIVE_INFINITY;
  private lastIsDone = false;
  /** Whether it has died. */
  dead = false;

  constructor(inner: Disk) {
    this.inner = inner;
  }

  /** Lets it die at the change number `changes` from now (from 1), which is still carried out if `lastIsDone`. */
  dieAt(changes: number, lastIsDone: boolean): this {
    this.left = changes;
    this.lastIsDone = lastIsDone;
    return this;
  }

  private async change(work: () => Promise<void>): Promise<void> {
    this.assertAlive();
    this.left -= 1;
    if (this.left > 0) return work();
    this.dead = true;
    if (this.lastIsDone) await work();
    throw new Error('the process is dead');
  }

  private assertAlive(): void {
    if (this.dead) throw new Error('the process is dead');
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    this.assertAlive();
    return this.inner.open(path, options);
  }

  async readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    this.assertAlive();
    return this.inner.readFile(path, bytesMax);
  }

  async readSecret(path: string, bytesMax: number, rules?: SecretRules): Promise<Uint8Array | null> {
    this.assertAlive();
    return this.inner.readSecret(path, bytesMax, rules);
  }

  replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    return this.change(() => this.inner.replaceFile(path, bytes));
  }

  rename(from: string, to: string): Promise<void> {
    return this.change(() => this.inner.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.change(() => this.inner.remove(path));
  }

  makeFolder(path: string): Promise<void> {
    return this.change(() => this.inner.makeFolder(path));
  }

  async list(path: string): Promise<string[]> {
    this.assertAlive();
    return this.inner.list(path);
  }

  async sizeOf(path: string): Promise<number | null> {
    this.assertAlive();
    return this.inner.sizeOf(path);
  }

  async freeBytes(path: string): Promise<number> {
    this.assertAlive();
    return this.inner.freeBytes(path);
  }
}
