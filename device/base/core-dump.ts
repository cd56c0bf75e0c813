// Owns: keeping memory out of core dumps: this process's, and that of every program it starts.
// Not here: whether a dump is written at all, which is the machine's setting (RLIMIT_CORE, kernel.core_pattern).
import { writeFileSync } from 'node:fs';
import { systemCode } from './disk.ts';
import type { Log } from './log.ts';

/** Which kinds of memory the kernel writes into a dump of this process, a bit for each (core(5)); children inherit it. */
const FILTER = '/proc/self/coredump_filter';

/**
 * From here on a core dump holds registers but no memory, which is full of decoded frames and keys. Where the system does not
 * accept the setting, a warning is logged.
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
}
