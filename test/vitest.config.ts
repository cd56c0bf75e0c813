import { defineConfig } from 'vitest/config';
import { NEEDS, type Need } from './needs.ts';

declare module 'vitest' {
  interface TestTags {
    tags: import('./needs.ts').Tag;
  }
}

const slow = process.env['DOORSILL_SLOW'] === '1';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: slow ? ['test/**/*.test.ts'] : ['test/**/!(*.slow).test.ts'],
    globalSetup: ['test/support/build-first.ts'],
    tags: [
      { name: 'long', description: 'takes more than 2 s' },
      ...(Object.keys(NEEDS) as Need[]).map((name) => ({ name, description: NEEDS[name].what })),
    ],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
