// Holds: `npm run check:mutants` calls found what tests find, and nothing else, whether it keeps a thread or starts one for each mutant.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { root } from '../layout/source-tree.ts';

it('knows the fate of each mutant of code of which that is known', async () => {
  // Not those of the vitest that runs this: the program starts its own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  // Two at a time: only one of the two threads that are kept was started without a choice of tests.
  const program = spawn(process.execPath, ['test/tools/check-mutants.mjs', '--concurrency', '2', 'known-fates'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await Promise.all([text(program.stdout), once(program, 'close')]);
  for (const threads of ['kept', 'new']) {
    expect(said).toContain(`passed  known-fates, ${threads} threads: 0 of 12 mutants came out wrong`);
  }
  expect(said).toContain('2 passed, 0 failed');
}, 280_000);
