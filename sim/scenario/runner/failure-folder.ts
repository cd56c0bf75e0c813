// Owns: what is kept of a scenario that failed: the scenario with every file that it names, the log, what happened; so that it runs again
// from there, on another day and another machine. Not here: the reports (sim/report).
import { copyFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Disk, utf8 } from '../../../device/index.ts';
import { readScenarios } from '../language/read-scenarios.ts';
import type { Scenario } from '../language/scenario.ts';
import type { ScenarioRun } from '../running/run-scenario.ts';

export interface FailureOf {
  scenario: Scenario;
  run: Pick<ScenarioRun, 'log' | 'happened'>;
  /** `--set` of the command that ran it. */
  set: ReadonlyMap<string, string>;
}

/** Keeps a failure in `folder`, which is made (0700), and returns the path of the scenario in it. */
export async function keepFailure(disk: Disk, folder: string, { scenario, run, set }: FailureOf): Promise<string> {
  const { file } = scenario.position;
  const { files } = await readScenarios(file, { folder: scenario.folder, set });
  const kept = join(folder, 'scenario');
  await disk.makeFolder(kept);
  const golden = scenario.expect.flatMap((one) => (one.kind === 'golden' ? [one.file] : []));
  for (const path of new Set([file, ...files, ...golden])) {
    const facts = await stat(path).catch(() => null);
    if (!facts?.isFile()) continue;
    const copy = join(kept, relative(scenario.folder, path));
    await disk.makeFolder(dirname(copy));
    await copyFile(path, copy);
  }
  await disk.replaceFile(join(folder, 'happened.jsonl'), utf8(run.happened));
  const log = run.log.map((line) => `${JSON.stringify(line)}\n`).join('');
  await disk.replaceFile(join(folder, 'log.jsonl'), utf8(log));
  return join(kept, relative(scenario.folder, file));
}
