// Commands as text that can be pasted into a shell.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';

/** The file that node runs for a board's own command. */
const BOARD_LAUNCHER = 'doorsill-device.mjs';
/** The verbs of `doorsill` that a board's command has, too, besides those under `device`. */
const SHARED_VERBS = 'device|ring|pair|watch|grant|deny|revoke|left|privacy|forget|settings|doctor|help';
/** The folders in which sudo looks for programs, as distributions set `secure_path`. */
const ROOT_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** A word, quoted if a shell would not take it literally. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command line of this process for a report: with the command's name instead of its path on this machine. */
export function commandLine(): string {
  return [nameOf(process.argv[1]), ...process.argv.slice(2).map(shellWord)].join(' ');
}

function fileOf(path: string): string | null {
  return existsSync(path) ? realpathSync(path) : null;
}

/** The name of the command that node was started with. */
function nameOf(program = ''): string {
  return basename(fileOf(program) ?? program) === BOARD_LAUNCHER ? 'doorsill-device' : 'doorsill';
}

/**
 * Rewrites a text's `doorsill` commands for the command that was started: on a board `doorsill device init` becomes
 * `doorsill-device init`, and `doorsill grant` becomes `doorsill-device grant`. Verbs that a board's command lacks stay.
 */
export function inOwnWords(text: string, program = process.argv[1]): string {
  if (nameOf(program) === 'doorsill') return text;
  return text
    .replace(new RegExp(`(?<![\\w./-])doorsill (?=(?:${SHARED_VERBS})\\b)`, 'g'), 'doorsill-device ')
    .replace(/(doorsill-device(?:\.mjs)? )device(?= --|`)/g, '$1run')
    .replace(/(doorsill-device(?:\.mjs)? |`)device (?=[a-z])/g, '$1');
}

/** What calls this program from outside, such as from a container's machine: a setting of the environment, which an image has. */
const CALLED_AS = 'DOORSILL_CALLED_AS';

/**
 * The words that call this program again from the same folder: what the environment says (`DOORSILL_CALLED_AS`, as in a container), else
 * `npx doorsill` only where npx finds it in that folder, because elsewhere npx asks the network for a package of that name; else its name if PATH leads to it, else its file. With sudo after sudo, or for a
 * command that needs root. All options except `isRoot` and `rootPath` default to the process's.
 */
export function calledAs({
  program = process.argv[1] ?? 'doorsill',
  cwd = process.cwd(),
  env = process.env,
  isRoot = env['SUDO_USER'] !== undefined,
  rootPath = ROOT_PATH,
}: {
  program?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  isRoot?: boolean;
  rootPath?: readonly string[];
} = {}): string {
  const set = env[CALLED_AS];
  if (set) return set;
  const name = nameOf(program);
  const own = fileOf(program);
  const isThis = (path: string) => own !== null && fileOf(path) === own;
  if (!isRoot && npxFinds(name, cwd, isThis)) return `npx ${name}`;
  // Folders that npx adds to PATH are gone when it ends.
  const ownPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder && !/node_modules.\.bin$/.test(folder));
  const folders = isRoot ? rootPath : ownPath;
  const called = folders.some((folder) => isThis(join(folder, name))) ? name : `node ${shellWord(own ?? program)}`;
  return isRoot ? `sudo ${called}` : called;
}

/** A help text for the command that was started, with examples (`$ doorsill up`) that call it as this process was called. */
export function asCalled(text: string): string {
  const own = new RegExp(`(?<![\\w./-])(sudo )?${nameOf(process.argv[1])} (?=[a-z-])`, 'g');
  return inOwnWords(text).replace(/^ +\$ .*/gm, (line) =>
    line.replace(own, (_, sudo) => `${calledAs(sudo ? { isRoot: true } : {})} `),
  );
}

/** Whether npx finds a program in this folder: in a package of the project, or in the project itself. */
function npxFinds(name: string, cwd: string, isThis: (path: string) => boolean): boolean {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    const isProject = existsSync(manifest) || existsSync(join(folder, 'node_modules'));
    if (isProject && basename(folder) !== 'node_modules') {
      return (
        isThis(join(folder, 'node_modules', '.bin', name)) ||
        ownPrograms(name, manifest).some((path) => isThis(join(folder, path)))
      );
    }
    if (folder === dirname(folder)) return false;
  }
}

/** The files that a project's manifest runs under this name. */
function ownPrograms(name: string, manifest: string): string[] {
  try {
    const path: unknown = Object(JSON.parse(readFileSync(manifest, 'utf8')).bin)[name];
    return typeof path === 'string' ? [path] : [];
  } catch {
    return [];
  }
}
