// Owns: which processes of this machine belong together, from /proc: a process's session, and its descendants.
// Not here: starting or ending any.
import { readdirSync, readFileSync } from 'node:fs';

interface Process {
  pid: number;
  parent: number;
  session: number;
}

/** Every live process; one that has ended and waits for its parent to notice is none. */
function liveProcesses(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // pid (name) state ppid pgrp session ..., and the name may hold anything (proc(5)).
        const [state, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
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
