// Owns: where the command line of this checkout or package is, and how a unit names it. Not here: which version it is (own-version.ts).

import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failure } from '../errors.ts';

/** The absolute path of the command line. */
export function launcherPath(): string {
  // The built file lies in dist/cli of its package.
  return fileURLToPath(new URL('../../cli/doorsill.mjs', import.meta.url));
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

/** What a unit starts. */
export interface UnitPrograms {
  node: string;
  program: string;
}

/** Where Debian and others put node; where updates, and npm with and without Debian, put us. */
const NODE_PLACES = ['/usr/bin/node', '/usr/local/bin/node'];
const PROGRAM_PLACES = [
  '/opt/doorsill/current/sim',
  '/usr/local/lib/node_modules/doorsill',
  '/usr/lib/node_modules/doorsill',
];

/**
 * The programs of a system below `root`, as that system names them: those that are there, or those that were named. Throws `usage` for a
 * path that is not absolute, `board_program_missing` where there is none.
 */
export function programsBelow(root: string, named: Partial<UnitPrograms>): UnitPrograms {
  const pick = (option: string, what: string, path: string | undefined, places: readonly string[]): string => {
    if (path !== undefined && !/^\/[\w@%+=:,./-]+$/.test(path))
      throw failure('usage', { detail: `${option} takes an absolute path without spaces` });
    const found = path ?? places.find((place) => existsSync(join(root, place)));
    if (found === undefined) throw failure('board_program_missing', { what, root, option });
    return found;
  };
  return {
    node: pick('--node', 'node', named.node, NODE_PLACES),
    program: pick(
      '--program',
      'doorsill',
      named.program,
      PROGRAM_PLACES.map((place) => `${place}/cli/doorsill.mjs`),
    ),
  };
}
