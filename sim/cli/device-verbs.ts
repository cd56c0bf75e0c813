// Owns: the verbs under `device`: init, install, uninstall and enrol (a systemd unit), backup and restore (the device's identity).
// Not here: running a device (part-verbs.ts), what the unit says (device-systemd-unit.ts), what a backup holds (the device).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import {
  failure,
  folderHolder,
  lockFolder,
  pairingSocketPath,
  systemCode,
  utf8,
} from '../../device/exports-without-firmware.ts';
import { printBytes } from '../terminal/format-units.ts';
import { askHidden, readEnrolmentInput, readSecretFile } from '../terminal/secret-input.ts';
import { type Context, openContext } from './context.ts';
import { addDeviceInit } from './device-init.ts';
import { credentialFile, deviceUnit, HARDWARE_GROUPS } from './device-systemd-unit.ts';

/** Credentials here last until the next boot, which suits a code that is valid for an hour. */
const CREDENTIALS = '/run/credstore';
const UNITS = '/etc/systemd/system';
const UNIT_BYTES_MAX = 65_536;

interface InstallOptions {
  name: string;
  unitDir: string;
  print?: boolean;
}

export function addDeviceVerbs(device: Command): void {
  addDeviceInit(device);
  addInstall(device);
  addUninstall(device);
  addEnrol(device);
  addBackup(device);
  addRestore(device);
}

function addInstall(device: Command): void {
  device
    .command('install')
    .description('write a hardened systemd unit for a doorbell on this machine')
    .option('--name <name>', 'name of the unit and of its folder under /var/lib', 'doorsill')
    .option('--unit-dir <dir>', 'where units are', UNITS)
    .option('--print', 'print the unit and write nothing')
    .addHelpText('after', '\nExample:\n  $ sudo npx doorsill device install')
    .action(async (options: InstallOptions, command: Command) => {
      const context = openContext(command);
      checkName(options.name);
      const path = unitPath(options);
      const unit = deviceUnit({
        node: process.execPath,
        program: launcherPath(),
        name: options.name,
        groups: await groupsHere(),
      });
      if (options.print) return context.output.result({ unit }, unit.trimEnd());
      return install(context, options.name, path, unit);
    });
}

function checkName(name: string): void {
  if (/^[a-z][a-z0-9-]{0,30}$/.test(name)) return;
  throw failure('usage', { detail: '--name takes small letters, digits and hyphens' });
}

interface EnrolOptions {
  name: string;
  code: string;
  credentialDir: string;
}

function addEnrol(device: Command): void {
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
      '\nExample:\n  $ sudo npx doorsill device enrol            # asks for the code and does not show it\n  $ sudo systemctl restart doorsill',
    )
    .action(async (options: EnrolOptions, command: Command) => {
      const context = openContext(command);
      checkName(options.name);
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

async function install(context: Context, name: string, path: string, unit: string): Promise<void> {
  const { disk, output } = context;
  const before = await disk.readFile(path, UNIT_BYTES_MAX).catch(needsRoot(path));
  const isSame = before !== null && new TextDecoder().decode(before) === unit;
  if (!isSame) await disk.replaceFile(path, utf8(unit)).catch(needsRoot(path));
  const done = isSame ? 'unchanged' : before === null ? 'installed' : 'replaced';
  const folder = `/var/lib/${name}`;
  output.result(
    { outcome: done, unit: path, folder },
    [
      `${path}: ${done}.`,
      '',
      ...(isSame ? [] : ['    sudo systemctl daemon-reload']),
      `    sudo systemctl enable --now ${name}     # starts it, now and at boot`,
      `    sudo npx doorsill pair --socket ${pairingSocketPath(folder)}`,
      '',
      `Its settings are ${folder}/device.json; \`journalctl -u ${name}\` shows its log.`,
      ...placeWarning(),
    ].join('\n'),
  );
}

function addUninstall(device: Command): void {
  device
    .command('uninstall')
    .description('stop and remove the systemd unit; the folder with the device stays')
    .option('--name <name>', 'name of the unit', 'doorsill')
    .option('--unit-dir <dir>', 'where units are', UNITS)
    .addHelpText('after', '\nExample:\n  $ sudo npx doorsill device uninstall')
    .action(async (options: Omit<InstallOptions, 'print'>, command: Command) => {
      const { disk, output } = openContext(command);
      checkName(options.name);
      const path = unitPath(options);
      const isThere = (await disk.sizeOf(path)) !== null;
      // Before the file is removed: systemd needs it to find what to stop and which links to remove.
      if (isThere && isUsedBySystemd(options)) systemctl('disable', '--now', `${options.name}.service`);
      if (isThere) await disk.remove(path).catch(needsRoot(path));
      if (isThere && isUsedBySystemd(options)) systemctl('daemon-reload');
      const text = isThere
        ? `${path}: removed.\n\n/var/lib/${options.name} stays: its keys, ledger and footage.`
        : `${path} is not there.`;
      output.result({ outcome: isThere ? 'removed' : 'absent', unit: path }, text);
    });
}

function unitPath({ name, unitDir }: Omit<InstallOptions, 'print'>): string {
  return join(resolve(unitDir), `${name}.service`);
}

/** Whether the service manager of this machine reads that folder (sd_booted(3)). */
function isUsedBySystemd({ unitDir }: Omit<InstallOptions, 'print'>): boolean {
  return resolve(unitDir) === UNITS && existsSync('/run/systemd/system');
}

/** Throws `file_unusable` with what systemctl says. */
function systemctl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status === 0) return;
  const said = (error?.message ?? stderr).trim();
  throw failure('file_unusable', { detail: `systemctl ${args.join(' ')} failed: ${said}` });
}

/** Turns a permission error of the operating system into advice. */
const needsRoot = (path: string) => (thrown: unknown) => {
  if (['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR'].includes(systemCode(thrown) ?? '')) {
    throw failure('file_unusable', {
      detail: `${path} cannot be written (${systemCode(thrown)}); with sudo it can, or name another folder with --unit-dir`,
    });
  }
  throw thrown;
};

/** The absolute path of the command line, as a unit names it. */
export function launcherPath(): string {
  // The built file lies in dist/sim/cli.
  return fileURLToPath(new URL('../../../sim/cli/doorsill.mjs', import.meta.url));
}

/** A unit cannot see home folders closed to other users, nor the machine's temporary folders (PrivateTmp=). */
function placeWarning(): string[] {
  const isHidden = [process.execPath, launcherPath()].some((path) => /^\/(home|root|tmp|var\/tmp)\//.test(path));
  return isHidden
    ? [
        '',
        'Note: node or this checkout lies in a home or temporary folder. The service runs as a user of its own and has temporary',
        'folders of its own, so it may not find it there; /opt is a better place.',
      ]
    : [];
}

async function groupsHere(): Promise<string[]> {
  const text = await readFile('/etc/group', 'utf8').catch(() => '');
  const names = new Set(text.split('\n').map((line) => line.split(':')[0]));
  return HARDWARE_GROUPS.filter((name) => names.has(name));
}

interface BackupOptions {
  out: string;
  passphraseFile?: string;
}

function addBackup(device: Command): void {
  device
    .command('backup')
    .description('seal the identity, enrolment, settings and ledger of a device that is not running; no footage')
    .requiredOption('--data <dir>', "the device's folder")
    .requiredOption('--out <file>', 'file to write; it must not exist')
    .option('--passphrase-file <file>', 'file with the passphrase (default: it is asked for)')
    .addHelpText('after', '\nExample:\n  $ npx doorsill device backup --data ./porch --out porch.backup')
    .action(async (options: BackupOptions & { data: string }, command: Command) => {
      const context = openContext(command);
      const folder = resolve(options.data);
      const out = resolve(options.out);
      if ((await context.disk.sizeOf(out)) !== null) {
        throw failure('usage', { detail: `${out} exists; a backup is not written over another file` });
      }
      const { makeBackup } = await import('../../device/index.ts');
      const passphrase = await readPassphrase(context, options.passphraseFile, true);
      const bytes = await whileLocked(folder, () => makeBackup(context, folder, passphrase));
      await context.disk.replaceFile(out, bytes);
      context.output.result(
        { outcome: 'written', file: out, bytes: bytes.length },
        `${out}: ${printBytes(bytes.length)}. Keep it and its passphrase apart; without the passphrase it is worth nothing.`,
      );
    });
}

function addRestore(device: Command): void {
  device
    .command('restore <file>')
    .description('make the device of a backup again; its owners must pair anew')
    .requiredOption('--data <dir>', 'an empty folder, or one that is not there')
    .option('--passphrase-file <file>', 'file with the passphrase (default: it is asked for)')
    .addHelpText('after', '\nExample:\n  $ npx doorsill device restore porch.backup --data ./porch')
    .action(async (file: string, options: { data: string; passphraseFile?: string }, command: Command) => {
      const context = openContext(command);
      const folder = resolve(options.data);
      const { BACKUP_BYTES_MAX, restoreBackup } = await import('../../device/index.ts');
      const bytes = await context.disk.readFile(resolve(file), BACKUP_BYTES_MAX);
      if (!bytes) throw failure('file_unusable', { detail: `${file} is not there` });
      const passphrase = await readPassphrase(context, options.passphraseFile, false);
      const restored = await restoreBackup(context, bytes, folder, passphrase);
      const madeAt = new Date(restored.madeUs / 1_000).toISOString();
      const count = restored.endedGrants.length;
      context.output.result(
        { outcome: 'restored', folder, ...restored },
        [
          `${restored.device}, as of ${madeAt}, is in ${folder}.`,
          `Nothing from before counts any more: ${count === 1 ? '1 grant has' : `${count} grants have`} ended, and owners must pair again.`,
          'Never run it beside the device it was: both would be the same one.',
          '',
          `    npx doorsill device --data ${folder}`,
        ].join('\n'),
      );
    });
}

/** Runs `work` while holding the device's folder lock. */
async function whileLocked<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  // `work` refuses a missing folder; taking the lock would create it.
  const isThere = await access(folder, constants.F_OK).then(
    () => true,
    () => false,
  );
  if (!isThere) return work();
  const lock = lockFolder(folder);
  if ('heldBy' in lock) throw failure('data_folder_locked', { folder, pid: folderHolder(folder) ?? lock.heldBy });
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** The passphrase from a file, without its line end, or asked for on the terminal without echo; twice for a new one. */
async function readPassphrase(context: Context, file: string | undefined, isNew: boolean): Promise<string> {
  if (file !== undefined) {
    return readSecretFile(context.disk, file);
  }
  if (!process.stdin.isTTY) throw failure('usage', { detail: 'without a terminal, name a --passphrase-file' });
  const first = await askHidden('Passphrase: ');
  if (isNew && (await askHidden('Once more: ')) !== first)
    throw failure('usage', { detail: 'the two are not the same' });
  return first;
}
