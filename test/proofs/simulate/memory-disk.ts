// A seeded in-memory disk: durability, and what a power cut loses, tears or keeps; bit flips; full, slow, failing and read-only states.
import { basename, dirname, join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { DiskFile, LinkDisk } from '@doorsill/base/disk';
import { integerBelow, type Random } from '@doorsill/base/random';
import { FileContent } from './file-content.ts';

export type MemoryDiskState = 'ok' | 'full' | 'slow' | 'failing' | 'read-only';

/** Delay of each write on a slow disk, in simulated time. */
const SLOW_MS = 400;
const CAPACITY_BYTES = 64 * 1024 * 1024;
/** Size of a folder in `sizeOf`, as on ext4. */
const FOLDER_BYTES = 4_096;
const TEMPORARY_SUFFIX = '.tmp';
/** The longest path of Linux. */
const LINK_BYTES_MAX = 4_096;

/** Folders have no content. */
type Entry = FileContent | 'folder';
type Names = Map<string, Entry>;
/** A change of names that no folder's `fsync` has made durable yet. */
type NameChange = (names: Names) => void;

export interface MemoryDiskOptions {
  clock: Clock;
  /** Decides what survives a power cut, and which bit flips. */
  random: Random;
  capacityBytes?: number;
}

const never = () => new Promise<never>(() => undefined);

function fault(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/**
 * Paths are absolute; `/` exists. Changes of names become durable in order, as in a journal, by each change after which the real disk calls
 * `fsync` on a folder (a new file, a replaced one, a rename). Content becomes durable by `sync` and `writeDurably`.
 */
export class MemoryDisk implements LinkDisk {
  private readonly options: MemoryDiskOptions;
  private readonly capacityBytes: number;
  private names: Names = new Map([['/', 'folder']]);
  /** The names after a power cut that loses the whole journal. */
  private readonly durableNames: Names = new Map([['/', 'folder']]);
  private journal: NameChange[] = [];
  private state: MemoryDiskState = 'ok';
  private isCut = false;
  private steps = 0;
  private cutAtStep = Number.POSITIVE_INFINITY;
  private whenCut: () => void = () => undefined;

  constructor(options: MemoryDiskOptions) {
    this.options = options;
    this.capacityBytes = options.capacityBytes ?? CAPACITY_BYTES;
  }

  set(state: MemoryDiskState): void {
    this.state = state;
  }

  /** Operations so far; the power may be cut in each. */
  get stepCount(): number {
    return this.steps;
  }

  /** Bytes in all files. */
  get usedBytes(): number {
    let bytes = 0;
    for (const entry of this.names.values()) if (entry !== 'folder') bytes += entry.size;
    return bytes;
  }

  /**
   * Cuts the power in the operation that is `after` operations from now, before or after it took effect; then calls `then`. Infinity:
   * never.
   */
  cutIn(after: number, then: () => void): void {
    this.cutAtStep = this.steps + Math.max(1, after);
    this.whenCut = then;
  }

  /** Cuts the power: later operations never return. */
  async cut(): Promise<void> {
    this.isCut = true;
  }

  /**
   * The disk after a power cut. Of the changes of names that are not durable the first few survive; of each unsynced write everything,
   * nothing, or some of its sectors.
   */
  afterPowerCut(): MemoryDisk {
    const { random } = this.options;
    const found = new MemoryDisk(this.options);
    const names: Names = new Map(this.durableNames);
    const kept = integerBelow(random, this.journal.length + 1);
    for (const change of this.journal.slice(0, kept)) change(names);
    const copies = new Map<FileContent, FileContent>();
    for (const [path, entry] of names) {
      if (entry === 'folder') found.adopt(path, entry);
      else {
        const copy = copies.get(entry) ?? entry.afterPowerCut(random);
        copies.set(entry, copy);
        found.adopt(path, copy);
      }
    }
    return found;
  }

  /** A disk of the same capacity with the same files, all durable: the initial state of a run. */
  copy(options: Omit<MemoryDiskOptions, 'capacityBytes'>): MemoryDisk {
    const copy = new MemoryDisk({ ...options, capacityBytes: this.capacityBytes });
    for (const [path, entry] of this.names) copy.adopt(path, entry === 'folder' ? entry : entry.copy());
    return copy;
  }

  /** Whether some file below `folder` would contain `bytes` after the worst power cut. */
  durablyHolds(folder: string, bytes: Uint8Array): boolean {
    return [...this.durableNames].some(
      ([path, entry]) => path.startsWith(`${folder}/`) && entry !== 'folder' && entry.durablyHolds(bytes),
    );
  }

  /** Flips one bit of one file below `folder`, as worn flash does; returns its path, or null if there is none. */
  flipBit(folder: string): string | null {
    const { random } = this.options;
    const files = [...this.names].filter(
      (named): named is [string, FileContent] =>
        named[0].startsWith(`${folder}/`) && named[1] !== 'folder' && named[1].size > 0,
    );
    const [path, content] = files[integerBelow(random, Math.max(1, files.length))] ?? [];
    if (path === undefined || content === undefined) return null;
    content.flipBit(integerBelow(random, content.size * 8));
    return path;
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const found = await this.reads(() => this.names.get(path) ?? null);
    if (found === 'folder') throw fault('EISDIR', path);
    if (found) return new MemoryFile(found, path, this);
    if (!options.create) throw fault('ENOENT', path);
    const made = await this.writes(path, 0, () => {
      this.assertFolder(path);
      // As with `O_EXCL`: an existing file is not truncated.
      if (this.names.has(path)) throw fault('EEXIST', path);
      const content = new FileContent();
      this.change((names) => names.set(path, content));
      this.commitNames();
      return content;
    });
    return new MemoryFile(made, path, this);
  }

  readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    return this.reads(() => {
      const entry = this.names.get(path);
      if (entry === undefined) return null;
      if (entry === 'folder') throw fault('EISDIR', path);
      if (entry.size > bytesMax)
        throw Object.assign(new Error(`file larger than ${bytesMax} bytes`), { code: 'EFBIG' });
      return entry.read(0, entry.size);
    });
  }

  /** Its files have no owners and no permissions. */
  readSecret(path: string, bytesMax: number): Promise<Uint8Array | null> {
    return this.readFile(path, bytesMax);
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = join(dirname(path), `.${basename(path)}${TEMPORARY_SUFFIX}`);
    try {
      const content = await this.writes(path, bytes.length, () => {
        this.assertFolder(path);
        const fresh = new FileContent();
        fresh.write(0, bytes);
        this.change((names) => names.set(temporary, fresh));
        return fresh;
      });
      await this.writes(path, 0, () => content.sync());
      await this.rename(temporary, path);
    } catch (thrown) {
      await this.remove(temporary);
      throw thrown;
    }
  }

  /** A link is a file that contains its target: nothing is read through it. */
  replaceLink(path: string, target: string): Promise<void> {
    return this.replaceFile(path, new TextEncoder().encode(target));
  }

  async readLink(path: string): Promise<string | null> {
    const held = await this.readFile(path, LINK_BYTES_MAX);
    return held === null ? null : new TextDecoder().decode(held);
  }

  rename(from: string, to: string): Promise<void> {
    return this.writes(to, 0, () => {
      this.assertFolder(to);
      const moved = this.names.get(from);
      if (moved === undefined) throw fault('ENOENT', from);
      const taken = this.names.get(to);
      if (moved === 'folder' && taken === 'folder' && below(this.names, to).length > 0) throw fault('ENOTEMPTY', to);
      if (moved === 'folder' && taken !== undefined && taken !== 'folder') throw fault('ENOTDIR', to);
      if (moved !== 'folder' && taken === 'folder') throw fault('EISDIR', to);
      if (from !== to) this.change((names) => move(names, from, to));
      this.commitNames();
    });
  }

  remove(path: string): Promise<void> {
    // Needs no space, so it works on a full disk, too.
    return this.reads(() => {
      if (this.state === 'read-only' && this.names.has(path)) throw fault('EROFS', path);
      this.change((names) => {
        for (const each of below(names, path)) names.delete(each);
        names.delete(path);
      });
    });
  }

  async makeFolder(path: string): Promise<void> {
    const found = await this.reads(() => this.names.get(path));
    if (found === 'folder') return;
    if (found !== undefined) throw fault('EEXIST', path);
    const above = dirname(path);
    if (above !== path) await this.makeFolder(above);
    await this.writes(path, 0, () => {
      if (!this.names.has(path)) this.change((names) => names.set(path, 'folder'));
    });
  }

  list(path: string): Promise<string[]> {
    return this.reads(() => {
      const entry = this.names.get(path);
      if (entry === undefined) return [];
      if (entry !== 'folder') throw fault('ENOTDIR', path);
      const inside = [...this.names.keys()].filter((each) => each !== path && dirname(each) === path);
      return inside.map((each) => basename(each)).sort();
    });
  }

  sizeOf(path: string): Promise<number | null> {
    return this.reads(() => {
      const entry = this.names.get(path);
      return entry === undefined ? null : entry === 'folder' ? FOLDER_BYTES : entry.size;
    });
  }

  freeBytes(_path: string): Promise<number> {
    return this.reads(() => (this.state === 'full' ? 0 : Math.max(0, this.capacityBytes - this.usedBytes)));
  }

  /** An operation that changes nothing, or that works on a full disk, too. */
  async reads<Result>(work: () => Result): Promise<Result> {
    if (this.isCut) return never();
    return this.step(work);
  }

  /** An operation that needs a healthy disk, and space for `bytes`. */
  async writes<Result>(path: string, bytes: number, work: () => Result): Promise<Result> {
    if (this.isCut) return never();
    if (this.state === 'slow') await this.options.clock.sleep(SLOW_MS);
    if (this.isCut) return never();
    if (this.state === 'failing') throw fault('EIO', path);
    if (this.state === 'read-only') throw fault('EROFS', path);
    if (this.state === 'full' || (bytes > 0 && this.usedBytes + bytes > this.capacityBytes))
      throw fault('ENOSPC', path);
    return this.step(work);
  }

  private async step<Result>(work: () => Result): Promise<Result> {
    this.steps += 1;
    if (this.steps !== this.cutAtStep) return work();
    // The power may fail before the operation or right after it; neither is answered.
    if (this.options.random.fraction() < 0.5) {
      try {
        work();
      } catch {
        // The caller is gone.
      }
    }
    this.isCut = true;
    this.whenCut();
    return never();
  }

  private adopt(path: string, entry: Entry): void {
    this.names.set(path, entry);
    this.durableNames.set(path, entry);
  }

  private change(change: NameChange): void {
    change(this.names);
    this.journal.push(change);
  }

  private commitNames(): void {
    for (const change of this.journal) change(this.durableNames);
    this.journal = [];
  }

  /** Throws unless the parent folder of `path` exists. */
  private assertFolder(path: string): void {
    const above = this.names.get(dirname(path));
    if (above === undefined) throw fault('ENOENT', path);
    if (above !== 'folder') throw fault('ENOTDIR', path);
  }
}

function below(names: Names, folder: string): string[] {
  return [...names.keys()].filter((path) => path.startsWith(`${folder}/`));
}

function move(names: Names, from: string, to: string): void {
  const entry = names.get(from);
  if (entry === undefined) return;
  for (const path of entry === 'folder' ? below(names, from) : []) {
    const inside = names.get(path);
    names.delete(path);
    if (inside !== undefined) names.set(to + path.slice(from.length), inside);
  }
  names.delete(from);
  names.set(to, entry);
}

/** An open file; its path may have been replaced since. */
class MemoryFile implements DiskFile {
  private readonly content: FileContent;
  private readonly path: string;
  private readonly disk: MemoryDisk;

  constructor(content: FileContent, path: string, disk: MemoryDisk) {
    this.content = content;
    this.path = path;
    this.disk = disk;
  }

  size(): Promise<number> {
    return this.disk.reads(() => this.content.size);
  }

  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    return this.disk.reads(() => {
      const bytes = this.content.read(position, length);
      if (!into || into.length < length) return bytes;
      into.set(bytes);
      return into.subarray(0, bytes.length);
    });
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    const grownBytes = Math.max(0, position + bytes.length - this.content.size);
    return this.disk.writes(this.path, grownBytes, () => this.content.write(position, bytes));
  }

  writeDurably(position: number, bytes: Uint8Array): Promise<void> {
    const grownBytes = Math.max(0, position + bytes.length - this.content.size);
    return this.disk.writes(this.path, grownBytes, () => this.content.writeDurably(position, bytes));
  }

  sync(): Promise<void> {
    return this.disk.writes(this.path, 0, () => this.content.sync());
  }

  truncate(length: number): Promise<void> {
    const grownBytes = Math.max(0, length - this.content.size);
    return this.disk.writes(this.path, grownBytes, () => this.content.truncate(length));
  }

  async close(): Promise<void> {
    await this.disk.reads(() => undefined);
  }
}
