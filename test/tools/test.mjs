// Owns: `npm test`: every test that needs only Node, git and npm's packages and takes less than 2 s; then the number of
// tests left out, and how to run them. Arguments are vitest's: `npm test -- test/device/ring`. Not here: everything else (run-checks.mjs).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { installLine, missingNeeds, readReport, root, tagsLeftOut, whatTagMeans } from './report.mjs';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-report-'));
const reportFile = join(folder, 'tests.json');
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config=test/vitest.config.ts',
    // These tests are independent, so files share imported modules; many wait, so one more worker than cores.
    '--no-isolate',
    `--maxWorkers=${availableParallelism() + 1}`,
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    `--tags-filter=!(${tagsLeftOut.join(' || ')})`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);

let report = null;
try {
  report = readReport([reportFile]);
} catch {
  // The runner has printed why there is no report.
}
rmSync(folder, { recursive: true, force: true });
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
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}
process.exitCode = report && status === 0 ? 0 : 1;
