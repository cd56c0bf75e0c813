// Folders on the real disk for the services' SQLite databases, which need real files. Removes those of killed processes.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { folderHolder, isRunning, lockFolder } from '@doorsill/base/folder-lock';
import { assert } from '@doorsill/contract/assert';
import { SERVICES } from 'doorsill/world/service-set';

const DATABASE = /\.sqlite/;
/** In-memory file system of Linux: SQLite waits for the disk at every commit, and nothing has to outlive a run. */
const IN_MEMORY = '/dev/shm';
/** Followed by the PID namespace of the creator, and random letters. */
const NAME_BEGINS = 'doorsill-simulate-';
/** A folder that is being removed, by the process whose id its name ends with; it is never locked. */
const LEAVING = 'leaving-';
/** Another process may remove a new folder before it is locked; creation is retried this often. */
const MADE_MAX = 10;

/** Runs of one process use them in turn. They are removed at its end or, after a kill, by the next process. */
export class ServiceFolders {
  /** The current run's folder. */
  readonly live: string;
  private readonly kept: string;
  private readonly root: string;
  private readonly leave = () => this.dispose();

  /** Removes folders of killed processes. `base`: the parent folder. */
  constructor(base: string = existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir()) {
    const beginning = `${NAME_BEGINS}${spaceOfIds()}-`;
    removeLeft(base, beginning);
    this.root = makeLocked(join(base, beginning));
    process.once('exit', this.leave);
    this.live = join(this.root, 'live');
    this.kept = join(this.root, 'kept');
    this.clear();
  }

  /** Removes everything of an earlier run. */
  clear(): void {
    rmSync(this.live, { recursive: true, force: true });
    for (const part of SERVICES) mkdirSync(join(this.live, part), { recursive: true, mode: 0o700 });
  }

  /** Stores the current rows for `restore`; their databases must be closed. */
  keep(): void {
    for (const part of SERVICES) {
      mkdirSync(join(this.kept, part), { recursive: true, mode: 0o700 });
      copyRows(join(this.live, part), join(this.kept, part));
    }
  }

  restore(): void {
    this.clear();
    for (const part of SERVICES) copyRows(join(this.kept, part), join(this.live, part));
  }

  dispose(): void {
    process.off('exit', this.leave);
    takeAway(this.root);
  }
}

function copyRows(from: string, to: string): void {
  for (const name of readdirSync(from)) if (DATABASE.test(name)) copyFileSync(join(from, name), join(to, name));
}

/** A new folder, locked by this process. */
function makeLocked(beginning: string): string {
  for (let made = 0; made < MADE_MAX; made += 1) {
    const folder = mkdtempSync(beginning);
    try {
      // A locked folder may have been renamed for removal meanwhile.
      if ('release' in lockFolder(folder) && folderHolder(folder) === process.pid) return folder;
    } catch (thrown) {
      if (systemCode(thrown) !== 'ENOENT') throw thrown;
    }
  }
  assert(false, 'a new folder is ours');
}

/** Removes folders whose creator is gone. Those of other users and of other PID namespaces cannot be judged. */
function removeLeft(base: string, beginning: string): void {
  for (const name of readdirSync(base)) {
    const folder = join(base, name);
    try {
      if (name.startsWith(`${LEAVING}${beginning}`) && !isRunning(Number(/\d+$/.exec(name)?.[0])))
        rmSync(folder, { recursive: true, force: true });
      if (!name.startsWith(beginning)) continue;
      if (!('release' in lockFolder(folder))) continue;
      takeAway(folder);
    } catch {
      // Another user's.
    }
  }
}

/** Removes a locked folder, if it exists. */
function takeAway(folder: string): void {
  const leaving = join(dirname(folder), `${LEAVING}${basename(folder)}-${process.pid}`);
  try {
    // Renamed first: under its own name it could be locked as soon as its lock is removed.
    renameSync(folder, leaving);
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return;
    throw thrown;
  }
  for (let tried = 1; ; tried += 1) {
    try {
      rmSync(leaving, { recursive: true, force: true });
      return;
    } catch (thrown) {
      // A process that was about to lock it by its old name may put a lock into it once more.
      if (systemCode(thrown) !== 'ENOTEMPTY' || tried === MADE_MAX) throw thrown;
    }
  }
}

/** Identifies this process's PID namespace (pid_namespaces(7)); 0 without namespaces. */
function spaceOfIds(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
