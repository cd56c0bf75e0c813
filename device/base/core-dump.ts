// Owns: keeping what a process knows out of core dumps: of this process, and of every program it starts.
// Not here: the limits of an ffmpeg (device/camera), those of a service (its unit).
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { systemCode } from './disk.ts';
import type { Log } from './log.ts';

/** Which kinds of memory the kernel writes into a dump of this process, a bit for each (core(5)); children inherit it. */
const FILTER = '/proc/self/coredump_filter';
const PRLIMIT_MS_MAX = 5_000;

/**
 * From here on this process leaves no core dump where prlimit(1) is there to say so. What is dumped all the same, because it is missing or
 * because the machine hands dumps to a program, which may not ask for the limit, holds no memory, which is full of decoded frames and keys: only
 * registers, where a few bytes of them can be. Where the system does not accept that, a warning is logged.
 */
export function keepMemoryOutOfCoreDumps(log: Log): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync(FILTER, '0');
  } catch (thrown) {
    log.warn('a crash of this process may write footage to disk: switch core dumps off', {
      detail: systemCode(thrown) ?? 'unknown',
    });
  }
  // A service is limited by its unit, and may not change limits.
  if (/^Max core file size +0 /m.test(readFileSync('/proc/self/limits', 'utf8'))) return;
  const { status } = spawnSync('prlimit', ['--pid', String(process.pid), '--core=0:'], {
    stdio: 'ignore',
    timeout: PRLIMIT_MS_MAX,
  });
  if (status !== 0) log.info('core dumps are not limited, since there is no prlimit: they hold no memory');
}
