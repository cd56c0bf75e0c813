import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import needs from './needs.json' with { type: 'json' };
import { LongFirst } from './support/long-first.ts';
import { sourceAliases } from './support/own-packages.ts';
import { filesThatShare } from './support/shared-process.ts';

declare module 'vitest' {
  interface TestTags {
    /** What a test needs beyond Node, git and npm's packages; or `long`: more than 2 s on two quiet cores. */
    tags: keyof typeof import('./needs.json') | 'long';
  }
}

const slow = process.env['DOORSILL_SLOW'] === '1';
/** Only those that time this machine, one after the other; else all others. */
const alone = process.env['DOORSILL_ALONE'] === '1';

/** `shared`: only the files that share processes; `own`: only those that each have a process of their own; else all, each in its own. */
const processes = process.env['DOORSILL_PROCESSES'];
const root = new URL('..', import.meta.url).pathname;
const sharing = processes ? filesThatShare(root) : [];

const others = alone
  ? ['test/**/*.alone.slow.test.ts']
  : [slow ? 'test/**/!(*.alone.slow).test.ts' : 'test/**/!(*.slow).test.ts'];

/** Many tests wait, for a broker, a camera or a second: so one more process than the two cores they are made for. Long ones use cores whole. */
const workers = processes === 'shared' ? availableParallelism() + 1 : slow ? 2 : 3;

export default defineConfig({
  // Tests read sources, each once: by its path as by its package's name.
  resolve: { alias: sourceAliases(root) },
  test: {
    root,
    include: processes === 'shared' ? sharing : others,
    exclude: [...configDefaults.exclude, ...(processes === 'own' ? sharing : [])],
    isolate: processes !== 'shared',
    globalSetup: ['test/support/build-first.ts'],
    setupFiles: ['test/support/processor-times.ts', 'test/support/compare-bytes.ts'],
    tags: [
      { name: 'long', description: 'takes more than 2 s' },
      ...(Object.keys(needs) as (keyof typeof needs)[]).map((name) => ({ name, description: needs[name].what })),
    ],
    // What is built is run as it is.
    server: { deps: { external: [/\/dist\//] } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is waited for comes late on a busy machine; a second, as is usual, is not enough there.
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    maxWorkers: alone ? 1 : workers,
    sequence: { sequencer: LongFirst },
  },
});
