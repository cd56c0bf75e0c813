// Building before the tests, so that those that run the command line run today's sources however vitest was started.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../layout/source-tree.ts';

export default function buildFirst(): void {
  execFileSync(process.execPath, [join(root, 'sim/setup/prepare.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] });
}
