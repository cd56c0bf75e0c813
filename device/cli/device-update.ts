// The verb `device update`.
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import { lockFolder } from '@doorsill/base/folder-lock';
import { fromUtf8 } from '@doorsill/contract/bytes';
import type { Command } from 'commander';
import { expectNotPackaged } from '../board/board-files.ts';
import { checkServiceName } from '../board/device-unit.ts';
import { programsFolder, RELEASED_LAUNCHER } from '../board/launcher-path.ts';
import { doorbellByHand, identityOf, serviceDoorbell } from '../board/updated-doorbell.ts';
import { failure } from '../terminal/errors.ts';
import { MINISIGN_BYTES_MAX, nameOfKey, parseMinisignKey } from '../update/minisign.ts';
import { ARCHIVE_BYTES_MAX } from '../update/release-archive.ts';
import { thisMachine } from '../update/this-machine.ts';
import { type GivenRelease, installFirst, settleUpdate, type UpdateDeps, updateDoorbell } from '../update/update.ts';
import { versionOrder } from '../update/version-order.ts';
import { type Context, openContext } from './context.ts';
import { holdFolder } from './run-part.ts';

interface UpdateOptions {
  programs?: string;
  name?: string;
  data?: string;
  downgrade?: boolean;
  between?: string;
  pin?: string;
  settle?: boolean;
}

export function addDeviceUpdate(device: Command): void {
  device
    .command('update [release]')
    .description(
      'replace its programs by a signed release: an archive with its .minisig beside it, or a folder of them',
    )
    .option('--programs <dir>', 'folder of its programs (default: the one this command runs from)')
    .option('--name <name>', 'service to stop, start and watch')
    .option('--data <dir>', 'folder of a doorbell that is not a service and does not run (default: /var/lib/NAME)')
    .option('--downgrade', 'accept an older version, too')
    .option('--between <window>', 'do nothing outside this time of day, e.g. 02:00-04:00: for a timer')
    .option(
      '--pin <file>',
      'make the folder of programs with this release, and accept only releases of this public key from then on',
    )
    .option('--settle', 'roll back an interrupted update; the service does so before each start')
    .addHelpText(
      'after',
      `
Nothing is fetched: the release is a file of this machine. Its signature is checked by the pinned key before it is unpacked; a version
that does not become ready within 60 s is taken back.

Examples:
  $ sudo doorsill device update doorsill-1.1.0-linux-arm64.tar.gz --pin release.pub --programs /opt/doorsill
  $ sudo node /opt/doorsill/current/device/cli/doorsill-device.mjs update ./doorsill-1.2.0-linux-arm64.tar.gz --name doorsill
  $ sudo node /opt/doorsill/current/device/cli/doorsill-device.mjs update /var/releases --name doorsill --between 02:00-04:00`,
    )
    .action(async (release: string | undefined, options: UpdateOptions, command: Command) => {
      const context = openContext(command);
      const { settle: settles, data, name = 'doorsill' } = options;
      if (!settles && data === undefined) await expectNotPackaged(context.disk, '/', name);
      const folder = options.programs === undefined ? programsFolder() : resolve(options.programs);
      if (folder === null) {
        throw failure('usage', {
          detail: 'this command does not run from a folder of programs: name one with --programs',
        });
      }
      // The service's user must be able to read the programs, whatever the umask of the caller.
      process.umask(0o022);
      const machine = thisMachine();
      const deps = { programs: new SystemDisk('readable'), private: new SystemDisk(), folder, machine };
      if (options.settle) return settle(context, deps);
      if (release === undefined) throw failure('usage', { detail: 'name the release: a file or a folder' });
      if (options.between !== undefined) expectWithin(options.between, new Date(context.clock.wallUs() / 1_000));
      const path = await pathOf(resolve(release));
      if (options.pin !== undefined) return first(context, deps, resolve(options.pin), path);
      return update(context, deps, options, path);
    });
}

async function settle({ output }: Context, deps: UpdateDeps): Promise<void> {
  const lock = lockFolder(deps.folder);
  // The holder of the lock is updating, and will start the doorbell itself.
  if ('heldBy' in lock) return;
  try {
    const back = await settleUpdate(deps, { identity: identityOf });
    output.result(
      { outcome: back ? 'taken back' : 'nothing to do', ...back },
      back ? `${back.from} runs again.` : 'There is nothing to roll back.',
    );
  } finally {
    lock.release();
  }
}

async function first(context: Context, deps: UpdateDeps, keyFile: string, path: string): Promise<void> {
  const held = await context.disk.readFile(keyFile, MINISIGN_BYTES_MAX);
  const key = held && parseMinisignKey(fromUtf8(held) ?? '');
  if (!key) throw failure('usage', { detail: `${keyFile} is not a public key of minisign` });
  const release = await readGiven(context, path);
  const version = await installFirst(deps, key, release);
  const program = join(deps.folder, 'current', RELEASED_LAUNCHER);
  context.output.result(
    { outcome: 'installed', version, key: nameOfKey(key.id), programs: deps.folder },
    `${version} is in ${deps.folder}; it takes releases of the key ${nameOfKey(key.id)} alone.\n\n    sudo node ${program} install     # makes it a service of this board`,
  );
}

async function update(context: Context, deps: UpdateDeps, options: UpdateOptions, path: string): Promise<void> {
  const { name, data } = options;
  if ((name === undefined) === (data === undefined)) {
    throw failure('usage', {
      detail: 'name the service with --name, or with --data the folder of a doorbell that is not a service',
    });
  }
  if (name !== undefined) checkServiceName(name);
  const watched = { clock: context.clock, disk: deps.private, programs: deps.folder };
  const doorbell =
    name === undefined
      ? doorbellByHand(watched, resolve(data ?? ''))
      : serviceDoorbell(watched, name, `/var/lib/${name}`);
  const lock = holdFolder(deps.folder);
  try {
    const done = await updateDoorbell(deps, doorbell, await readGiven(context, path), {
      downgrade: options.downgrade === true,
    });
    const started = name === undefined ? ' Start it as usual.' : '';
    context.output.result(
      done ? { outcome: 'updated', ...done } : { outcome: 'unchanged' },
      done ? `${done.to} runs, and ${done.from} is kept.${started}` : 'It runs this version already.',
    );
  } finally {
    await doorbell.release();
    lock.release();
  }
}

/** The path of an archive: the named one, or in a named folder the latest version for this machine. */
async function pathOf(named: string): Promise<string> {
  if (!(await stat(named)).isDirectory()) return named;
  const releases = (await readdir(named)).flatMap((name) => {
    const [, version, arch] = /^doorsill-(\d+\.\d+\.\d+(?:-[0-9a-z.]+)?)-linux-(\w+)\.tar\.gz$/.exec(name) ?? [];
    return version !== undefined && arch === process.arch ? [{ name, version }] : [];
  });
  const [latest] = releases.sort((a, b) => versionOrder(b.version, a.version));
  if (!latest) throw failure('usage', { detail: `${named} has no release for linux-${process.arch}` });
  return join(named, latest.name);
}

async function readGiven({ disk }: Context, path: string): Promise<GivenRelease> {
  const archive = await disk.readFile(path, ARCHIVE_BYTES_MAX);
  if (!archive) throw failure('file_unusable', { detail: `${path} does not exist.` });
  return { archive, signature: await disk.readFile(`${path}.minisig`, MINISIGN_BYTES_MAX) };
}

/** Throws `update_outside_window` unless the machine's time of day is in the window, which may pass midnight. */
export function expectWithin(window: string, now: Date): void {
  const [, ...parts] = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(window) ?? [];
  if (parts.length === 0) throw failure('usage', { detail: '--between takes a window such as 02:00-04:00' });
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = parts.map(Number);
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  const minute = now.getHours() * 60 + now.getMinutes();
  const isIn = from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!isIn) throw failure('update_outside_window', { window });
}
