#!/usr/bin/env node
// Starts the built command line. In a checkout it builds first if the build is missing or outdated. Plain JavaScript, because it runs before
// anything is built.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = new URL('../dist/cli/entry.js', import.meta.url);
// An installed package contains only the build.
const isCheckout = existsSync(new URL('./main.ts', import.meta.url));

function say(text) {
  process.stderr.write(`doorsill: ${text}\n`);
}

async function prepareCheckout() {
  const { canPrepare, isBuilt, isDriverThere } = await import('../setup/freshness.mjs');
  if (isBuilt(root) && isDriverThere(root)) return;
  if (!canPrepare(root)) {
    const whose = `as the owner of ${root}, run: node sim/setup/prepare.mjs`;
    if (existsSync(built)) return say(`the build is older than its sources, or was made for another Node; ${whose}`);
    say(`nothing is built yet, and this user cannot build here; ${whose}`);
    process.exit(5);
  }
  const { spawnSync } = await import('node:child_process');
  const prepare = fileURLToPath(new URL('../setup/prepare.mjs', import.meta.url));
  const prepared = spawnSync(process.execPath, [prepare], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (prepared.status !== 0) process.exit(prepared.status ?? 5);
}

// A child of a running doorsill is built already; checking again would only cost time.
if (isCheckout && (process.env.DOORSILL_SUPERVISED !== '1' || !existsSync(built))) await prepareCheckout();
try {
  if (!isCheckout) await import('@doorsill/base/check-node');
  await import(built.href);
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
