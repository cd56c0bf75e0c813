// The verbs `device backup` and `device restore`.
import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import { folderHolder, lockFolder } from '@doorsill/base/folder-lock';
import { ownerForRoot } from '@doorsill/base/private-paths';
import type { Command } from 'commander';
import { failure } from '../terminal/errors.ts';
import { printBytes } from '../terminal/format-units.ts';
import { writePrivateFile } from '../terminal/private-output.ts';
import { askHidden, readSecretText } from '../terminal/secret-input.ts';
import { calledAs } from '../terminal/shell-words.ts';
import { type Context, openContext } from './context.ts';

interface BackupOptions {
  out: string;
  passphraseFile?: string;
}

export function addBackup(device: Command): void {
  device
    .command('backup')
    .description('seal the identity, enrolment, settings and ledger of a device that is not running; no footage')
    .requiredOption('--data <dir>', "the device's folder")
    .requiredOption('--out <file>', 'file to write; it must not exist')
    .option('--passphrase-file <file>', 'file with the passphrase (default: ask for it)')
    .addHelpText('after', '\nExample:\n  $ doorsill device backup --data ./porch --out porch.backup')
    .action(async (options: BackupOptions & { data: string }, command: Command) => {
      const context = openContext(command);
      const folder = resolve(options.data);
      const out = resolve(options.out);
      if ((await context.disk.sizeOf(out)) !== null) {
        throw failure('usage', { detail: `${out} exists; a backup replaces no file` });
      }
      const { makeBackup } = await import('../backup.ts');
      const passphrase = await readPassphrase(context, options.passphraseFile, true);
      // Root backs up the files of a service's user.
      const owner = ownerForRoot(folder);
      const seams = { ...context, disk: new SystemDisk('own', owner) };
      const bytes = await whileLocked(folder, owner, () => makeBackup(seams, folder, passphrase));
      await writePrivateFile(out, [bytes]);
      context.output.result(
        { outcome: 'written', file: out, bytes: bytes.length },
        `${out}: ${printBytes(bytes.length)}. Keep it apart from its passphrase; without the passphrase it cannot be restored.`,
      );
    });
}

export function addRestore(device: Command): void {
  device
    .command('restore <file>')
    .description('restore a device from a backup; its owners must pair again')
    .requiredOption('--data <dir>', 'folder for the device; it must be empty or not exist')
    .option('--passphrase-file <file>', 'file with the passphrase (default: ask for it)')
    .addHelpText('after', '\nExample:\n  $ doorsill device restore porch.backup --data ./porch')
    .action(async (file: string, options: { data: string; passphraseFile?: string }, command: Command) => {
      const context = openContext(command);
      const folder = resolve(options.data);
      const { BACKUP_BYTES_MAX, restoreBackup } = await import('../backup.ts');
      const bytes = await context.disk.readFile(resolve(file), BACKUP_BYTES_MAX);
      if (!bytes) throw failure('file_unusable', { detail: `${file} does not exist` });
      const passphrase = await readPassphrase(context, options.passphraseFile, false);
      const restored = await restoreBackup(context, bytes, folder, passphrase);
      const madeAt = new Date(restored.madeUs / 1_000).toISOString();
      const count = restored.endedGrants.length;
      context.output.result(
        { outcome: 'restored', folder, ...restored },
        [
          `${restored.device}, as of ${madeAt}, is in ${folder}.`,
          `Grants and pairings have ended: ${count === 1 ? '1 grant' : `${count} grants`}; owners must pair again.`,
          'Never run it while the original device runs: both have the same identity.',
          '',
          `    ${calledAs()} device --data ${folder}`,
        ].join('\n'),
      );
    });
}

/** Runs `work` while holding the device's folder lock. */
async function whileLocked<Result>(
  folder: string,
  owner: readonly number[],
  work: () => Promise<Result>,
): Promise<Result> {
  // Taking the lock would create a missing folder, which `work` must find missing.
  const isThere = await access(folder, constants.F_OK).then(
    () => true,
    () => false,
  );
  if (!isThere) return work();
  const lock = lockFolder(folder, owner);
  if ('heldBy' in lock) throw failure('data_folder_locked', { folder, pid: folderHolder(folder) ?? lock.heldBy });
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** The passphrase from a file, or from the terminal without echo, where a new one is asked for twice. */
async function readPassphrase(context: Context, file: string | undefined, isNew: boolean): Promise<string> {
  if (file !== undefined) {
    return readSecretText(context.disk, file);
  }
  if (!process.stdin.isTTY) throw failure('usage', { detail: 'without a terminal, name a --passphrase-file' });
  const first = await askHidden('Passphrase: ');
  if (isNew && (await askHidden('Once more: ')) !== first)
    throw failure('usage', { detail: 'the two passphrases differ' });
  return first;
}
