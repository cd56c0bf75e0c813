// The verb `test`.

import { watch } from 'node:fs';
import { appendFile, realpath, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import { type Context, openContext, repeated } from '@doorsill/device/cli/context';
import { ownVersion } from '@doorsill/device/cli/own-version';
import { jsonLine, sentences } from '@doorsill/device/terminal/output';
import { commandLine } from '@doorsill/device/terminal/shell-words';
import { aborted, stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { printableLine } from '../report/printable-text.ts';
import { reportGithub } from '../report/report-github.ts';
import { reportText } from '../report/report-text.ts';
import { isSuccess, lengthText, testTitle } from '../report/report-words.ts';
import type { RunReport, TestReport } from '../report/run-report.ts';
import { REPORT_FILES, type ReportKind, writeReports } from '../report/write-reports.ts';
import { readScenarios } from '../scenario/language/read-scenarios.ts';
import { chosen, parseShard, titleOf } from '../scenario/runner/choose-scenarios.ts';
import { runTests, testCommand } from '../scenario/runner/run-tests.ts';

interface TestOptions {
  filter: string[];
  shard?: string;
  repeat: string;
  workers?: string;
  update?: boolean;
  reporter?: string;
  out: string;
  watch?: boolean;
  set: string[];
}

const REPORTERS = ['json', 'html', 'junit', 'github'] as const satisfies readonly ReportKind[];
const REPEAT_MAX = 10_000;
const WORKERS_MAX = 256;
/** Editors write a file in several steps. */
const WATCH_REST_MS = 200;

export function addTest(program: Command): void {
  program
    .command('test <path>')
    .description('run scenarios of doorbells, owners and agencies in simulated time; status 0 if all expectations hold')
    .option(
      '--filter <text>',
      'only scenarios whose name, variant or file contains this, or with this #tag; may be repeated',
      repeated,
      [],
    )
    .option('--shard <part/parts>', 'only this part of the scenarios, such as 2/8, to share them among machines')
    .option('--repeat <n>', 'run each n times, in a mixed order, and name those that fail only sometimes', '1')
    .option('--workers <n>', 'number of concurrent scenarios (default: one for each processor)')
    .option('--set <name=value>', 'set a variable of the scenarios; may be repeated', repeated, [])
    .option('--update', 'write golden files from this run, and print the changes')
    .option('--reporter <kinds>', `write reports: ${REPORTERS.join(',')}; github also prints annotations`)
    .option('--out <dir>', 'folder for reports and failed scenarios', 'test-results')
    .option('--watch', 'run again when a file changes, until Ctrl-C')
    .addHelpText(
      'after',
      `
<path> is a scenario (.yaml, .scenario.ts) or a folder of them. The language: sim/scenario/language/README.md, and for editors the JSON Schema
sim/scenario/scenario.schema.json.

YAML is data. A .scenario.ts (.mts, .js, .mjs) is code that runs with all your rights as soon as it is read: after all .yaml files were checked,
and before the first scenario is run. Give this command no code that you would not run.

Examples:
  $ doorsill test scenarios
  $ doorsill test scenarios --filter revoked --repeat 20
  $ doorsill test scenarios --shard 2/8 --reporter junit,html,github
  $ doorsill test test-results/failures/0003-a-recall/scenario/recall.yaml

Exit status: 0 all expectations hold; 1 some do not; 2 wrong usage; 6 a scenario cannot be read: then none is run, and no code is loaded if it is
YAML; 130 stopped by Ctrl-C: the reports have the scenarios until then, the others are interrupted.`,
    )
    .action(async (path: string, options: TestOptions, command: Command) => {
      const context = openContext(command);
      const signal = stopSignal();
      const settings = readOptions(options);
      if (options.watch) await watching(path, settings, context, signal);
      else await once(path, settings, context, signal);
      process.stdin.destroy();
    });
}

interface Settings {
  filters: string[];
  shard?: { part: number; of: number };
  repeat: number;
  workers: number;
  update: boolean;
  reporters: ReportKind[];
  out: string;
  set: Map<string, string>;
}

function readOptions(options: TestOptions): Settings {
  const count = (text: string, what: string, most: number) => {
    const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > most) throw failure('usage', { detail: `${what} takes 1 to ${most}, not "${text}"` });
    return value;
  };
  const { shard, workers, reporter = '', out, filter, set } = options;
  return {
    filters: filter,
    ...(shard === undefined ? {} : { shard: parseShard(shard) }),
    repeat: count(options.repeat, '--repeat', REPEAT_MAX),
    workers: workers === undefined ? availableParallelism() : count(workers, '--workers', WORKERS_MAX),
    update: options.update === true,
    reporters: reporter === '' ? [] : reporter.split(',').map(reporterOf),
    out: resolve(out),
    set: new Map(set.map(settingOf)),
  };
}

function reporterOf(word: string): ReportKind {
  const kind = REPORTERS.find((name) => name === word.trim());
  if (!kind) throw failure('usage', { detail: `--reporter takes ${REPORTERS.join(', ')}, not "${word}"` });
  return kind;
}

function settingOf(text: string): [string, string] {
  const mark = text.indexOf('=');
  if (mark < 1) throw failure('usage', { detail: `--set takes NAME=VALUE, not "${text}"` });
  return [text.slice(0, mark), text.slice(mark + 1)];
}

/**
 * Reads and runs the scenarios once, writes the reports, sets the exit status. Throws `scenarios_unreadable`, `scenario_none`, and with an
 * aborted signal its reason, after the reports are written.
 */
async function once(path: string, settings: Settings, context: Context, signal: AbortSignal): Promise<void> {
  const { scenarios, faults } = await readScenarios(path, { set: settings.set });
  for (const fault of faults) {
    const { message, advice } = fault;
    process.stderr.write(context.output.json ? jsonLine({ fault }) : `${printableLine(sentences(message, advice))}\n`);
  }
  const [first] = faults;
  if (first) throw failure('scenarios_unreadable', { many: faults.length });
  const running = chosen(scenarios, settings);
  if (running.length === 0)
    throw failure('scenario_none', {
      path,
      detail: `${scenarios.length} were read, and none matches the filter or the shard.`,
    });
  const report = await runTests(
    {
      ...settings,
      scenarios: running,
      command: commandLine(),
      tool: `doorsill ${ownVersion()}`,
      rerunOf: (scenario) => testCommand(relative('', scenario.position.file), titleOf(scenario), settings.set),
      shown: shownFrom(await realpath(process.env['GITHUB_WORKSPACE'] ?? '').catch(() => process.cwd())),
      disk: new SystemDisk('named'),
      ended: (test) => printTest(test, context),
    },
    signal,
  );
  await conclude(report, settings, context);
  signal.throwIfAborted();
}

/** Names files relative to a folder, as CI needs for annotations. Files outside of it keep their absolute paths. */
function shownFrom(folder: string): (file: string) => string {
  return (file) => {
    const path = relative(folder, file);
    return path.startsWith('..') || isAbsolute(path) ? file : path.replaceAll(sep, '/');
  };
}

function printTest(test: TestReport, { output }: Context): void {
  const { status, durationMs, attempts } = test;
  const times = attempts > 1 ? `, ${attempts} attempts` : '';
  output.result(
    {
      event: 'test',
      name: test.name,
      ...(test.variant ? { variant: test.variant } : {}),
      status,
      durationMs: Math.round(durationMs),
      attempts,
    },
    `${status.padEnd(7)} ${testTitle(test)} (${lengthText(durationMs)}${times})`,
  );
}

/** Writes the reports, prints the result, sets the exit status. */
async function conclude(report: RunReport, { reporters, out }: Settings, context: Context): Promise<void> {
  const { output } = context;
  if (reporters.length > 0) await writeReports(new SystemDisk('named'), out, report, reporters);
  if (reporters.includes('github')) await reportToGithub(report);
  const { totals, durationMs } = report;
  const files = reporters.map((kind) => join(relative('', out) || '.', REPORT_FILES[kind]));
  if (files.length > 0) output.say(`Reports: ${files.join(', ')}`);
  output.result(
    { event: 'tested', ...totals, durationMs: Math.round(durationMs), files },
    reportText(report, relative('', out)),
  );
  // With --watch, the last run counts.
  process.exitCode = isSuccess(totals) && totals.flaky === 0 ? 0 : 1;
}

async function reportToGithub(report: RunReport): Promise<void> {
  const { commands, summary } = reportGithub(report);
  if (commands !== '') process.stdout.write(`${commands}\n`);
  const file = process.env['GITHUB_STEP_SUMMARY'];
  if (file) await appendFile(file, summary);
}

/**
 * Runs the scenarios, and again after each change below the path, until the signal. Throws `scenario_none` when there is no such path, and the
 * signal's reason when it interrupted a run.
 */
async function watching(path: string, settings: Settings, context: Context, signal: AbortSignal): Promise<void> {
  if (!(await stat(path).catch(() => null))) throw failure('scenario_none', { path, detail: 'it is not there' });
  const stopped = aborted(signal);
  let changed = () => {};
  // A run's own output is not a change.
  const isOwn = (name: string) => !relative(settings.out, resolve(path, name)).startsWith('..');
  const watcher = watch(path, { recursive: true }, (_event, name) => {
    if (name !== null && !isOwn(name)) changed();
  });
  try {
    while (!signal.aborted) {
      const change = new Promise<void>((resolve) => {
        changed = resolve;
      });
      await once(path, settings, context, signal).catch((thrown: unknown) => {
        if (signal.aborted) throw thrown;
        context.output.progress(thrown instanceof Error ? thrown.message : String(thrown));
      });
      if (signal.aborted) break;
      context.output.progress('Waiting for a change; Ctrl-C ends.');
      await Promise.race([change, stopped]);
      await context.clock.sleep(WATCH_REST_MS);
    }
  } finally {
    watcher.close();
  }
}
