// One process at a time on a data folder, which no other user can change.
//
// The lock is a link, `process.lock`, whose target names its holder. A killed holder leaves it behind, and its successor must not remove
// it: two successors at once could each remove the other's. Instead it makes a link whose name is derived from the dead holder's, which
// only one process can make, and moves it to `process.lock`. If it is killed before the move, its own successor does the same after it: the
// links form a chain, whose last one counts. A process that is late, and makes a link after a holder whose link has been replaced already,
// finds that its link is not in the chain, removes it and starts again: no two holders have the same name.
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
/** Prefix of the link that succeeds a dead holder's. */
const SUCCESSOR = `${LOCK_NAME}.after-`;

/**
 * The kernel's id of this boot; empty where there is none. After a power cut, another process may have the dead holder's id and start time:
 * boards boot the same way each time, and a card may have been moved to another board.
 */
const BOOT = fileText('/proc/sys/kernel/random/boot_id').trim();

/** A held folder. */
export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder (made when missing) for this process; returns the holder's process id when another live process has it. The lock is a
 * link, not a file, because a link is made with its text or not at all, even on a full disk. A folder on a read-only mount needs no lock:
 * nobody can change it. `also`: the user who owns the folder, when root works on it for that user. Throws `data_folder_exposed` where other
 * users could change its content, and the disk's errors.
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
    // The process before this one may have moved its own link to `path` since: then this link is not in the chain.
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

/** A text that no other process ever has: id, start time and boot, and random digits where the start time cannot be read. */
function ownText(): string {
  const start = startOf(process.pid);
  const fields = [process.pid, start, BOOT];
  return [...fields, ...(start === '-' ? [toHex(new SystemRandom().bytes(8))] : [])].join(' ').trim();
}

/** The lock of this process. Releasing it leaves a link that another process has put there since. */
function heldAt(path: string, mine: string): FolderLock {
  return {
    release: () => {
      if (textOf(path) === mine) rmSync(path, { force: true });
    },
  };
}

interface Link {
  path: string;
  /** Null where there is no link. */
  text: string | null;
}

/** The last link of the chain that begins at `path`, and the paths of all links before it. */
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
    // A successor may have been moved here in between.
    if (textOf(path) === first) return { end, passed };
  }
}

function successorOf(path: string, text: string): string {
  return join(dirname(path), SUCCESSOR + sha256Hex(text).slice(0, 24));
}

/** For the holder: removes links outside the chain, left by processes that were killed while they tried. */
function removeStrays(folder: string): void {
  for (const name of readdirSync(folder)) if (name.startsWith(SUCCESSOR)) rmSync(join(folder, name), { force: true });
}

/** Not Node's recursive mkdir, which never returns under a folder that takes no entries, such as /proc. */
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

/** The id of the process that holds a folder now; null when none does. */
export function folderHolder(folder: string): number | null {
  const { end } = chainOf(join(folder, LOCK_NAME));
  return end.text === null ? null : holderOf(end);
}

/** The id of the process that a link names, if it still runs. */
function holderOf({ path, text }: Link): number | null {
  const [pidText = '', start = '', boot = BOOT] = (text ?? '').trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || boot !== BOOT || !isRunning(pid)) return null;
  const startNow = startOf(pid);
  if (startNow === start) return pid;
  // The start of another user's process may be hidden (ProtectProc=). Then a link that another user made is believed.
  return startNow === '-' && isOtherUsers(path) ? pid : null;
}

function isOtherUsers(path: string): boolean {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts !== undefined && facts.uid !== process.geteuid?.();
}

/** Whether a process of any user has this id now. */
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

/** The text of a lock; null when there is none. Earlier versions wrote it into a file. */
function textOf(path: string): string | null {
  for (const read of [() => readlinkSync(path), () => readFileSync(path, 'utf8')]) {
    try {
      return read();
    } catch {}
  }
  return null;
}

/** Start of a process in clock ticks since boot, which tells it from a later one with the same id; '-' where /proc is missing. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}
