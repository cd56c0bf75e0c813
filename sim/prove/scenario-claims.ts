// Claims that scenarios of `scenarios/` show.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Disk } from '@doorsill/base/disk';
import { assert } from '@doorsill/contract/assert';
import { lengthText } from '../report/report-words.ts';
import type { TestReport } from '../report/run-report.ts';
import { readScenarios } from '../scenario/language/read-scenarios.ts';
import type { Scenario } from '../scenario/language/scenario.ts';
import { runTests, testCommand } from '../scenario/runner/run-tests.ts';
import { type Check, type Claim, type ClaimText, judged } from './claim.ts';

/** The scenarios' folder, from the build and from a source. */
const FOLDERS = ['../scenarios/', '../../scenarios/'];
/** Each worker is a process with its own encoder. */
const WORKERS_MAX = 2;

const IN_ONE_PROCESS = 'Doorbell, bridge and vault ran in one process in simulated time, not as separate processes.';

/** The texts by the scenario's file. */
const STORIES: Readonly<Record<string, Omit<ClaimText, 'done'>>> = {
  'silence-and-denial-look-alike.yaml': {
    id: 'silence-and-denial',
    title: 'Denying a request and ignoring it look the same to the bridge',
    shows: 'A home that denies a request and one that ignores it both send the bridge nothing.',
    notShown: `It does not show what a broker’s operator learns from the owner’s messages. ${IN_ONE_PROCESS}`,
  },
  'forget-destroys-footage.yaml': {
    id: 'forgotten-footage',
    title: 'Footage that its owner deleted cannot be granted',
    shows: 'A deleted span stays deleted, after a restart, too, and the rest can still be granted.',
    notShown: `It does not show that the card is wiped: the keys are destroyed, so the encrypted footage that stays there cannot be read. ${IN_ONE_PROCESS}`,
  },
  'privacy-stops-the-camera.yaml': {
    id: 'privacy',
    title: 'Privacy stops recording, and the bell still rings',
    shows: 'While privacy is on nothing is recorded, so no footage of that time can be granted.',
    notShown: `It does not show that a real camera sees nothing: that needs a shutter over its lens. ${IN_ONE_PROCESS}`,
  },
  'sound-only-when-granted.yaml': {
    id: 'sound',
    title: 'Sound leaves only when it is granted',
    shows:
      'A clip that was granted with sound has a sound track; one of the same footage that was granted without has none.',
    notShown: `It does not show that no sound is recorded: that is a setting of the camera. ${IN_ONE_PROCESS}`,
  },
};

/** Runs the scenarios and calls `ended` with each claim; resolves with all in the order above. */
export async function proveByStories(
  disk: Disk,
  signal: AbortSignal,
  ended: (claim: Claim) => void,
  folder: string = storyFolder(),
): Promise<Claim[]> {
  const texts = Object.entries(STORIES);
  const read = await Promise.all(texts.map(([file]) => readScenarios(join(folder, file))));
  const claims: Claim[] = [];
  const scenarios = read.flatMap((each) => each.scenarios);
  assert(scenarios.length === texts.length, 'each shipped scenario can be read, and has no variants');
  const report = await runTests(
    {
      ...{
        scenarios,
        disk,
        workers: Math.min(WORKERS_MAX, availableParallelism()),
        repeat: 1,
        update: false,
        out: null,
      },
      set: new Map(),
      command: 'doorsill prove',
      ended: () => undefined,
      tool: 'doorsill prove',
      shown: (file) => `scenarios/${basename(file)}`,
      rerunOf: (scenario) => testCommand(`scenarios/${fileOf(scenario)}`, null, new Map()),
    },
    signal,
  );
  signal.throwIfAborted();
  for (const [at, test] of report.tests.entries()) {
    const scenario = scenarios[at];
    const text = scenario && STORIES[fileOf(scenario)];
    assert(scenario !== undefined && text !== undefined, 'each test is one of the scenarios');
    const claim = claimOf(text, scenario, test);
    claims.push(claim);
    ended(claim);
  }
  return claims;
}

function storyFolder(): string {
  const found = FOLDERS.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) =>
    existsSync(join(path, Object.keys(STORIES)[0] ?? '')),
  );
  assert(found !== undefined, 'the scenarios ship with the program');
  return found;
}

function fileOf({ position }: Scenario): string {
  return basename(position.file);
}

function claimOf(text: Omit<ClaimText, 'done'>, scenario: Scenario, test: TestReport): Claim {
  const { description = '', steps, expect } = scenario;
  const { timeline, durationMs, failures, status } = test;
  const ownMs = timeline ? (timeline.endUs - timeline.startUs) / 1_000 : 0;
  const checks: Check[] = [
    {
      what: `All ${expect.length} expectations of the scenario hold`,
      seen: `${status}: ${steps.length} steps in ${lengthText(ownMs)} of simulated time, which took ${lengthText(durationMs)}`,
      holds: status === 'passed',
    },
    ...failures.map(({ what, expected, actual }) => ({
      what,
      seen:
        expected === undefined ? (actual ?? 'it failed') : `expected ${expected}, was ${actual ?? 'something else'}`,
      holds: false,
    })),
  ];
  const done = `The scenario scenarios/${fileOf(scenario)} was run, which you can read and change: ${description}`;
  return judged({ ...text, done }, checks);
}
