// Holds: a file's processor time counts its own and that of the processes that it started and saw end.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { processorSeconds } from '../support/processor-times.ts';

/** Counts until the process has used so many seconds of a processor. It looks at the time after each million, because a look is dear. */
const busy = (seconds: number) => {
  const { user } = process.cpuUsage();
  while (process.cpuUsage().user - user < seconds * 1_000_000) for (let step = 0; step < 1_000_000; step += 1);
};

it.runIf(process.platform === 'linux')('counts this process', () => {
  const before = processorSeconds();
  busy(0.1);
  expect(processorSeconds() - before).toBeGreaterThan(0.05);
});

it.runIf(process.platform === 'linux')('counts a child that ended', () => {
  const before = processorSeconds();
  const { user } = process.cpuUsage();
  spawnSync(process.execPath, ['-e', `(${busy.toString()})(0.3)`]);
  const own = (process.cpuUsage().user - user) / 1_000_000;
  expect(processorSeconds() - before - own).toBeGreaterThan(0.2);
});
