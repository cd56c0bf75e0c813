// Builds the console's page into its package's dist, and the report's page into the simulator's.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { PAGE_STAMP } from './freshness.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The pages with their vite options. */
const PAGES = [
  {
    built: 'device/console-page/dist',
    source: 'device/console-page',
    options: {
      // Nothing is inlined, as the page's Content-Security-Policy requires.
      assetsInlineLimit: 0,
      modulePreload: false,
    },
  },
  {
    built: 'sim/dist/report-page',
    source: 'sim/report/page',
    // One script and one style sheet, which are inlined into each report.
    options: {
      lib: { entry: 'main.tsx', formats: ['iife'], name: 'report', fileName: () => 'page.js', cssFileName: 'page' },
    },
  },
];

for (const { built, source, options } of PAGES) {
  const wanted = join(root, built);
  const [fresh, former] = [`${wanted}.${process.pid}.new`, `${wanted}.${process.pid}.old`];
  try {
    await build({
      configFile: false,
      root: join(root, source),
      logLevel: 'warn',
      // Reads the contract from its sources.
      resolve: { conditions: ['source', 'module', 'browser', 'production'] },
      // Never a development build, which NODE_ENV may request: it would contain paths of this machine.
      oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
      build: { outDir: fresh, emptyOutDir: true, target: 'es2023', minify: true, ...options },
    });
    writeFileSync(join(fresh, PAGE_STAMP), '');
    // Swapped by renaming, so that a server finds either the old page or the new one.
    rmSync(former, { recursive: true, force: true });
    try {
      renameSync(wanted, former);
    } catch {
      // There was no page yet.
    }
    renameSync(fresh, wanted);
  } finally {
    for (const left of [fresh, former]) rmSync(left, { recursive: true, force: true });
  }
}
