// Owns: a disk of a simulated world: the machine's own, until it is full, slow or failing, or the power is cut, which undoes what was not
// made durable. Not here: real disks (device/base/disk.ts).
import type { Clock, Disk, DiskFile } from '../../device/index.ts';

export type DiskState = 'ok' | 'full' | 'slow' | 'failing';

/** How late a slow disk is with each write, in the world's time. */
const SLOW_MS = 400;

/** Puts back what a write that is not durable yet has changed. */
type Undo = () => Promise<void>;

const never = () => new Promise<never>(() => undefined);

export class SimulatedDisk implements Disk {
  private readonly disk: Disk;
  private readonly clock: Clock;
  private state: DiskState = 'ok';
  private isCut = false;
  /** Of writes that are not durable, oldest first, by path. */
  private readonly undos = new Map<string, Undo[]>();
  /** What is open, to be closed with the power: nobody who had it is left to do so. */
  private readonly files = new Set<DiskFile>();

  constructor(disk: Disk, clock: Clock) {
    this.disk = disk;
    this.clock = clock;
  }

  set(state: DiskState): void {
    this.state = state;
  }

  /** Cuts the power: nothing that is asked from now on is ever answered, and what was not durable is undone. */
  async cut(): Promise<void> {
    this.isCut = true;
    const undos = [...this.undos.values()].flat().reverse();
    this.undos.clear();
    for (const undo of undos) await undo().catch(() => undefined);
    for (const file of this.files) await file.close().catch(() => undefined);
    this.files.clear();
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    await this.reading();
    const file = await this.disk.open(path, options);
    if (this.isCut) {
      await file.close();
      return never();
    }
    this.files.add(file);
    return new SimulatedFile(file, path, this);
  }

  async readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    await this.reading();
    return this.disk.readFile(path, bytesMax);
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    await this.writing();
    return this.disk.replaceFile(path, bytes);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.writing();
    return this.disk.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.reading();
    return this.disk.remove(path);
  }

  async makeFolder(path: string): Promise<void> {
    await this.reading();
    return this.disk.makeFolder(path);
  }

  async list(path: string): Promise<string[]> {
    await this.reading();
    return this.disk.list(path);
  }

  async sizeOf(path: string): Promise<number | null> {
    await this.reading();
    return this.disk.sizeOf(path);
  }

  async freeBytes(path: string): Promise<number> {
    await this.reading();
    return this.state === 'full' ? 0 : this.disk.freeBytes(path);
  }

  /** Before every read: a disk without power does not answer. */
  async reading(): Promise<void> {
    if (this.isCut) await never();
  }

  /** Before every write. */
  async writing(): Promise<void> {
    await this.reading();
    if (this.state === 'slow') await this.clock.sleep(SLOW_MS);
    await this.reading();
    if (this.state === 'full') throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    if (this.state === 'failing') throw Object.assign(new Error('input/output error'), { code: 'EIO' });
  }

  /** Notes how to put back what is about to be overwritten. */
  note(path: string, undo: Undo): void {
    this.undos.set(path, [...(this.undos.get(path) ?? []), undo]);
  }

  /** A file was closed by who opened it. */
  isClosed(file: DiskFile): void {
    this.files.delete(file);
  }

  /** What was written to a file is durable. */
  isDurable(path: string): void {
    this.undos.delete(path);
  }

  /** Puts bytes back into a file, and its length. */
  async restore(path: string, size: number, position: number, bytes: Uint8Array): Promise<void> {
    const file = await this.disk.open(path, { create: false });
    try {
      if (bytes.length > 0) await file.write(position, bytes);
      await file.truncate(size);
    } finally {
      await file.close();
    }
  }
}

class SimulatedFile implements DiskFile {
  private readonly file: DiskFile;
  private readonly path: string;
  private readonly disk: SimulatedDisk;

  constructor(file: DiskFile, path: string, disk: SimulatedDisk) {
    this.file = file;
    this.path = path;
    this.disk = disk;
  }

  async size(): Promise<number> {
    await this.disk.reading();
    return this.file.size();
  }

  async read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    await this.disk.reading();
    return this.file.read(position, length, into);
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    await this.disk.writing();
    const size = await this.file.size();
    const before = await this.file.read(position, bytes.length);
    this.disk.note(this.path, () => this.disk.restore(this.path, size, position, new Uint8Array(before)));
    await this.file.write(position, bytes);
  }

  async writeDurably(position: number, bytes: Uint8Array): Promise<void> {
    await this.disk.writing();
    return this.file.writeDurably(position, bytes);
  }

  async sync(): Promise<void> {
    await this.disk.writing();
    await this.file.sync();
    this.disk.isDurable(this.path);
  }

  async truncate(length: number): Promise<void> {
    await this.disk.writing();
    return this.file.truncate(length);
  }

  async close(): Promise<void> {
    await this.disk.reading();
    this.disk.isClosed(this.file);
    return this.file.close();
  }
}
