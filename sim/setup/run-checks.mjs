// Owns: `npm run check` and `npm run check:slow`: every gate in order, where the time went, and what was proved. Only tests
// of real hardware may be skipped. Its last line is `N passed, N failed, N skipped`.
// Not here: the quick tests alone (test.mjs), installing system packages (.ci/run).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installLine, missingNeeds, readReport, root } from './report.mjs';

const slow = process.argv.includes('--slow');
const folder = mkdtempSync(join(tmpdir(), 'doorsill-check-'));
const reportFile = join(folder, 'tests.json');
const bin = (name) => join(root, 'node_modules/.bin', name);

const steps = [
  ['prepare', process.execPath, [join(root, 'sim/setup/prepare.mjs')]],
  ['types', bin('tsc'), []],
  ['types of the console’s page', bin('tsc'), ['-p', 'device/console/page']],
  ['types of the report’s page', bin('tsc'), ['-p', 'sim/report/page']],
  ['lint and format', bin('biome'), ['ci', '--error-on-warnings', '.']],
  ['unused code', bin('knip'), []],
  [
    'tests',
    bin('vitest'),
    [
      'run',
      '--config',
      'test/vitest.config.ts',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
    ],
  ],
];

/** Matches tests that may be skipped: their name or group names a device that the machine may lack. */
const NEEDS_HARDWARE = /\(needs hardware: [^)]+\)/;

/** Runs every step until one fails. Returns the times, and the name of the step that failed. */
function runSteps() {
  const times = [];
  for (const [name, command, args] of steps) {
    console.log(`\n== ${name}`);
    const startedAt = performance.now();
    const { status } = spawnSync(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...(slow ? { DOORSILL_SLOW: '1' } : {}) },
    });
    times.push([name, (performance.now() - startedAt) / 1000]);
    if (status !== 0) return { times, failedStep: name };
  }
  return { times, failedStep: null };
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
  console.log('\n== where the time went');
  for (const [name, seconds] of times) console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
  for (const file of files.slice(0, 10)) console.log(`${file.seconds.toFixed(1).padStart(7)} s    ${file.name}`);
}

const missing = missingNeeds();
if (missing.length > 0) {
  console.log('The check leaves nothing out, and this machine lacks what some tests need:');
  for (const { tag, what } of missing) console.log(`  ${tag}: ${what}`);
  const line = installLine(missing);
  if (line) console.log(`Packages are installed by:\n    ${line}`);
  console.log('`npm test` runs what needs none of it.\n\n0 passed, 1 failed');
  process.exit(1);
}

let { times, failedStep } = runSteps();
let report = { counts: { passed: 0, failed: 0, skipped: 0 }, failed: [], skipped: [], proved: [], files: [] };
try {
  report = readReport(reportFile);
} catch {
  // No tests were reached, or the runner died: the failed step says which.
}
rmSync(folder, { recursive: true, force: true });
const { counts, failed, skipped, proved, files } = report;
printTimes(times, files);
printProved(proved);
if (skipped.length > 0) {
  console.log(`\n== skipped (${skipped.length})`);
  for (const { name } of skipped) console.log(`  ${name}`);
}
const unexcused = skipped.filter(({ name }) => !NEEDS_HARDWARE.test(name));
if (unexcused.length > 0 && !failedStep) {
  failedStep = `tests: ${unexcused.length} skipped that need no hardware`;
}
if (failed.length > 0) {
  console.log(`\n== failed (${failed.length})`);
  for (const name of failed) console.log(`  ${name}`);
}
if (failedStep) {
  console.log(`\nfailed at: ${failedStep}`);
  if (counts.failed === 0) counts.failed = 1;
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = failedStep || counts.failed > 0 ? 1 : 0;
