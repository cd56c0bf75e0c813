// Owns: where the command line of this checkout or package is. Not here: which version it is (own-version.ts).
import { fileURLToPath } from 'node:url';

/** The absolute path of the command line, as a unit names it. */
export function launcherPath(): string {
  // The built file lies in dist/sim/cli.
  return fileURLToPath(new URL('../../../sim/cli/doorsill.mjs', import.meta.url));
}
