// Keeps the memory of this process, and of every program that it starts, out of core dumps.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { systemCode } from './disk.ts';
import type { Log } from './log.ts';

/** A bit for each kind of memory that the kernel writes into a core dump (core(5)); children inherit it. */
const FILTER = '/proc/self/coredump_filter';
const PRLIMIT_MS_MAX = 5_000;

/**
 * Sets this process's core dump limit to 0, if prlimit(1) is installed. A dump may still be made, without prlimit or where the machine
 * pipes dumps to a program that ignores the limit. It holds no memory then, which is full of decoded frames and keys, but only registers,
 * where a few bytes of them can be. Logs a warning where the system does not accept that.
 */
export function keepMemoryOutOfCoreDumps(log: Log): void {
  if (process.platform !== 'linux') return;
  let isFiltered = true;
  try {
    writeFileSync(FILTER, '0');
  } catch (thrown) {
    isFiltered = false;
    log.warn('a crash of this process may write footage and keys to disk: switch core dumps off (ulimit -c 0)', {
      detail: systemCode(thrown) ?? 'unknown',
    });
  }
  // A service's unit sets the limit, and the service may not change it.
  if (/^Max core file size +0 /m.test(readFileSync('/proc/self/limits', 'utf8'))) return;
  const { status } = spawnSync('prlimit', ['--pid', String(process.pid), '--core=0:'], {
    stdio: 'ignore',
    timeout: PRLIMIT_MS_MAX,
  });
  if (status !== 0 && isFiltered)
    log.info('core dumps could not be switched off (is prlimit installed?); they would hold no memory');
}
