// Runs many scenarios in parallel, each one or more times; keeps failures, and makes the report.

import { copyFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { SystemClock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { shellWord } from '@doorsill/device/terminal/shell-words';
import { makeRunReport, type RunReport, type TestReport } from '../../report/run-report.ts';
import { readScenarios } from '../language/read-scenarios.ts';
import type { Scenario } from '../language/scenario.ts';
import type { ScenarioRun } from '../running/run-scenario.ts';
import { mixed, titleOf } from './choose-scenarios.ts';
import { type Outcome, runInPool, type WorkerJob } from './pool.ts';

interface FailureOf {
  scenario: Scenario;
  run: Pick<ScenarioRun, 'log' | 'happened'>;
  /** `--set` of the command that ran it. */
  set: ReadonlyMap<string, string>;
}

/** Keeps a failure in `folder`, which it creates (0700), and returns the path of the scenario in it. */
async function keepFailure(disk: Disk, folder: string, { scenario, run, set }: FailureOf): Promise<string> {
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

export interface TestsOptions {
  scenarios: readonly Scenario[];
  workers: number;
  /** How often each is run. */
  repeat: number;
  update: boolean;
  /** Where failures are kept; null: nowhere. */
  out: string | null;
  /** `--set` of the command. */
  set: ReadonlyMap<string, string>;
  /** The commands that repeat this run, and one scenario of it. */
  command: string;
  rerunOf(scenario: Scenario): string;
  /** An absolute path as reports show it. */
  shown(file: string): string;
  tool: string;
  disk: Disk;
  /** Called after a scenario's last attempt. */
  ended(test: TestReport): void;
}

/** Runs all; after an abort the report has the finished ones, and the rest as interrupted. */
export async function runTests(options: TestsOptions, signal: AbortSignal): Promise<RunReport> {
  const machine = new SystemClock();
  const startedMs = machine.monotonicMs();
  const startedAt = new Date(machine.wallUs() / 1_000).toISOString();
  const attempts = options.scenarios.map((): Outcome[] => []);
  const tests: (TestReport | null)[] = options.scenarios.map(() => null);
  const jobs = jobsOf(options);
  const ends: Promise<void>[] = [];
  await runInPool(
    jobs,
    {
      workers: options.workers,
      done: (outcome) => {
        const at = outcome.job % options.scenarios.length;
        const own = attempts[at];
        own?.push(outcome);
        if (own?.length !== options.repeat) return;
        ends.push(
          conclude(options, at, own).then((test) => {
            tests[at] = test;
            options.ended(test);
          }),
        );
      },
    },
    signal,
  );
  await Promise.all(ends);
  return makeRunReport({
    tool: options.tool,
    command: options.command,
    seed: options.scenarios[0]?.seed ?? 1,
    startedAt,
    durationMs: machine.monotonicMs() - startedMs,
    tests: tests.map((test, at) => test ?? interrupted(options, at, attempts[at]?.length ?? 0)),
  });
}

/** Each scenario `repeat` times, shuffled: a job's number modulo the count of scenarios is the scenario's index. */
function jobsOf({ scenarios, repeat, update, rerunOf }: TestsOptions): WorkerJob[] {
  const jobs = Array.from({ length: repeat }, (_, round) =>
    scenarios.map((scenario, at) => ({
      job: round * scenarios.length + at,
      scenario,
      update,
      rerun: rerunOf(scenario),
    })),
  ).flat();
  return repeat === 1 ? jobs : mixed(jobs, 1);
}

/** A scenario's test from all its attempts. */
async function conclude(options: TestsOptions, at: number, attempts: readonly Outcome[]): Promise<TestReport> {
  const scenario = options.scenarios[at];
  if (!scenario) throw new Error('a scenario has its number');
  const test = together(attempts.map((outcome) => testOf(options, scenario, outcome)));
  const ran = attempts.find((outcome) => 'run' in outcome && outcome.run.test.status === 'failed');
  if (test.status === 'passed' || options.out === null) return test;
  const folder = `failures/${String(at + 1).padStart(4, '0')}-${fileName(titleOf(scenario))}`;
  const run: Pick<ScenarioRun, 'log' | 'happened'> = ran && 'run' in ran ? ran.run : { log: [], happened: '' };
  const kept = await keepFailure(options.disk, join(options.out, folder), { scenario, run, set: options.set });
  return { ...test, folder, rerun: rerunFrom(kept, options, scenario) };
}

/** Merges attempts into one test: one that fails only sometimes is flaky. */
export function together(attempts: readonly TestReport[]): TestReport {
  const failed = attempts.filter(({ status }) => status === 'failed');
  const [first = attempts[0]] = failed;
  if (!first) throw new Error('a scenario was run');
  const isFlaky = failed.length > 0 && failed.length < attempts.length;
  return {
    ...first,
    status: isFlaky ? 'flaky' : first.status,
    attempts: attempts.length,
    durationMs: attempts.reduce((sum, { durationMs }) => sum + durationMs, 0),
    notes: [...first.notes, ...(isFlaky ? [`${failed.length} of ${attempts.length} attempts failed.`] : [])],
  };
}

/** The command that repeats a kept failure from its own folder. */
function rerunFrom(kept: string, { set }: TestsOptions, scenario: Scenario): string {
  const isVariant = Object.keys(scenario.variant).length > 0;
  return testCommand(kept, isVariant ? titleOf(scenario) : null, set);
}

/** The command that runs the scenarios at a path, by filter, with these variables. */
export function testCommand(path: string, filter: string | null, set: ReadonlyMap<string, string>): string {
  const filters = filter === null ? [] : ['--filter', filter];
  const values = [...set].flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  return ['doorsill', 'test', ...[path, ...filters, ...values].map(shellWord)].join(' ');
}

const NAME_LETTERS_MAX = 60;

function fileName(title: string): string {
  return (
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '')
      .slice(0, NAME_LETTERS_MAX) || 'scenario'
  );
}

function testOf(options: TestsOptions, scenario: Scenario, outcome: Outcome): TestReport {
  if ('run' in outcome) {
    const { test } = outcome.run;
    const failures = test.failures.map(({ at, ...failed }) => ({
      ...failed,
      ...(at === undefined ? {} : { at: { ...at, file: options.shown(at.file) } }),
    }));
    return { ...test, file: options.shown(scenario.position.file), failures };
  }
  const { message, stack } = outcome.error;
  return { ...bare(options, scenario), status: 'failed', attempts: 1, failures: [{ what: message, actual: stack }] };
}

function interrupted(options: TestsOptions, at: number, attempts: number): TestReport {
  const scenario = options.scenarios[at];
  if (!scenario) throw new Error('a scenario has its number');
  return { ...bare(options, scenario), status: 'interrupted', attempts, failures: [] };
}

function bare(
  { rerunOf, shown }: TestsOptions,
  scenario: Scenario,
): Omit<TestReport, 'status' | 'attempts' | 'failures'> {
  const { name, position, variant } = scenario;
  return {
    name,
    file: shown(position.file),
    line: position.line,
    ...(Object.keys(variant).length > 0 ? { variant } : {}),
    durationMs: 0,
    rerun: rerunOf(scenario),
    notes: [],
  };
}
