// Owns: one process at a time on a data folder, which no other user can change. Not here: what is in the folder.
//
// The lock is a link, `process.lock`, whose target names its holder. A holder that was killed leaves it behind, and the next one does not
// remove it: two that found it at once could each remove the other's. It makes a link whose name is derived from the dead holder's, which
// one process alone can make, and moves it to `process.lock`. A dead holder's name never comes back, so whoever still tries to follow it
// makes a link that nothing leads to, finds that out, and looks again.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { toHex } from '@doorsill/contract/bytes';
import { systemCode } from './disk.ts';
import { sha256Hex } from './keys.ts';
import { expectPrivateFolder } from './private-paths.ts';
import { SystemRandom } from './random.ts';

const LOCK_NAME = 'process.lock';
/** Before the digits of the link that follows a dead holder. */
const SUCCESSOR = `${LOCK_NAME}.after-`;

/**
 * The kernel's name for this boot; empty where it has none. After a pulled plug another process, or this one, may have the id and the start
 * of the one that held a folder: boards boot the same way each time, and a card may have been moved to another.
 */
const BOOT = fileText('/proc/sys/kernel/random/boot_id').trim();

/** A held folder. */
export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder (made when missing) for this process; returns the holder's process id when another live one has it.
 * The lock is a link: it is there with its text or not at all, and a full disk has room for it. A folder on a read-only mount needs none:
 * nobody can change it. `also`: another user whose folder root looks after. Throws `data_folder_exposed` where other users could change
 * what is in it, and the disk's errors.
 */
export function lockFolder(folder: string, also: readonly number[] = []): FolderLock | { heldBy: number } {
  expectPrivateFolder(folder, also);
  makeFolders(folder);
  expectPrivateFolder(folder, also);
  const path = join(folder, LOCK_NAME);
  const mine = ownText();
  for (;;) {
    const { end, passed } = chainOf(path);
    if (end.text !== null) {
      const holder = holderOf(end);
      if (holder !== null) return { heldBy: holder };
    }
    const link = end.text === null ? path : successorOf(path, end.text);
    try {
      symlinkSync(mine, link);
    } catch (thrown) {
      if (systemCode(thrown) === 'EROFS') return { release: () => undefined };
      if (systemCode(thrown) === 'EEXIST') continue;
      throw thrown;
    }
    if (link === path) return heldAt(path, mine);
    // Whoever came before may have moved its own link to `path` since: then nothing leads to this one.
    const now = chainOf(path);
    if (now.end.path !== link || now.end.text !== mine) {
      rmSync(link, { force: true });
      continue;
    }
    renameSync(link, path);
    for (const each of passed) if (each !== path) rmSync(each, { force: true });
    removeStrays(folder);
    return heldAt(path, mine);
  }
}

/** No other process has the same, nor had or will have: where the start of a process cannot be seen, random digits see to that. */
function ownText(): string {
  const start = startOf(process.pid);
  const words = [process.pid, start, BOOT];
  return [...words, ...(start === '-' ? [toHex(new SystemRandom().bytes(8))] : [])].join(' ').trim();
}

/** The lock of this process; what another process has there by then stays. */
function heldAt(path: string, mine: string): FolderLock {
  return {
    release: () => {
      if (textOf(path) === mine) rmSync(path, { force: true });
    },
  };
}

interface Link {
  path: string;
  /** Null where there is none. */
  text: string | null;
}

/** The last link of those that follow each other from `path` on, and the paths of all before it. */
function chainOf(path: string): { end: Link; passed: string[] } {
  for (;;) {
    const first = textOf(path);
    const passed: string[] = [];
    let end: Link = { path, text: first };
    while (end.text !== null) {
      const next = successorOf(path, end.text);
      const text = textOf(next);
      if (text === null || passed.includes(next)) break;
      passed.push(end.path);
      end = { path: next, text };
    }
    // Its successor may have been moved here in between.
    if (textOf(path) === first) return { end, passed };
  }
}

function successorOf(path: string, text: string): string {
  return join(dirname(path), SUCCESSOR + sha256Hex(text).slice(0, 24));
}

/** For the holder: removes links that lead nowhere, left by those that were killed while they tried. */
function removeStrays(folder: string): void {
  for (const name of readdirSync(folder)) if (name.startsWith(SUCCESSOR)) rmSync(join(folder, name), { force: true });
}

/** Not the recursive mkdir of Node: under a folder that takes no entries, such as /proc, that one never returns. */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  const above = dirname(folder);
  if (above !== folder) makeFolders(above);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (thrown) {
    if (systemCode(thrown) !== 'EEXIST') throw thrown;
  }
}

/** The process that holds a folder right now; null when none does. */
export function folderHolder(folder: string): number | null {
  const { end } = chainOf(join(folder, LOCK_NAME));
  return end.text === null ? null : holderOf(end);
}

/** The process that a link names, if it still runs. */
function holderOf({ path, text }: Link): number | null {
  const [pidText = '', start = '', boot = BOOT] = (text ?? '').trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || boot !== BOOT || !isRunning(pid)) return null;
  const startNow = startOf(pid);
  if (startNow === start) return pid;
  // Of another user's process the start may be hidden (ProtectProc=): then it is believed, unless the link is of somebody else.
  return startNow === '-' && isOtherUsers(path) ? pid : null;
}

function isOtherUsers(path: string): boolean {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts !== undefined && facts.uid !== process.geteuid?.();
}

/** Whether a process of this machine has this id now, whosever it is. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCode(thrown) === 'EPERM';
  }
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The text of a lock; earlier versions wrote it into a file. Null when there is none. */
function textOf(path: string): string | null {
  for (const read of [() => readlinkSync(path), () => readFileSync(path, 'utf8')]) {
    try {
      return read();
    } catch {}
  }
  return null;
}

/** When a process started, in clock ticks since boot, so that a reused id is not mistaken for it; '-' where /proc is missing. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}
