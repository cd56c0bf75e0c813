// Owns: `npm run check` and `npm run check:slow`: every gate in order, where the time went, and what was proved.
// Its last line is `N passed, N failed, N skipped`. Not here: installing system packages (.ci/run).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const slow = process.argv.includes('--slow');
const report = mkdtempSync(join(tmpdir(), 'doorsill-check-'));
const reportFile = join(report, 'tests.json');
const bin = (name) => join(root, 'node_modules/.bin', name);

const steps = [
  ['prepare', process.execPath, [join(root, 'sim/setup/prepare.mjs')]],
  ['types', bin('tsc'), []],
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

/** What a test may be skipped for in `check:slow`: the machine lacks a device, which the test's name or its group's says so. */
const NEEDS_HARDWARE = /\(needs hardware: [^)]+\)/;

/** Counts tests, sums time per file and collects what was proved from vitest's JSON report. */
function readReport() {
  const { testResults } = JSON.parse(readFileSync(reportFile, 'utf8'));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const skipped = [];
  const proved = [];
  const files = testResults.map((file) => {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') {
        counts.passed += 1;
        for (const line of test.meta?.proved ?? []) proved.push({ ...line, test: relative(root, file.name) });
      } else if (test.status === 'failed') counts.failed += 1;
      else {
        counts.skipped += 1;
        skipped.push(`${relative(root, file.name)}: ${test.fullName}`);
      }
    }
    if (file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed')) counts.failed += 1;
    return { name: relative(root, file.name), seconds: (file.endTime - file.startTime) / 1000 };
  });
  return { counts, skipped, proved, files: files.sort((a, b) => b.seconds - a.seconds) };
}

const times = [];
let failedStep = null;
for (const [name, command, args] of steps) {
  console.log(`\n== ${name}`);
  const startedAt = performance.now();
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...(slow ? { DOORSILL_SLOW: '1' } : {}) },
  });
  times.push([name, (performance.now() - startedAt) / 1000]);
  if (status !== 0) {
    failedStep = name;
    break;
  }
}

let summary = { counts: { passed: 0, failed: 0, skipped: 0 }, skipped: [], proved: [], files: [] };
try {
  summary = readReport();
} catch {
  // No tests were reached, or the runner died: the failed step says which.
}
rmSync(report, { recursive: true, force: true });
const { counts, skipped, proved, files } = summary;
console.log('\n== where the time went');
for (const [name, seconds] of times) console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
for (const file of files.slice(0, 10)) console.log(`${file.seconds.toFixed(1).padStart(7)} s    ${file.name}`);
if (proved.length > 0) {
  console.log(`\n== what was proved (${proved.length})`);
  const width = (of) => Math.max(...proved.map((line) => of(line).length));
  const columns = [width((line) => line.what), width((line) => line.figure)];
  for (const { what, figure, test } of proved)
    console.log(`  ${what.padEnd(columns[0])}  ${figure.padEnd(columns[1])}  ${test}`);
}
if (skipped.length > 0) {
  console.log(`\n== skipped (${skipped.length})`);
  for (const name of skipped) console.log(`  ${name}`);
}
const unexcused = slow ? skipped.filter((name) => !NEEDS_HARDWARE.test(name)) : [];
if (unexcused.length > 0 && !failedStep) {
  failedStep = `tests: ${unexcused.length} skipped without needing hardware; a long proof leaves nothing out`;
}
if (failedStep) {
  console.log(`\nfailed at: ${failedStep}`);
  if (counts.failed === 0) counts.failed = 1;
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = failedStep || counts.failed > 0 ? 1 : 0;
