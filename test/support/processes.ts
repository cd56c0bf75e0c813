// What /proc says of processes: which belong together, by session and by descent; what they have used of processor and memory.
import { readdirSync, readFileSync } from 'node:fs';

interface Process {
  pid: number;
  parent: number;
  session: number;
}

/** The fields of a process's stat behind its name, which may hold anything: state, ppid, pgrp, session ... (proc(5)). Throws where there is none. */
function statFields(pid: number | 'self'): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Linux counts in hundredths of a second for programs, on every processor (`getconf CLK_TCK`). */
const TICK_MS = 10;

/** Milliseconds of processor time, user and system, of a process so far, and of its children that have ended. Throws where there is none. */
export function processorTime(pid: number | 'self'): { ownMs: number; childrenMs: number } {
  const [utime, stime, cutime, cstime] = statFields(pid).slice(11, 15).map(Number);
  return { ownMs: ((utime ?? 0) + (stime ?? 0)) * TICK_MS, childrenMs: ((cutime ?? 0) + (cstime ?? 0)) * TICK_MS };
}

/** KiB of memory of a process, what it shares divided among those that share it (proc(5), smaps_rollup). */
export function memoryKiB(pid: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Number(found?.[1] ?? Number.NaN);
}

/** Every live process; one that has ended and waits for its parent to notice is none. */
function liveProcesses(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [state, parent, , session] = statFields(Number(name));
        if (state === 'Z' || state === 'X') return [];
        return [{ pid: Number(name), parent: Number(parent), session: Number(session) }];
      } catch {
        return [];
      }
    });
}

/** Live processes of the session that `leader` began, itself left out. */
export function sessionProcesses(leader: number): number[] {
  return liveProcesses()
    .filter(({ pid, session }) => session === leader && pid !== leader)
    .map(({ pid }) => pid);
}

/** Children of a process, their children, and so on. */
export function descendants(of: number): number[] {
  const all = liveProcesses();
  const found = [of];
  for (const pid of found) found.push(...all.filter(({ parent }) => parent === pid).map((child) => child.pid));
  return found.slice(1);
}

/** Whether a process is still there. */
export function isAlive(pid: number): boolean {
  return liveProcesses().some((live) => live.pid === pid);
}
