#!/usr/bin/env node

// Starts a board's built command; builds a checkout first. Plain JavaScript, because it runs before anything is built.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// An installed package contains only the build.
const isCheckout = existsSync(new URL('./main.ts', import.meta.url));
if (isCheckout && process.env.DOORSILL_SUPERVISED !== '1') {
  const prepare = fileURLToPath(new URL('../../sim/setup/prepare.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [prepare], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exit(status ?? 5);
}
try {
  if (!isCheckout) await import('@doorsill/base/check-node');
  await import(new URL('../dist/cli/entry.js', import.meta.url).href);
} catch (thrown) {
  if (isCheckout) throw thrown;
  // The other launcher has the same lines: beside an empty package.json, a module of another package cannot be imported.
  const advice =
    'npm does not replace what it counts as installed: remove node_modules, or the global package, and install it again';
  process.stderr.write(
    `doorsill: a program is damaged, as after an installation on a full disk (${thrown.message}). ${advice}\n`,
  );
  process.exit(5);
}
