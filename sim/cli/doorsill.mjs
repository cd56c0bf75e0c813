#!/usr/bin/env node
// Owns: starting the built command line, building it first where that is missing or older than its sources.
// Not here: any command (main.ts). Plain JavaScript, because it runs before anything is built.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const prepare = fileURLToPath(new URL('../setup/prepare.mjs', import.meta.url));
const built = new URL('../../dist/sim/cli/run.js', import.meta.url);

// A child of a running doorsill is already built; looking again would only cost time. A package from npm comes built, and has
// no sources to look at.
if (existsSync(prepare) && (process.env.DOORSILL_SUPERVISED !== '1' || !existsSync(built))) {
  const prepared = spawnSync(process.execPath, [prepare], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (prepared.status !== 0) process.exit(prepared.status ?? 5);
}
await import(built.href);
