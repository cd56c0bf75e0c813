// `npm test`: every test that needs only Node, git and npm's packages and takes less than 2 s; then the number of tests left out, and how to
// run them. Arguments are vitest's: `npm test -- test/device/ring`. `npm run check` runs everything else (run-checks.mjs).
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  fixedWorkMs,
  folderOfRun,
  installLine,
  missingNeeds,
  readReport,
  root,
  tagsLeftOut,
  whatTagMeans,
} from './report.mjs';

const { folder, remove } = folderOfRun(2 * 1_024 ** 3);
const reportFile = join(folder, 'tests.json');
// Dots and colours are for a terminal; a log gets failures, and a line now and then.
const isTerminal = process.stdout.isTTY === true;
const reporter = isTerminal ? 'dot' : join(root, 'test/tools/failures-at-once.mjs');
const startedMs = performance.now();
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config=test/vitest.config.ts',
    // These tests are independent, so files share imported modules; many wait, so one more worker than cores.
    '--no-isolate',
    `--maxWorkers=${availableParallelism() + 1}`,
    `--reporter=${reporter}`,
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    `--tags-filter=!(${tagsLeftOut.join(' || ')})`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, TMPDIR: folder, ...(isTerminal ? {} : { NO_COLOR: '1' }) },
  },
);
const seconds = (performance.now() - startedMs) / 1_000;

let report = null;
try {
  report = readReport([reportFile]);
} catch {
  // The runner has printed why there is no report.
}
remove();
if (report) {
  const { counts, skipped } = report;
  if (skipped.length > 0) {
    console.log(`\nLeft out here: ${skipped.length} tests, which \`npm run check\` runs.`);
    for (const tag of tagsLeftOut) {
      const count = skipped.filter(({ tags }) => tags[0] === tag || (tags.includes(tag) && tag !== 'long')).length;
      if (count > 0) console.log(`${String(count).padStart(6)} ${whatTagMeans(tag)}`);
    }
    for (const { name, tags } of skipped) if (tags.length === 0) console.log(`       ${name}`);
    const line = installLine(missingNeeds());
    if (line) console.log(`What they need is installed by:\n    ${line}`);
  }
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  // A slow machine takes longer for both.
  console.log(`\nThe tests took ${seconds.toFixed(0)} s, and a fixed piece of work ${fixedWorkMs().toFixed(0)} ms.`);
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}
process.exitCode = report && status === 0 ? 0 : 1;
