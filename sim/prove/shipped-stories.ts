// Owns: the claims that stories shown in `scenarios/` prove: which stories, what each shows and does not show. Not here: running stories
// (sim/scenario/runner), what is in them (their files).
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

/** Where the stories are, seen from the build and from a source. */
const FOLDERS = ['../scenarios/', '../../scenarios/'];
/** Each runs in a process with an encoder of its own. */
const WORKERS_MAX = 2;

const IN_ONE_PROCESS =
  'Doorbell, bridge and vault ran in one process with a time of its own, not as processes of their own.';

/** Stories by their file. */
const STORIES: Readonly<Record<string, Omit<ClaimText, 'done'>>> = {
  'silence-and-denial-look-alike.yaml': {
    id: 'silence-and-denial',
    title: 'Who says no, and who says nothing, look alike',
    shows: 'A home that denies a request and one that ignores it send the bridge the same: not one byte.',
    notShown: `It does not show what a broker’s operator learns from the owner’s own messages. ${IN_ONE_PROCESS}`,
  },
  'forget-destroys-footage.yaml': {
    id: 'forgotten-footage',
    title: 'Footage that its owner has forgotten cannot be granted',
    shows: 'A forgotten span is gone for good, after a restart, too, and the rest can still be granted.',
    notShown: `It does not show that the card is wiped: the keys are destroyed, and what stays there is noise to whoever has none. ${IN_ONE_PROCESS}`,
  },
  'privacy-stops-the-camera.yaml': {
    id: 'privacy',
    title: 'Privacy stops the footage, and the bell still rings',
    shows: 'While privacy is on nothing is recorded, so nothing of that time can be granted.',
    notShown: `It does not show that a real camera sees nothing: that takes a shutter over its lens. ${IN_ONE_PROCESS}`,
  },
  'sound-only-when-granted.yaml': {
    id: 'sound',
    title: 'Sound leaves only when it is granted',
    shows: 'Of the same footage the clip that was granted with sound has it, and the one without has no sound track.',
    notShown: `It does not show that no sound is recorded: that is a setting of the camera. ${IN_ONE_PROCESS}`,
  },
};

/** Runs the stories and calls `ended` with each claim; resolves with all in the order above. */
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
  assert(scenarios.length === texts.length, 'each story that ships can be read, and has no variants');
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
    assert(scenario !== undefined && text !== undefined, 'each test is one of the stories');
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
  assert(found !== undefined, 'the stories ship beside the program');
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
      what: `All ${expect.length} expectations of the story hold`,
      seen: `${status}: ${steps.length} steps in ${lengthText(ownMs)} of the story’s own time, run in ${lengthText(durationMs)}`,
      holds: status === 'passed',
    },
    ...failures.map(({ what, expected, actual }) => ({
      what,
      seen:
        expected === undefined ? (actual ?? 'it failed') : `expected ${expected}, was ${actual ?? 'something else'}`,
      holds: false,
    })),
  ];
  const done = `The story scenarios/${fileOf(scenario)} was run, which you can read and change: ${description}`;
  return judged({ ...text, done }, checks);
}
