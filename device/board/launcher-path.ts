// The path of the command line of this checkout or package, and how a unit names it.
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { failure } from '../terminal/errors.ts';

/** The path of a board's command in a release. */
export const RELEASED_LAUNCHER = 'device/cli/doorsill-device.mjs';

/** The absolute path of the command line that this process was started with. */
export function launcherPath(): string {
  return realpathSync(process.argv[1] ?? '');
}

/** The verb that runs a doorbell: `run` in the board's own command, `device` in `doorsill`. */
export function runWords(launcher: string): string[] {
  return [basename(launcher) === basename(RELEASED_LAUNCHER) ? 'run' : 'device'];
}

/** The folder of programs around this version, if it is a release (device/update); null for a checkout or a package. */
export function programsFolder(): string | null {
  return /^(.+)\/versions\/[^/]+\/device\/cli\/[^/]+$/.exec(launcherPath())?.[1] ?? null;
}

/**
 * The path by which a unit names a command line. In DIR/versions/VERSION it is the path through DIR/current, if that leads there, so
 * that the same unit runs later versions.
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

/** The programs that a systemd unit starts, by absolute path. */
interface UnitPrograms {
  node: string;
  program: string;
}

/** The usual places of node, and of this program: installed by updates, by npm, and by npm on Debian. */
const NODE_PLACES = ['/usr/bin/node', '/usr/local/bin/node'];
const PROGRAM_PLACES = [
  `/opt/doorsill/current/${RELEASED_LAUNCHER}`,
  ...['/usr/local/lib', '/usr/lib'].flatMap((lib) => [
    `${lib}/node_modules/@doorsill/${RELEASED_LAUNCHER}`,
    `${lib}/node_modules/doorsill/cli/doorsill.mjs`,
  ]),
];

/**
 * The programs of a system below `root`, by that system's paths: the named ones, else those found. Throws `usage` for a path that is
 * not absolute, `board_program_missing` where there is none.
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
