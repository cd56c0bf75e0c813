// Owns: replaying a recording that was just written, to see what of it comes again. Not here: running scenarios (sim/scenario/running).

import type { Disk } from '@doorsill/base/disk';
import { failure } from '../errors.ts';
import { readScenarios } from '../scenario/language/read-scenarios.ts';
import { runScenario } from '../scenario/running/run-scenario.ts';
import type { ExpectedAgain } from './recorded-scenario.ts';

/**
 * Replays the scenario in a folder. Returns the expectations that were not met, by the lines that they are on. Throws
 * `record_replay_fails` where anything else is wrong with it.
 */
export async function missedInReplay(
  folder: string,
  lines: ReadonlyMap<number, ExpectedAgain>,
  disk: Disk,
  signal: AbortSignal,
): Promise<ExpectedAgain[]> {
  const { scenarios, faults } = await readScenarios(folder);
  const [scenario] = scenarios;
  const [fault] = faults;
  if (!scenario || fault) throw failure('record_replay_fails', { detail: fault?.message ?? 'it cannot be read' });
  const rerun = `doorsill test ${folder}`;
  const { test } = await runScenario(scenario, { disk, update: false, rerun }, signal);
  return test.failures.map(({ what, at, actual }) => {
    const missed = at?.line === undefined ? undefined : lines.get(at.line);
    if (!missed) throw failure('record_replay_fails', { detail: [what, actual].filter(Boolean).join(': ') });
    return missed;
  });
}
