// Owns: where the command line of this checkout or package is, and how a unit names it. Not here: which version it is (own-version.ts).
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The absolute path of the command line. */
export function launcherPath(): string {
  // The built file lies in dist/sim/cli.
  return fileURLToPath(new URL('../../../sim/cli/doorsill.mjs', import.meta.url));
}

/** The folder of programs that this version lies in, where it is a release (device/update); null for a checkout or a package. */
export function programsFolder(): string | null {
  return /^(.+)\/versions\/[^/]+\/sim\/cli\/[^/]+$/.exec(launcherPath())?.[1] ?? null;
}

/**
 * The path by which a unit names a command line: through DIR/current where that leads to the DIR/versions/VERSION that it lies in, so
 * that the same unit runs what an update puts there.
 */
export function lastingPath(launcher: string): string {
  const [, folder, below] = /^(.*)\/versions\/[^/]+(\/.*)$/.exec(launcher) ?? [];
  if (folder === undefined) return launcher;
  const through = `${folder}/current${below}`;
  try {
    return realpathSync(through) === realpathSync(launcher) ? through : launcher;
  } catch {
    return launcher;
  }
}
