// Replays a recording to check it. A file of its own, because loading the runner takes memory that a recording needs.
import type { Disk } from '@doorsill/base/disk';
import { failure } from '../errors.ts';
import { readScenarios } from '../scenario/language/read-scenarios.ts';
import { runScenario } from '../scenario/running/run-scenario.ts';
import type { ExpectedAgain } from './recorded-scenario.ts';

/**
 * Replays a recorded scenario to check that its events recur. Returns the expectations that were not met, found by their lines. Throws
 * `record_replay_fails` on any other failure.
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
  if (!scenario || fault)
    throw failure('record_replay_fails', { detail: fault?.message ?? 'the scenario cannot be read' });
  const rerun = `doorsill test ${folder}`;
  const { test } = await runScenario(scenario, { disk, update: false, rerun }, signal);
  return test.failures.map(({ what, at, actual }) => {
    const missed = at?.line === undefined ? undefined : lines.get(at.line);
    if (!missed) throw failure('record_replay_fails', { detail: [what, actual].filter(Boolean).join(': ') });
    return missed;
  });
}
