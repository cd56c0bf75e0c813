// Files. The only file under device/ that touches node:fs for data, so that a simulation can own every write. Errors are the operating
// system's, with their `code` (ENOSPC ...), except for files that other users could read or change.
import {
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  statfs,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { assert } from '@doorsill/contract/assert';
import { toHex } from '@doorsill/contract/bytes';
import { CodedError } from '@doorsill/contract/errors/coded-error';
import { expectPrivateFolder, readSecretFile, type SecretRules } from './private-paths.ts';
import { SystemRandom } from './random.ts';

/** An open file, read and written at explicit positions. */
export interface DiskFile {
  /** Bytes in the file now. */
  size(): Promise<number>;
  /**
   * Reads up to `length` bytes at `position`; fewer only at the end of the file. The result may lie in `into`, if that is at least as long,
   * which saves garbage for callers that read much and keep nothing.
   */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Writes all bytes at `position`. Not durable before `sync`. */
  write(position: number, bytes: Uint8Array): Promise<void>;
  /** `write`, durable when it resolves; bytes written before are not made durable. One system call where the system has it. */
  writeDurably(position: number, bytes: Uint8Array): Promise<void>;
  /** Makes everything written so far durable (fdatasync). */
  sync(): Promise<void>;
  /** Cuts or extends the file to `length` bytes. */
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Persistent storage. Paths are absolute. New files are 0600, new folders 0700. */
export interface Disk {
  /**
   * Opens for reading and writing; a missing file is made with `create`, and rejects with ENOENT without. On a read-only mount an existing
   * file is opened, and only writing fails (EROFS).
   */
  open(path: string, options: { create: boolean }): Promise<DiskFile>;
  /** The whole file; null when it does not exist. Rejects with EFBIG beyond `bytesMax`. */
  readFile(path: string, bytesMax: number): Promise<Uint8Array | null>;
  /**
   * `readFile` for keys, passwords and tokens. Rejects with `secret_file_exposed` where other users could read or change it
   * (private-paths.ts).
   */
  readSecret(path: string, bytesMax: number, rules?: SecretRules): Promise<Uint8Array | null>;
  /** Replaces the file in one durable step: a new temporary file, fdatasync, rename, fsync of the folder. */
  replaceFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Moves a file in one durable step; both folders must be on one file system. Moves nothing without a free descriptor (EMFILE). */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with its content; does nothing when it does not exist. */
  remove(path: string): Promise<void>;
  /** Makes a folder and its parents. Rejects with `data_folder_exposed` where other users could change its content (private-paths.ts). */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  /** Bytes in a file; null when it does not exist. */
  sizeOf(path: string): Promise<number | null>;
  /** Bytes free for this user on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
}

/** A disk with symbolic links, through which updated programs are started. */
export interface LinkDisk extends Disk {
  /** Makes `path` a link to `target` (relative to its folder) in one durable step: temporary link, rename, fsync of the folder. */
  replaceLink(path: string, target: string): Promise<void>;
  /** A link's target; null when the link does not exist. */
  readLink(path: string): Promise<string | null>;
}

/** The operating system's error code of a thrown value, e.g. 'ENOSPC'; null when it has none. */
export function systemCode(thrown: unknown): string | null {
  if (thrown instanceof CodedError) return null;
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null;
}

/** Whether a thrown value says that the disk or this user's quota is full. */
export function isNoSpace(thrown: unknown): boolean {
  const code = systemCode(thrown);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

const TEMPORARY_SUFFIX = '.tmp';
/** Random, so that nobody can guess the name. */
const TEMPORARY_BYTES = 9;
/** Names of `replaceFile`'s temporary files: a dot, the file's name, and random digits. */
const TEMPORARY = /^\..+\.doorsill-[0-9a-f]{18}\.tmp$/;
/** A process that first writes into a folder may remove another's temporary file as a crash's leftover; that is then written again. */
const ATTEMPTS_MAX = 5;
/** Folders that are remembered as cleared of leftovers; beyond this number all are forgotten. */
const SWEPT_MAX = 1_000;

/** Removes temporary files of `replaceFile` that a crash left in a folder. For the folder's owner, before it writes there. */
export async function removeTemporaries(disk: Disk, folder: string): Promise<void> {
  const left = (await disk.list(folder)).filter((name) => name.startsWith('.') && name.endsWith(TEMPORARY_SUFFIX));
  for (const name of left) await disk.remove(join(folder, name));
}

class SystemFile implements DiskFile {
  private readonly handle: FileHandle;
  private readonly path: string;
  private readonly readOnly: boolean;
  /** A second handle, for durable writes (O_DSYNC), opened at the first one; null where the system has none. */
  private durable: Promise<FileHandle | null> | null = null;

  constructor(handle: FileHandle, path: string, readOnly = false) {
    this.handle = handle;
    this.path = path;
    this.readOnly = readOnly;
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    const buffer = into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.handle.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled === length ? buffer : buffer.slice(0, filled);
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    this.assertWritable();
    await writeAll(this.handle, position, bytes);
  }

  async writeDurably(position: number, bytes: Uint8Array): Promise<void> {
    this.assertWritable();
    this.durable ??= this.openDurable();
    const durable = await this.durable;
    await writeAll(durable ?? this.handle, position, bytes);
    if (!durable) await this.handle.datasync();
  }

  /** Opens the same file again; null if another file is at its path by now. */
  private async openDurable(): Promise<FileHandle | null> {
    if (constants.O_DSYNC === undefined) return null;
    const durable = await open(this.path, constants.O_RDWR | constants.O_DSYNC).catch(() => null);
    if (!durable) return null;
    const [own, other] = await Promise.all([this.handle.stat(), durable.stat()]).catch(() => []);
    if (own && other && own.ino === other.ino && own.dev === other.dev) return durable;
    await durable.close();
    return null;
  }

  async sync(): Promise<void> {
    await this.handle.datasync();
  }

  async truncate(length: number): Promise<void> {
    this.assertWritable();
    await this.handle.truncate(length);
  }

  async close(): Promise<void> {
    try {
      await (await this.durable)?.close();
    } finally {
      await this.handle.close();
    }
  }

  private assertWritable(): void {
    if (this.readOnly) throw Object.assign(new Error('the file system is mounted read-only'), { code: 'EROFS' });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function writeAll(handle: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const step = await handle.write(bytes, written, bytes.length - written, position + written);
    assert(step.bytesWritten > 0, 'a write makes progress or fails');
    written += step.bytesWritten;
  }
}

/**
 * Permissions of new files and folders: only for their owner, or readable for everybody. `named`: only for their owner, in a folder that a
 * person named for results, which may belong to anybody.
 */
const MODES = {
  own: { file: 0o600, folder: 0o700 },
  readable: { file: 0o644, folder: 0o755 },
  named: { file: 0o600, folder: 0o700 },
} as const;

/** The machine's own file system. */
export class SystemDisk implements LinkDisk {
  private readonly random = new SystemRandom();
  private readonly whose: keyof typeof MODES;
  private readonly modes: { file: number; folder: number };
  private readonly also: readonly number[];
  /** Folders from which leftovers of a crash have been removed. */
  private readonly swept = new Set<string>();

  /** `readable`: for programs that another user runs. `also`: ids of further users who may own the folders and secrets; for root. */
  constructor(whose: keyof typeof MODES = 'own', also: readonly number[] = []) {
    this.whose = whose;
    this.modes = MODES[whose];
    this.also = also;
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    try {
      return new SystemFile(await open(path, 'r+'), path);
    } catch (thrown) {
      // Existing data can still be read and verified; each write fails.
      if (systemCode(thrown) === 'EROFS') return new SystemFile(await open(path, 'r'), path, true);
      if (!options.create || systemCode(thrown) !== 'ENOENT') throw thrown;
      const handle = await open(path, 'wx+', this.modes.file);
      try {
        await this.syncFolder(dirname(path));
      } catch (unsynced) {
        await handle.close();
        throw unsynced;
      }
      return new SystemFile(handle, path);
    }
  }

  async readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return null;
      throw thrown;
    }
    try {
      const size = (await handle.stat()).size;
      if (size > bytesMax) throw Object.assign(new Error(`file larger than ${bytesMax} bytes`), { code: 'EFBIG' });
      return new Uint8Array(await handle.readFile());
    } finally {
      await handle.close();
    }
  }

  async readSecret(path: string, bytesMax: number, rules: SecretRules = {}): Promise<Uint8Array | null> {
    return readSecretFile(path, bytesMax, { also: this.also, ...rules });
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.throughTemporary(path, (temporary) => this.writeNew(temporary, bytes));
      } catch (thrown) {
        const wasTemporaryRemoved = systemCode(thrown) === 'ENOENT' && (await isFolder(dirname(path)));
        if (!wasTemporaryRemoved || attempt === ATTEMPTS_MAX) throw thrown;
      }
    }
  }

  /** Writes a new file; fails for an existing one or a link, which might be somebody else's. */
  private async writeNew(path: string, bytes: Uint8Array): Promise<void> {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
    const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, this.modes.file);
    try {
      await handle.writeFile(bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  /** Calls `make` with the name of a temporary file, and moves that to `path`. */
  private async throughTemporary(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
    const digits = toHex(this.random.bytes(TEMPORARY_BYTES));
    const temporary = join(dirname(path), `.${basename(path)}.doorsill-${digits}${TEMPORARY_SUFFIX}`);
    try {
      await make(temporary);
      await this.rename(temporary, path);
    } catch (thrown) {
      // On a full disk every block counts.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw thrown;
    }
    await this.removeLeftovers(path);
  }

  /** Removes temporary files that a crash left in a file's folder, once for each folder; not in folders where others may write, too. */
  private async removeLeftovers(path: string): Promise<void> {
    const folder = dirname(path);
    // Earlier versions used this name.
    await rm(join(folder, `.${basename(path)}${TEMPORARY_SUFFIX}`), { force: true }).catch(() => undefined);
    if (this.whose === 'named' || this.swept.has(folder)) return;
    if (this.swept.size >= SWEPT_MAX) this.swept.clear();
    this.swept.add(folder);
    const names = (await readdir(folder).catch(() => [])).filter((name) => TEMPORARY.test(name));
    for (const name of names) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }

  async rename(from: string, to: string): Promise<void> {
    // Opened first, so that nothing is moved when no descriptor is left.
    const folder = await open(dirname(to), 'r');
    try {
      await rename(from, to);
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async replaceLink(path: string, target: string): Promise<void> {
    await this.throughTemporary(path, (temporary) => symlink(target, temporary));
  }

  async readLink(path: string): Promise<string | null> {
    try {
      return await readlink(path);
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return null;
      throw thrown;
    }
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true, recursive: true });
  }

  async makeFolder(path: string): Promise<void> {
    if (this.whose !== 'named') expectPrivateFolder(path, this.also);
    await this.makeMissing(path);
    // Another user may have made it in between.
    if (this.whose !== 'named') expectPrivateFolder(path, this.also);
  }

  private async makeMissing(path: string): Promise<void> {
    if (await isFolder(path)) return;
    const above = dirname(path);
    if (above !== path) await this.makeMissing(above);
    // One by one: Node's `recursive` never returns in a folder that takes no entries, such as /proc.
    await mkdir(path, { mode: this.modes.folder }).catch(async (thrown: unknown) => {
      if (!(await isFolder(path))) throw thrown;
    });
  }

  async list(path: string): Promise<string[]> {
    try {
      return (await readdir(path)).sort();
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return [];
      throw thrown;
    }
  }

  async sizeOf(path: string): Promise<number | null> {
    try {
      return (await stat(path)).size;
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return null;
      throw thrown;
    }
  }

  async freeBytes(path: string): Promise<number> {
    const facts = await statfs(path);
    return facts.bavail * facts.bsize;
  }

  private async syncFolder(path: string): Promise<void> {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
