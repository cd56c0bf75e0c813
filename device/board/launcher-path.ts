// Owns: where the command line of this checkout or package is, and how a unit names it. Not here: which version it is (device/cli).

import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { failure } from '../terminal/errors.ts';

/** Where a release has a board's own command. */
export const RELEASED_LAUNCHER = 'device/cli/doorsill-device.mjs';

/** The absolute path of the command line that this process was started with. */
export function launcherPath(): string {
  return realpathSync(process.argv[1] ?? '');
}

/** The words by which a command line runs a doorbell: a board's own has for a verb what `doorsill` has under `device`. */
export function runWords(launcher: string): string[] {
  return [basename(launcher) === basename(RELEASED_LAUNCHER) ? 'run' : 'device'];
}

/** The folder of programs that this version lies in, where it is a release (device/update); null for a checkout or a package. */
export function programsFolder(): string | null {
  return /^(.+)\/versions\/[^/]+\/device\/cli\/[^/]+$/.exec(launcherPath())?.[1] ?? null;
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
  `/opt/doorsill/current/${RELEASED_LAUNCHER}`,
  ...['/usr/local/lib', '/usr/lib'].flatMap((lib) => [
    `${lib}/node_modules/@doorsill/${RELEASED_LAUNCHER}`,
    `${lib}/node_modules/doorsill/cli/doorsill.mjs`,
  ]),
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
    program: pick('--program', 'doorsill', named.program, PROGRAM_PLACES),
  };
}
