// The verbs under `device` for a doorbell as a service of a board: install, uninstall, enrol.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { folderHolder } from '@doorsill/base/folder-lock';
import { utf8 } from '@doorsill/contract/bytes';
import type { Command } from 'commander';
import {
  boardFiles,
  expectNotPackaged,
  type FileOutcome,
  type InstallSpec,
  removeBoardFiles,
  unitFrom,
  writeBoardFiles,
} from '../board/board-files.ts';
import { thisBoard, whyUnfit } from '../board/board-fitness.ts';
import { checkServiceName, credentialFile } from '../board/device-unit.ts';
import { lastingPath, launcherPath, programsBelow } from '../board/launcher-path.ts';
import { applyFiles, endService } from '../board/system-service.ts';
import { pairingSocketPath } from '../owner/private-socket.ts';
import { failure } from '../terminal/errors.ts';
import { readEnrolmentInput } from '../terminal/secret-input.ts';
import { calledAs } from '../terminal/shell-words.ts';
import { type Context, openContext } from './context.ts';

/** Emptied at each boot, which suits a code that is valid for an hour. */
const CREDENTIALS = '/run/credstore';

interface ServiceOptions {
  name: string;
  root?: string;
}

interface InstallOptions extends ServiceOptions {
  node?: string;
  program?: string;
  hardwareWatchdog?: boolean;
  print?: boolean;
}

function withServiceOptions(command: Command): Command {
  return command
    .option('--name <name>', 'name of the service and of its folder under /var/lib', 'doorsill')
    .option(
      '--root <dir>',
      'root of a system that is not running, such as a card; runs no command there (default: this system)',
    );
}

export function addInstall(device: Command): void {
  withServiceOptions(
    device
      .command('install')
      .description(
        'install a doorbell as a service of this board: a hardened unit, groups, rights on cameras, keys and GPIO lines',
      ),
  )
    .option('--hardware-watchdog', "let the board's watchdog restart it when its kernel or systemd hangs")
    .option('--node <path>', 'with --root: path of node in that system (default: search for it)')
    .option(
      '--program <path>',
      'with --root: path of doorsill.mjs or doorsill-device.mjs in that system (default: search for it)',
    )
    .option('--print', 'print the files and write nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sudo doorsill device install\n  $ doorsill device install --print\n  $ sudo doorsill device install --root /media/card',
    )
    .action(async (options: InstallOptions, command: Command) => {
      const context = openContext(command);
      checkServiceName(options.name);
      if (options.root === undefined && (options.node ?? options.program) !== undefined)
        throw failure('usage', { detail: '--node and --program go with --root' });
      const spec = {
        ...(options.root === undefined
          ? { node: process.execPath, program: lastingPath(launcherPath()) }
          : programsBelow(rootOf(options), options)),
        name: options.name,
        hardwareWatchdog: options.hardwareWatchdog === true,
      };
      if (options.print) return print(context, spec);
      const unfit = options.root === undefined ? whyUnfit(thisBoard(), spec) : null;
      if (unfit) throw unfit;
      await expectNotPackaged(context.disk, rootOf(options), options.name);
      const done = await writeBoardFiles(context.disk, rootOf(options), spec);
      if (options.root === undefined) applyFiles(done);
      sayInstalled(context, spec, done, options.root === undefined ? [] : ['On the board:', '']);
    });
}

function print({ output }: Context, spec: InstallSpec): void {
  const files = boardFiles(spec);
  const text = [...files].map(([path, content]) => `# ---- ${path}\n${content}`).join('\n');
  output.result({ files: Object.fromEntries(files) }, text.trimEnd());
}

/** The system's root. Throws `file_unusable` when it does not exist: files in the mount point of a card would be hidden by its mount. */
function rootOf({ root = '/' }: Pick<InstallOptions, 'root'>): string {
  if (existsSync(root)) return resolve(root);
  throw failure('file_unusable', { detail: `${root} does not exist; mount a card first` });
}

function sayInstalled(
  { output }: Context,
  { name, node, program }: InstallSpec,
  done: ReadonlyMap<string, FileOutcome>,
  whose: readonly string[],
): void {
  const outcomes = [...new Set(done.values())];
  const outcome = outcomes.length === 1 ? outcomes[0] : outcomes.includes('installed') ? 'installed' : 'replaced';
  const folder = `/var/lib/${name}`;
  output.result(
    { outcome, files: Object.fromEntries(done), folder },
    [
      ...[...done].map(([path, what]) => `${path}: ${what}.`),
      '',
      ...whose,
      ...(name === 'doorsill'
        ? [
            `    ${calledAs()} device setup     # once: its settings on a page that a phone opens; starts it, now and at boot`,
          ]
        : [
            `    ${calledAs()} device init --data ${folder} ...     # once: its settings; --help has examples`,
            `    sudo systemctl enable --now ${name}                   # starts it, now and at boot`,
            `    ${calledAs()} pair --socket ${pairingSocketPath(folder)}`,
          ]),
      '',
      `Its settings are ${folder}/device.json; \`journalctl -u ${name}\` shows its log.`,
      ...placeWarning(node, program),
    ].join('\n'),
  );
}

/** Warns of programs that a unit cannot see: in a home folder closed to other users, or a temporary folder (PrivateTmp=). */
function placeWarning(...programs: string[]): string[] {
  const isHidden = programs.some((path) => /^\/(home|root|tmp|var\/tmp)\//.test(path));
  return isHidden
    ? [
        '',
        'Note: node or this checkout is in a home or temporary folder. The service runs as its own user with its own temporary',
        'folders, so it may not find it there. Move it to a folder such as /opt.',
      ]
    : [];
}

export function addUninstall(device: Command): void {
  withServiceOptions(
    device
      .command('uninstall')
      .description(
        'stop the service and remove its installed files; keys, ledger and footage stay unless --with-data is given',
      ),
  )
    .option('--with-data', 'destroy its folder, too: keys, ledger, settings and footage')
    .addHelpText('after', '\nExample:\n  $ sudo doorsill device uninstall')
    .action(async (options: ServiceOptions & { withData?: boolean }, command: Command) => {
      const { disk, output } = openContext(command);
      checkServiceName(options.name);
      const { name } = options;
      const root = rootOf(options);
      const isHere = options.root === undefined;
      const board = thisBoard();
      if (isHere && board.user !== 0) throw failure('board_user_not_root');
      await expectNotPackaged(disk, root, name);
      const folders = options.withData ? await dataFolders(disk, root, name) : [];
      // Done before the unit is removed: systemd needs it to stop the service and to remove its links.
      if (isHere && board.hasSystemd && (await unitFrom(disk, root, name)) === 'install') endService(name);
      const removed = await removeBoardFiles(disk, root, name);
      if (isHere && board.hasSystemd) applyFiles(new Map(removed.map((path) => [path, 'removed'])));
      for (const folder of folders) await removeData(disk, folder);
      const outcome = removed.length + folders.length > 0 ? 'removed' : 'absent';
      const lines = outcome === 'absent' ? [`No files of ${name} were found.`] : [];
      const stays = options.withData
        ? []
        : ['', `${join(root, '/var/lib', name)} stays: its keys, ledger and footage.`];
      output.result(
        { outcome, files: removed, folders },
        [...lines, ...[...removed, ...folders].map((path) => `${path}: removed.`), ...stays].join('\n').trim(),
      );
    });
}

async function removeData(disk: Context['disk'], folder: string): Promise<void> {
  const pid = folderHolder(folder);
  if (pid !== null) throw failure('data_folder_locked', { folder, pid });
  await disk.remove(folder);
}

/** The paths of a service's folder: systemd moves it to private/ and leaves a link (systemd.exec(5), DynamicUser=). */
async function dataFolders(disk: Context['disk'], root: string, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of [join(root, '/var/lib/private', name), join(root, '/var/lib', name)]) {
    const names = await disk.list(folder);
    if (names.length === 0) continue;
    if (!names.includes('device.key') && !names.includes('device.json')) {
      throw failure('data_folder_foreign', {
        folder,
        detail: 'it holds no doorbell, so nothing was removed',
        advice: 'Name the doorbell’s service with --name, or leave out --with-data.',
      });
    }
    found.push(folder);
  }
  return found;
}

interface EnrolOptions {
  name: string;
  code: string;
  credentialDir: string;
}

export function addEnrol(device: Command): void {
  device
    .command('enrol')
    .description("hand a bridge's one-time enrolment code to an installed unit, which reads it at its next start")
    .option('--name <name>', 'name of the unit', 'doorsill')
    .option('--code <file>', 'a file of mode 0600 with the code, or - for standard input', '-')
    .option(
      '--credential-dir <dir>',
      'where systemd looks for credentials; this one is empty after a reboot',
      CREDENTIALS,
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ sudo doorsill device enrol            # asks for the code and does not show it\n  $ sudo systemctl restart doorsill',
    )
    .action(async (options: EnrolOptions, command: Command) => {
      const context = openContext(command);
      checkServiceName(options.name);
      try {
        const code = await readEnrolmentInput(options.code, { stdin: process.stdin, environment: {} });
        const path = join(resolve(options.credentialDir), credentialFile(options.name));
        await context.disk.makeFolder(resolve(options.credentialDir)).catch(needsRoot(path));
        await context.disk.replaceFile(path, utf8(`${code}\n`)).catch(needsRoot(path));
        context.output.result(
          { outcome: 'handed over', file: path },
          `The unit enrols at its next start:\n\n    sudo systemctl restart ${options.name}\n\n\`journalctl -u ${options.name}\` says if the bridge refuses.`,
        );
      } finally {
        process.stdin.destroy();
      }
    });
}

/** Turns a refusal of the operating system into advice. */
const needsRoot = (path: string) => (thrown: unknown) => {
  const code = systemCode(thrown);
  if (code === null) throw thrown;
  throw failure('file_unusable', { detail: `${path} cannot be written (${code}); run the command with sudo.` });
};
