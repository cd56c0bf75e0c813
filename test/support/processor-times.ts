// How much processor time each file of tests takes, its child processes included, for what `npm run check` ends with.
import { appendFileSync } from 'node:fs';
import { afterAll, expect } from 'vitest';
import { processorTime } from './processes.ts';

/** Seconds that this process has used, and all of its children that have ended and were waited for; 0 where there is no /proc. */
export function processorSeconds(): number {
  try {
    const { ownMs, childrenMs } = processorTime('self');
    return (ownMs + childrenMs) / 1_000;
  } catch {
    return 0;
  }
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
