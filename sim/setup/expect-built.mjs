// Owns: building a checkout before one of its commands runs, when the build is missing or older than its sources. Not here: the build (prepare.mjs).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canPrepare, isBuilt, isDriverForeign } from './freshness.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

function say(text) {
  process.stderr.write(`doorsill: ${text}\n`);
}

/** Builds unless the build is as new as its sources; ends this process where that cannot be. `built`: the file that is to be run. */
export function expectBuilt(built) {
  // A child of a running doorsill is already built; looking again would only cost time.
  if (process.env.DOORSILL_SUPERVISED === '1' && existsSync(built)) return;
  if (isBuilt(root) && !isDriverForeign(root)) return;
  if (!canPrepare(root)) {
    const whose = `as the owner of ${root}, run: node sim/setup/prepare.mjs`;
    if (existsSync(built)) return say(`the build is older than its sources, or was made for another Node; ${whose}`);
    say(`nothing is built yet, and this user cannot build here; ${whose}`);
    process.exit(5);
  }
  const prepare = fileURLToPath(new URL('./prepare.mjs', import.meta.url));
  const prepared = spawnSync(process.execPath, [prepare], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (prepared.status !== 0) process.exit(prepared.status ?? 5);
}
