// Owns: commands as text that can be pasted into a shell. Not here: running them.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';

const NAME = 'doorsill';
/** Where sudo looks for programs, as distributions set it (`secure_path`). */
const ROOT_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** A word, quoted where a shell would read anything but itself in it. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that this process was started with, as a report that others read may tell it: by name, whatever file that is here. */
export function commandLine(): string {
  return [NAME, ...process.argv.slice(2).map(shellWord)].join(' ');
}

/**
 * How this program is called again from the folder in which it was called: as `npx doorsill` only where npx has it in that folder, because
 * elsewhere npx asks the network for a package of that name; else by its name where the path leads to it, else by its file. After
 * sudo, or for what needs root, with sudo. All but `isRoot` and `rootPath`: of the process.
 */
export function calledAs({
  program = process.argv[1] ?? NAME,
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
  const fileOf = (path: string) => (existsSync(path) ? realpathSync(path) : null);
  const own = fileOf(program);
  const isThis = (path: string) => own !== null && fileOf(path) === own;
  if (!isRoot && npxFinds(cwd, isThis)) return `npx ${NAME}`;
  // What npx adds to the path is gone when it ends.
  const ownPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder && !/node_modules.\.bin$/.test(folder));
  const folders = isRoot ? rootPath : ownPath;
  const called = folders.some((folder) => isThis(join(folder, NAME))) ? NAME : `node ${shellWord(own ?? program)}`;
  return isRoot ? `sudo ${called}` : called;
}

/** A help text whose examples (`$ doorsill up`) call the program as this process was called. */
export function asCalled(text: string): string {
  return text.replace(/^ +\$ .*/gm, (line) =>
    line.replace(/(?<![\w./-])(sudo )?doorsill (?=[a-z-])/g, (_, sudo) => `${calledAs(sudo ? { isRoot: true } : {})} `),
  );
}

/** Whether npx, called in this folder, runs a program without looking further: it has it as a package of the project, or the project itself does. */
function npxFinds(cwd: string, isThis: (path: string) => boolean): boolean {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    const isProject = existsSync(manifest) || existsSync(join(folder, 'node_modules'));
    if (isProject && basename(folder) !== 'node_modules') {
      return (
        isThis(join(folder, 'node_modules', '.bin', NAME)) ||
        ownPrograms(manifest).some((path) => isThis(join(folder, path)))
      );
    }
    if (folder === dirname(folder)) return false;
  }
}

/** What a project calls by this name itself. */
function ownPrograms(manifest: string): string[] {
  try {
    const path: unknown = Object(JSON.parse(readFileSync(manifest, 'utf8')).bin)[NAME];
    return typeof path === 'string' ? [path] : [];
  } catch {
    return [];
  }
}
