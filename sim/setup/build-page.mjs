// Owns: building the console's page into dist/console-page. Not here: the page (device/console/page), serving it
// (device/console/page-files.ts), when it is built (prepare.mjs).
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { PAGE_STAMP } from './freshness.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const wanted = join(root, 'dist/console-page');
const [fresh, former] = [`${wanted}.${process.pid}.new`, `${wanted}.${process.pid}.old`];

try {
  await build({
    configFile: false,
    root: join(root, 'device/console/page'),
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: fresh,
      emptyOutDir: true,
      target: 'es2023',
      // Every file is one that the server names: nothing stands in the document, as its Content-Security-Policy asks.
      assetsInlineLimit: 0,
      modulePreload: false,
    },
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
