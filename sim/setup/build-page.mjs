// Owns: building the console's page into its package's dist and the report's into the simulator's. Not here: the pages
// (device/console-page, sim/report/page), serving the one (device/console/page-files.ts) and writing the other
// (sim/report/report-html.ts), when they are built (prepare.mjs).
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { PAGE_STAMP } from './freshness.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** What vite is told of each page. */
const PAGES = [
  {
    built: 'device/console-page/dist',
    source: 'device/console-page',
    options: {
      // Every file is one that the server names: nothing stands in the document, as its Content-Security-Policy asks.
      assetsInlineLimit: 0,
      modulePreload: false,
    },
  },
  {
    built: 'sim/dist/report-page',
    source: 'sim/report/page',
    // One script and one style sheet, which stand in each report.
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
      // What a page uses of the contract is read from its sources.
      resolve: { conditions: ['source', 'module', 'browser', 'production'] },
      // Never as for development, which NODE_ENV may ask for: that names files of this machine.
      oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
      build: { outDir: fresh, emptyOutDir: true, target: 'es2023', minify: true, ...options },
    });
    writeFileSync(join(fresh, PAGE_STAMP), '');
    // A server that starts meanwhile finds the old page or the new one.
    rmSync(former, { recursive: true, force: true });
    try {
      renameSync(wanted, former);
    } catch {
      // There was none yet.
    }
    renameSync(fresh, wanted);
  } finally {
    for (const left of [fresh, former]) rmSync(left, { recursive: true, force: true });
  }
}
