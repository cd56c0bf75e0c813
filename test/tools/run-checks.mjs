// `npm run check`, `npm run check:slow` and its part about releases, `npm run check:release`: every gate in order, where the time went, and
// what was proved. Only tests of real hardware may be skipped, and those of real footage where there is none: they are named. Its last line is
// `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fixedWorkMs, folderOfRun, installLine, judgeSkipped, missingNeeds, readReport, root } from './report.mjs';

const slow = process.argv.includes('--slow');
const ofRelease = process.argv.includes('--release');
const { folder, remove } = folderOfRun(6 * 1_024 ** 3);
/** Written by test/support/processor-times.ts: a line of JSON for each file of tests. */
const processorTimes = join(folder, 'processor-times');
/** Vitest's status when Ctrl-C ends it. */
const ENDED_BY_CTRL_C = 130;
const bin = (name) => join(root, 'node_modules/.bin', name);

const missing = missingNeeds();
const refused = missing.filter(({ mayBeMissing }) => !mayBeMissing);
const tagsMissing = missing.filter(({ mayBeMissing }) => mayBeMissing).map(({ tag }) => tag);
const filters = tagsMissing.length > 0 ? [`--tags-filter=!(${tagsMissing.join(' || ')})`] : [];

/** Runs tests; `environment` and paths say which. Their report is read at the end. */
const tests = (name, environment = {}, paths = []) => {
  const report = join(folder, `${name.replaceAll(' ', '-')}.json`);
  const atOnce = `--reporter=${join(root, 'test/tools/failures-at-once.mjs')}`;
  const reporters = ['--reporter=default', atOnce, '--reporter=json', `--outputFile.json=${report}`];
  const args = ['run', '--config', 'test/vitest.config.ts', ...filters, ...reporters, ...paths];
  return { name, command: bin('vitest'), args, environment, report };
};

const prepare = { name: 'prepare', command: process.execPath, args: [join(root, 'sim/setup/prepare.mjs')] };
const releaseSteps = [prepare, tests('tests of a release', { DOORSILL_SLOW: '1' }, ['test/sim/release'])];
const allSteps = [
  prepare,
  { name: 'types', command: bin('tsc'), args: [] },
  { name: 'types of the console’s page', command: bin('tsc'), args: ['-p', 'device/console-page'] },
  { name: 'types of the report’s page', command: bin('tsc'), args: ['-p', 'sim/report/page'] },
  { name: 'lint and format', command: bin('biome'), args: ['ci', '--error-on-warnings', '.'] },
  { name: 'unused code', command: bin('knip'), args: [] },
  tests('tests that share processes', { DOORSILL_PROCESSES: 'shared' }),
  tests('tests with a process of their own', { DOORSILL_PROCESSES: 'own', ...(slow ? { DOORSILL_SLOW: '1' } : {}) }),
  // What else ran meanwhile would be timed with them.
  ...(slow ? [tests('tests that time this machine', { DOORSILL_SLOW: '1', DOORSILL_ALONE: '1' })] : []),
];

const steps = ofRelease ? releaseSteps : allSteps;

/** Runs every step until one fails, tests to their end. Returns the times, and the name of the first step that failed. */
function runSteps() {
  const times = [];
  let failedStep = null;
  for (const { name, command, args, environment, report } of steps) {
    console.log(`\n== ${name}`);
    const startedAt = performance.now();
    const { status, signal } = spawnSync(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
        TMPDIR: folder,
        DOORSILL_PROCESSOR_TIMES: processorTimes,
        ...environment,
      },
    });
    times.push([name, (performance.now() - startedAt) / 1000]);
    if (status !== 0) failedStep ??= name;
    if ((status !== 0 && !report) || signal === 'SIGINT' || status === ENDED_BY_CTRL_C) break;
  }
  return { times, failedStep };
}

function printProved(proved) {
  if (proved.length === 0) return;
  console.log(`\n== what was proved (${proved.length})`);
  const width = (of) => Math.max(...proved.map((line) => of(line).length));
  const columns = [width((line) => line.what), width((line) => line.figure)];
  for (const { what, figure, test } of proved)
    console.log(`  ${what.padEnd(columns[0])}  ${figure.padEnd(columns[1])}  ${test}`);
}

function printTimes(times, files) {
  const line = ({ seconds, name }) => console.log(`${seconds.toFixed(1).padStart(7)} s    ${name}`);
  console.log(`\n== where the time went (a fixed piece of work takes ${fixedWorkMs().toFixed(0)} ms here)`);
  for (const [name, seconds] of times) console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
  for (const file of files.slice(0, 10)) line(file);
  if (!existsSync(processorTimes)) return;
  const used = readFileSync(processorTimes, 'utf8')
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
    .map(({ file, seconds }) => ({ name: relative(root, file), seconds }));
  const sum = used.reduce((all, { seconds }) => all + seconds, 0);
  console.log(`\n== where the processors’ time went: ${sum.toFixed(0)} s in ${used.length} files of tests`);
  for (const file of used.sort((a, b) => b.seconds - a.seconds).slice(0, 40)) line(file);
}

if (refused.length > 0) {
  console.log('The check runs every test that packages make possible, and this machine lacks what some need:');
  for (const { tag, what } of refused) console.log(`  ${tag}: ${what}`);
  const line = installLine(refused);
  if (line) console.log(`Packages are installed by:\n    ${line}`);
  console.log('`npm test` runs what needs none of it.\n\n0 passed, 1 failed');
  remove();
  process.exit(1);
}

let { times, failedStep } = runSteps();
let report = { counts: { passed: 0, failed: 0, skipped: 0 }, failed: [], skipped: [], proved: [], files: [] };
try {
  report = readReport(steps.flatMap(({ report: file }) => file ?? []));
} catch {
  // No tests were reached, or the runner died: the failed step says which.
}
const { counts, failed, skipped, proved, files } = report;
printTimes(times, files);
remove();
printProved(proved);
const { leftOut, unexcused } = judgeSkipped(skipped, missing);
const printNames = (heading, names) => {
  if (names.length === 0) return;
  console.log(`\n== ${heading} (${names.length})`);
  for (const name of names) console.log(`  ${name}`);
};
const named = new Set(leftOut.flatMap(({ names }) => names));
printNames(
  'skipped',
  skipped.map(({ name }) => name).filter((name) => !named.has(name)),
);
for (const { heading, names } of leftOut) printNames(heading, names);
if (unexcused.length > 0 && !failedStep) failedStep = `tests: ${unexcused.length} skipped for no reason that counts`;
printNames('failed', failed);
if (failedStep) {
  console.log(`\nfailed at: ${failedStep}`);
  if (counts.failed === 0) counts.failed = 1;
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = failedStep || counts.failed > 0 ? 1 : 0;
