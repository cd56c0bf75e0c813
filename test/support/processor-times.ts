// Owns: how much processor time each file of tests takes, its child processes included, for what `npm run check` ends with.
// Not here: printing it (sim/setup/run-checks.mjs).
import { appendFileSync, readFileSync } from 'node:fs';
import { afterAll, expect } from 'vitest';

/** Linux counts in hundredths of a second for programs, on every processor (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/** Seconds that this process has used, and all of its children that have ended and were waited for; 0 where there is no /proc. */
export function processorSeconds(): number {
  let stat: string;
  try {
    stat = readFileSync('/proc/self/stat', 'utf8');
  } catch {
    return 0;
  }
  // The fields after the name, which may hold spaces: proc_pid_stat(5), utime to cstime are numbers 14 to 17.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

const times = process.env['DOORSILL_PROCESSOR_TIMES'];
if (times) {
  const before = processorSeconds();
  // Hooks run in reverse order, so the file's own have ended what it started.
  afterAll(() => {
    const line = { file: expect.getState().testPath, seconds: processorSeconds() - before };
    appendFileSync(times, `${JSON.stringify(line)}\n`);
  });
}
