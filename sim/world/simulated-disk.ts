// A disk in front of another one that fails on command: full, slow, failing or read-only; and the state of its files after a power cut.
import type { Clock } from '@doorsill/base/clock';
import type { Disk, DiskFile } from '@doorsill/base/disk';
import type { SecretRules } from '@doorsill/base/private-paths';
import type { Random } from '@doorsill/base/random';

/** `failing`: every write ends with EIO; `unsynced`: syncs succeed, but nothing becomes durable. */
export const DISK_STATES = ['ok', 'full', 'slow', 'failing', 'read-only', 'unsynced'] as const;
export type DiskState = (typeof DISK_STATES)[number];

/** A power cut's effect on writes that are not durable: none is left, some of their sectors are, or all. */
export const POWER_CUT_LEAVES = ['lost', 'torn', 'kept'] as const;
export type PowerCutLeaves = (typeof POWER_CUT_LEAVES)[number];

/** A slow disk's default delay of each write, in the world's time. */
export const SLOW_MS = 400;
/** A disk writes whole sectors. An interrupted write may have reached some of its sectors, in any order. */
const SECTOR_BYTES = 512;
const NOTHING = new Uint8Array(0);

export interface SimulatedDiskDeps {
  clock: Clock;
  /** Decides which sectors of a torn write were reached. */
  random: Random;
}

const never = () => new Promise<never>(() => undefined);

function fault(code: string, words: string): Error {
  return Object.assign(new Error(words), { code });
}

/**
 * Names, removals and new lengths are durable at once, as on the real disk. Written bytes are durable after `sync` or `writeDurably`,
 * unless the disk is `unsynced`; until then the bytes that they have overwritten are kept in memory.
 */
export class SimulatedDisk implements Disk {
  private readonly disk: Disk;
  private readonly deps: SimulatedDiskDeps;
  private state: DiskState = 'ok';
  private slowMs = SLOW_MS;
  private isCut = false;
  /** Opened files, by path. */
  private readonly unsynced = new Map<string, UnsyncedFile>();
  /** Open files. A power cut must close them, because their owners are gone. */
  private readonly files = new Set<DiskFile>();

  constructor(disk: Disk, deps: SimulatedDiskDeps) {
    this.disk = disk;
    this.deps = deps;
  }

  /** `slowMs`: a slow disk's delay of each write. */
  set(state: DiskState, slowMs: number = SLOW_MS): void {
    this.state = state;
    this.slowMs = slowMs;
  }

  /** Cuts the power: later calls never resolve, and the disk below keeps only the rest of what was not durable. */
  async cut(leaves: PowerCutLeaves = 'lost'): Promise<void> {
    this.isCut = true;
    for (const file of this.unsynced.values()) await file.afterPowerCut(this.disk, leaves, this.deps.random);
    this.unsynced.clear();
    for (const file of this.files) await file.close().catch(() => undefined);
    this.files.clear();
  }

  /** Whether a sync makes bytes durable. */
  get isHonest(): boolean {
    return this.state !== 'unsynced';
  }

  /** Whether the power was cut. */
  get isOff(): boolean {
    return this.isCut;
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    await this.reading();
    if (options.create && (await this.disk.sizeOf(path)) === null) await this.writing();
    const file = await this.disk.open(path, options);
    if (this.isCut) {
      await file.close();
      return never();
    }
    this.files.add(file);
    const unsynced = this.unsynced.get(path) ?? new UnsyncedFile(path);
    this.unsynced.set(path, unsynced);
    return new SimulatedFile(file, unsynced, this);
  }

  async readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    await this.reading();
    return this.disk.readFile(path, bytesMax);
  }

  async readSecret(path: string, bytesMax: number, rules?: SecretRules): Promise<Uint8Array | null> {
    await this.reading();
    return this.disk.readSecret(path, bytesMax, rules);
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    await this.writing();
    await this.disk.replaceFile(path, bytes);
    this.forget(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.writing();
    await this.disk.rename(from, to);
    this.forget(to);
    for (const file of [...this.unsynced.values()]) {
      if (!isAtOrBelow(file.path, from)) continue;
      this.unsynced.delete(file.path);
      file.path = to + file.path.slice(from.length);
      this.unsynced.set(file.path, file);
    }
  }

  async remove(path: string): Promise<void> {
    await this.reading();
    // A removal needs no space, so it works on a full disk, too.
    if (this.state === 'read-only' && (await this.disk.sizeOf(path)) !== null) await this.writing();
    await this.disk.remove(path);
    this.forget(path);
  }

  async makeFolder(path: string): Promise<void> {
    await this.reading();
    if ((await this.disk.sizeOf(path)) === null) await this.writing();
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

  /** Called before every read: a disk without power never answers. */
  async reading(): Promise<void> {
    if (this.isCut) await never();
  }

  /** Called before every write. Throws the error of a disk in this state, with its `code`. */
  async writing(): Promise<void> {
    await this.reading();
    if (this.state === 'slow') await this.deps.clock.sleep(this.slowMs);
    await this.reading();
    if (this.state === 'full') throw fault('ENOSPC', 'no space left on device');
    if (this.state === 'failing') throw fault('EIO', 'input/output error');
    if (this.state === 'read-only') throw fault('EROFS', 'read-only file system');
  }

  /** Called when a file's owner has closed it. */
  isClosed(file: DiskFile): void {
    this.files.delete(file);
  }

  /** Forgets files at a path that were removed or replaced: no power cut restores them. */
  private forget(path: string): void {
    for (const file of [...this.unsynced.values()]) {
      if (!isAtOrBelow(file.path, path)) continue;
      this.unsynced.delete(file.path);
    }
  }
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The part of one file that is not durable. Changes run one after the other, so that each sees the result of the one before. */
class UnsyncedFile {
  path: string;
  /** Last durable content of changed sectors, by number; shorter where the file ended. */
  private readonly before = new Map<number, Uint8Array>();
  /** The file's durable length, while `before` holds anything. */
  private durableBytes = 0;
  private turn: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.turn.then(work);
    this.turn = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** Keeps the bytes that are about to be overwritten. */
  async keep(file: DiskFile, position: number, length: number): Promise<void> {
    if (length === 0) return;
    if (this.before.size === 0) this.durableBytes = await file.size();
    const missing = sectorsOf(position, length).filter((sector) => !this.before.has(sector));
    const [first, last] = [missing[0], missing.at(-1)];
    if (first === undefined || last === undefined) return;
    const from = first * SECTOR_BYTES;
    const found = await file.read(from, (last + 1) * SECTOR_BYTES - from);
    for (const sector of missing) {
      const at = sector * SECTOR_BYTES - from;
      this.before.set(sector, at < found.length ? found.slice(at, at + SECTOR_BYTES) : NOTHING);
    }
  }

  /** Marks a span as durable, in whole sectors. */
  isDurable(position: number, length: number): void {
    for (const sector of sectorsOf(position, length)) this.before.delete(sector);
    this.durableBytes = Math.max(this.durableBytes, position + length);
  }

  allDurable(): void {
    this.before.clear();
  }

  truncated(length: number): void {
    for (const sector of [...this.before.keys()]) if (sector * SECTOR_BYTES >= length) this.before.delete(sector);
    this.durableBytes = length;
  }

  /** Gives the file its content after a power cut. Does nothing if it does not exist. */
  afterPowerCut(disk: Disk, leaves: PowerCutLeaves, random: Random): Promise<void> {
    return this.inTurn(async () => {
      const reached = [...this.before.keys()].filter(
        () => leaves === 'kept' || (leaves === 'torn' && random.fraction() < 0.5),
      );
      if (reached.length === this.before.size) return;
      const file = await disk.open(this.path, { create: false }).catch(() => null);
      if (!file) return;
      try {
        await this.restore(file, new Set(reached));
      } finally {
        await file.close();
      }
    });
  }

  private async restore(file: DiskFile, reached: ReadonlySet<number>): Promise<void> {
    const wholeBytes = await file.size();
    const ends = [...reached].map((sector) => Math.min((sector + 1) * SECTOR_BYTES, wholeBytes));
    const bytes = Math.max(this.durableBytes, ...ends);
    for (const [sector, before] of this.before) {
      const from = sector * SECTOR_BYTES;
      const length = Math.min(SECTOR_BYTES, bytes - from);
      if (reached.has(sector) || length <= 0) continue;
      // Zeros where the durable file had no bytes, but later sectors have some.
      const sectorBytes = new Uint8Array(length);
      sectorBytes.set(before.subarray(0, Math.max(0, Math.min(length, this.durableBytes - from))));
      await file.write(from, sectorBytes);
    }
    await file.truncate(bytes);
  }
}

function sectorsOf(position: number, length: number): number[] {
  const first = Math.floor(position / SECTOR_BYTES);
  const count = length === 0 ? 0 : Math.floor((position + length - 1) / SECTOR_BYTES) - first + 1;
  return Array.from({ length: count }, (_, at) => first + at);
}

class SimulatedFile implements DiskFile {
  private readonly file: DiskFile;
  private readonly unsynced: UnsyncedFile;
  private readonly disk: SimulatedDisk;

  constructor(file: DiskFile, unsynced: UnsyncedFile, disk: SimulatedDisk) {
    this.file = file;
    this.unsynced = unsynced;
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

  write(position: number, bytes: Uint8Array): Promise<void> {
    return this.change(async () => {
      await this.unsynced.keep(this.file, position, bytes.length);
      await this.file.write(position, bytes);
    });
  }

  writeDurably(position: number, bytes: Uint8Array): Promise<void> {
    if (!this.disk.isHonest) return this.write(position, bytes);
    return this.change(async () => {
      await this.file.writeDurably(position, bytes);
      this.unsynced.isDurable(position, bytes.length);
    });
  }

  sync(): Promise<void> {
    return this.change(async () => {
      if (!this.disk.isHonest) return;
      await this.file.sync();
      this.unsynced.allDurable();
    });
  }

  truncate(length: number): Promise<void> {
    return this.change(async () => {
      await this.file.truncate(length);
      this.unsynced.truncated(length);
    });
  }

  async close(): Promise<void> {
    await this.disk.reading();
    this.disk.isClosed(this.file);
    return this.file.close();
  }

  /** Runs a change in its turn. After a power cut it has no effect and never resolves. */
  private async change(work: () => Promise<void>): Promise<void> {
    await this.disk.writing();
    await this.unsynced.inTurn(async () => {
      if (!this.disk.isOff) await work();
    });
    await this.disk.reading();
  }
}
