// Owns: commands as text that can be pasted into a shell. Not here: running them.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';

/** A board's own command, by the file that node runs. */
const BOARDS = 'doorsill-device.mjs';
/** What begins with `doorsill` and a board has, too: all that is under `device`, and these. */
const SHARED = 'device|ring|pair|watch|grant|deny|revoke|left|privacy|forget|settings|doctor|help';
/** Where sudo looks for programs, as distributions set it (`secure_path`). */
const ROOT_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** A word, quoted where a shell would read anything but itself in it. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that this process was started with, as a report that others read may tell it: by name, whatever file that is here. */
export function commandLine(): string {
  return [nameOf(process.argv[1]), ...process.argv.slice(2).map(shellWord)].join(' ');
}

function fileOf(path: string): string | null {
  return existsSync(path) ? realpathSync(path) : null;
}

/** What the command is called that node was started with. */
function nameOf(program = ''): string {
  return basename(fileOf(program) ?? program) === BOARDS ? 'doorsill-device' : 'doorsill';
}

/**
 * A text that names our commands as `doorsill` has them, in the words of the command that was started: on a board `doorsill device init` is
 * `doorsill-device init`, and `doorsill grant` is `doorsill-device grant`. What a board's command has not, stays `doorsill`.
 */
export function inOwnWords(text: string, program = process.argv[1]): string {
  if (nameOf(program) === 'doorsill') return text;
  return text
    .replace(new RegExp(`(?<![\\w./-])doorsill (?=(?:${SHARED})\\b)`, 'g'), 'doorsill-device ')
    .replace(/(doorsill-device(?:\.mjs)? )device(?= --|`)/g, '$1run')
    .replace(/(doorsill-device(?:\.mjs)? |`)device (?=[a-z])/g, '$1');
}

/**
 * How this program is called again from the folder in which it was called: as `npx doorsill` only where npx has it in that folder, because
 * elsewhere npx asks the network for a package of that name; else by its name where the path leads to it, else by its file. After
 * sudo, or for what needs root, with sudo. All but `isRoot` and `rootPath`: of the process.
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
  const name = nameOf(program);
  const own = fileOf(program);
  const isThis = (path: string) => own !== null && fileOf(path) === own;
  if (!isRoot && npxFinds(name, cwd, isThis)) return `npx ${name}`;
  // What npx adds to the path is gone when it ends.
  const ownPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder && !/node_modules.\.bin$/.test(folder));
  const folders = isRoot ? rootPath : ownPath;
  const called = folders.some((folder) => isThis(join(folder, name))) ? name : `node ${shellWord(own ?? program)}`;
  return isRoot ? `sudo ${called}` : called;
}

/** A help text in this command's own words, whose examples (`$ doorsill up`) call it as this process was called. */
export function asCalled(text: string): string {
  const own = new RegExp(`(?<![\\w./-])(sudo )?${nameOf(process.argv[1])} (?=[a-z-])`, 'g');
  return inOwnWords(text).replace(/^ +\$ .*/gm, (line) =>
    line.replace(own, (_, sudo) => `${calledAs(sudo ? { isRoot: true } : {})} `),
  );
}

/** Whether npx, called in this folder, runs a program without looking further: it has it as a package of the project, or the project itself does. */
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

/** What a project calls by this name itself. */
function ownPrograms(name: string, manifest: string): string[] {
  try {
    const path: unknown = Object(JSON.parse(readFileSync(manifest, 'utf8')).bin)[name];
    return typeof path === 'string' ? [path] : [];
  } catch {
    return [];
  }
}
