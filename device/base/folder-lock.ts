// Owns: one process at a time on a data folder. Not here: what is in the folder.
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from './disk.ts';

const LOCK_NAME = 'process.lock';

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
 * The lock is a link whose target names the holder: it is there with its text or not at all, and a full disk has room for
 * it. A folder on a read-only mount needs none: nobody can change it.
 */
export function lockFolder(folder: string): FolderLock | { heldBy: number } {
  makeFolders(folder);
  const path = join(folder, LOCK_NAME);
  const mine = `${process.pid} ${startOf(process.pid)} ${BOOT}`.trim();
  for (;;) {
    try {
      symlinkSync(mine, path);
      return { release: () => rmSync(path, { force: true }) };
    } catch (thrown) {
      if (systemCode(thrown) === 'EROFS') return { release: () => undefined };
      if (systemCode(thrown) !== 'EEXIST') throw thrown;
    }
    const holder = readHolder(path);
    if (holder !== null) return { heldBy: holder };
    rmSync(path, { force: true }); // left behind by a crash
  }
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
  return readHolder(join(folder, LOCK_NAME));
}

function readHolder(path: string): number | null {
  const text = readLock(path);
  const [pidText = '', start = '', boot = BOOT] = text.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || boot !== BOOT) return null;
  return isRunning(pid) && startOf(pid) === start ? pid : null;
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

/** The text of a lock; earlier versions wrote it into a file. Empty when there is none. */
function readLock(path: string): string {
  for (const read of [() => readlinkSync(path), () => readFileSync(path, 'utf8')]) {
    try {
      return read();
    } catch {}
  }
  return '';
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
