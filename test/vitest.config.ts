import { defineConfig } from 'vitest/config';

const slow = process.env['DOORSILL_SLOW'] === '1';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: slow ? ['test/**/*.test.ts'] : ['test/**/!(*.slow).test.ts'],
    globalSetup: ['test/support/build-first.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
