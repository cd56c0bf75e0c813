// Owns: the folders on the machine's disk in which the services of simulated towns keep their SQLite, which knows no other disk; what an earlier
// run left there when it was killed. Not here: the services (town-services.ts).

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
/** Where Linux keeps files in memory: SQLite waits for the disk at every commit, and nothing of a town outlives it. */
const IN_MEMORY = '/dev/shm';
/** Then come the space of the maker's process id, and letters. */
const NAME_BEGINS = 'doorsill-simulate-';
/** What is being removed, by the process whose id its name ends with: nobody locks that. */
const LEAVING = 'leaving-';
/** Whoever clears folders away may take a new one for a left one before it is locked; it is made again at most so often. */
const MADE_MAX = 10;

/** Towns of one process use them one after the other. They go with the process, unless it is killed: then with the next run. */
export class ServiceFolders {
  /** The running town's. */
  readonly live: string;
  private readonly kept: string;
  private readonly root: string;
  private readonly leave = () => this.dispose();

  /** Takes away what killed runs left. `base`: where they are made. */
  constructor(base: string = existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir()) {
    const beginning = `${NAME_BEGINS}${spaceOfIds()}-`;
    removeLeft(base, beginning);
    this.root = makeLocked(join(base, beginning));
    process.once('exit', this.leave);
    this.live = join(this.root, 'live');
    this.kept = join(this.root, 'kept');
    this.clear();
  }

  /** Nothing is left of an earlier town. */
  clear(): void {
    rmSync(this.live, { recursive: true, force: true });
    for (const part of SERVICES) mkdirSync(join(this.live, part), { recursive: true, mode: 0o700 });
  }

  /** Keeps the rows as they are now for `restore`; their databases are closed. */
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

/** A new folder that this process holds. */
function makeLocked(beginning: string): string {
  for (let made = 0; made < MADE_MAX; made += 1) {
    const folder = mkdtempSync(beginning);
    try {
      // What is locked may be under another name by now, on its way out.
      if ('release' in lockFolder(folder) && folderHolder(folder) === process.pid) return folder;
    } catch (thrown) {
      if (systemCode(thrown) !== 'ENOENT') throw thrown;
    }
  }
  assert(false, 'a new folder is ours');
}

/** Removes folders whose maker is gone. Others' folders, and those of other spaces of ids, cannot be judged from here. */
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

/** Removes a folder that is held; does nothing where it is gone. */
function takeAway(folder: string): void {
  const leaving = join(dirname(folder), `${LEAVING}${basename(folder)}-${process.pid}`);
  try {
    // Under its own name somebody could lock it as soon as the lock in it is removed.
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
      // Whoever was about to lock it by its old name may put a lock into it once more.
      if (systemCode(thrown) !== 'ENOTEMPTY' || tried === MADE_MAX) throw thrown;
    }
  }
}

/** Names the space that process ids of this process are of (pid_namespaces(7)); 0 where there are none. */
function spaceOfIds(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
