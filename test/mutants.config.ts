// Vitest's settings for `npm run check:mutants`: the usual ones with the tests of one part alone, without a build before them.
import { defineConfig } from 'vitest/config';
import { keptThreads } from './support/kept-threads.ts';
import usual from './vitest.config.ts';

export default defineConfig({
  ...usual,
  // With new threads it is tried whether the kept ones lose or invent a mutant.
  plugins: process.env['DOORSILL_MUTANT_THREADS'] === 'new' ? [] : [keptThreads],
  test: {
    ...usual.test,
    include: (process.env['DOORSILL_MUTANT_TESTS'] ?? '').split(',').filter((name) => name !== ''),
    globalSetup: [],
    setupFiles: [],
    // The files of one mutant's tests load the device once, not each for itself: that is most of their time.
    isolate: false,
    coverage: {
      provider: 'v8',
      include: ['device/consent/*.ts'],
      exclude: ['test/**'],
      reporter: ['text', 'json-summary'],
    },
  },
});
