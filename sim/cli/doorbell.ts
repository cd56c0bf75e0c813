// The verbs `up add`, `up list` and `up remove`: the doorbells of a testbed, whether it runs or not.

import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { folderHolder, lockFolder } from '@doorsill/base/folder-lock';
import { parseCameraSource } from '@doorsill/device/camera/sources';
import { type Context, dataFolder, openContext } from '@doorsill/device/cli/context';
import { deviceOf } from '@doorsill/device/cli/surroundings';
import { factoryReset } from '@doorsill/device/factory-reset';
import { askConsole, askHealth } from '@doorsill/device/owner/pairing-client';
import { pairingSocketPath } from '@doorsill/device/owner/private-socket';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';
import { type ChangedDoorbell, orderTestbed } from '../testbed/control-socket.ts';
import {
  addDoorbell,
  DOORBELLS_MAX,
  type DoorbellFolder,
  listDoorbells,
  namedDoorbell,
  removeDoorbell,
} from '../testbed/doorbell-folders.ts';
import { makerOf, readTestbedFile } from '../testbed/testbed-folder.ts';
import { tryCamera } from '../testbed/try-camera.ts';

interface FolderOptions {
  data?: string;
}

function withFolder(command: Command): Command {
  return command.option('--data <dir>', 'data folder of the testbed (default: .doorsill)');
}

export function addUpAdd(up: Command): void {
  withFolder(up.command('add [name]'))
    .description('add a doorbell of the same owner; a running `up` starts it at once')
    .option(
      '--camera <source>',
      'synthetic, file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0 or rpicam: (default: a small synthetic)',
    )
    .addHelpText(
      'after',
      `
Example:
  $ doorsill up add "Back door" --camera file:back.mp4

A testbed has at most ${DOORBELLS_MAX} doorbells. Without a name it is "Doorbell 2", "Doorbell 3" and so on.`,
    )
    .action(async (name: string | undefined, options: FolderOptions & { camera?: string }, command: Command) => {
      const context = openContext(command);
      const { disk, output } = context;
      const folder = await testbedFolder(context, options);
      if (options.camera !== undefined)
        await tryCamera({ ...context, say: (text) => output.progress(text) }, options.camera, true);
      const wanted = {
        ...(name === undefined ? {} : { name }),
        ...(options.camera === undefined ? {} : { camera: withAbsolutePath(options.camera) }),
      };
      await changeTestbed(
        context,
        folder,
        () => orderTestbed(context, folder, { verb: 'add', ...wanted }),
        async () => {
          const added = await addDoorbell(disk, folder, wanted);
          output.result(
            { name: added.name, device: null, running: false },
            `"${added.name}" is added. The testbed is not running; the next \`doorsill up\` starts it.`,
          );
        },
        ({ name: called, device, page }) =>
          output.result(
            { name: called, device, console: page, running: true },
            [
              `"${called}" runs: ${device}.`,
              ...(page === null ? [] : [`Its page: ${page}; ${pairLine(called)}.`]),
            ].join('\n'),
          ),
      );
    });
}

/** A file camera with its absolute path: the doorbell may run in another folder. */
function withAbsolutePath(camera: string): string {
  const { kind } = parseCameraSource(camera, { loop: true }, ALL_CAMERAS);
  return kind === 'file' ? `file:${resolve(camera.replace(/^file:/, ''))}` : camera;
}

const pairLine = (name: string) => `\`doorsill pair --show --device "${name}"\` draws the code that pairs a browser`;

export function addUpList(up: Command): void {
  withFolder(up.command('list'))
    .description('list the doorbells: name, device, camera, whether each runs, and the address of its page')
    .addHelpText('after', '\nExample:\n  $ doorsill up list --json')
    .action(async (options: FolderOptions, command: Command) => {
      const context = openContext(command);
      const folder = await testbedFolder(context, options);
      const doorbells = await Promise.all(
        (await listDoorbells(context.disk, folder)).map((doorbell) => describe(context, doorbell)),
      );
      const lines = doorbells.flatMap(({ name, device, camera, running, console: page }) => [
        `${name}  ${device ?? 'not started yet'}`,
        `  camera   ${camera}`,
        `  ${running ? 'runs' : 'does not run'}${page === null ? '' : `, page ${page}`}`,
      ]);
      context.output.result({ doorbells }, lines.join('\n'));
    });
}

/** A doorbell's present state. Its own report takes precedence: `up --camera` may have given it another camera than its settings. */
async function describe(context: Context, doorbell: DoorbellFolder) {
  const { name, path, camera = 'synthetic' } = doorbell;
  const device = await deviceOf(context.disk, doorbell);
  const running = folderHolder(path) !== null;
  const socket = pairingSocketPath(path);
  const [health, page] = running
    ? await Promise.all([askHealth(context, socket).catch(() => null), askConsole(context, socket).catch(() => null)])
    : [null, null];
  return { name, device, camera: health?.camera.source ?? shownCamera(camera), running, console: page?.url ?? null };
}

/** A camera's source without its credentials. */
function shownCamera(camera: string): string {
  try {
    return parseCameraSource(camera, { loop: true }, ALL_CAMERAS).shown;
  } catch {
    return 'of an unknown kind';
  }
}

export function addUpRemove(up: Command): void {
  withFolder(up.command('remove <doorbell>'))
    .description('stop a doorbell and destroy its footage, ledger and keys for good; by name or id')
    .option('--yes', 'confirm it; by default a terminal asks')
    .addHelpText(
      'after',
      `
Example:
  $ doorsill up remove Garage --yes

The first doorbell cannot be removed. Clips in the vault stay there, but can no longer be revoked or recalled.`,
    )
    .action(async (word: string, options: FolderOptions & { yes?: boolean }, command: Command) => {
      const context = openContext(command);
      const { disk, random, output } = context;
      const folder = await testbedFolder(context, options);
      const doorbell = await namedDoorbell(disk, folder, word);
      if (doorbell.number === 1) throw failure('doorbell_first', { name: doorbell.name });
      const device = await deviceOf(disk, doorbell);
      if (!options.yes) await confirm(output, doorbell, device);
      const report = (name: string) =>
        output.result({ name, device, outcome: 'removed' }, `"${name}" and all its data are removed.`);
      await changeTestbed(
        context,
        folder,
        () => orderTestbed(context, folder, { verb: 'remove', device: device ?? '' }),
        async () => {
          await removeDoorbell(disk, folder, doorbell, (path) => factoryReset(disk, random, path));
          report(doorbell.name);
        },
        ({ name }) => report(name),
      );
    });
}

/** Prints what will be destroyed and asks for the doorbell's name at a terminal. Throws `doorbell_unconfirmed`. */
async function confirm(output: Context['output'], { name }: DoorbellFolder, device: string | null): Promise<void> {
  output.progress(
    [
      `This destroys "${name}"${device === null ? '' : ` (${device})`} for good: its footage, its past events, its ledger, its keys,`,
      'and its accounts at the broker. Clips in the vault stay there; they can no longer be revoked or recalled.',
    ].join('\n'),
  );
  if (!process.stdin.isTTY) throw failure('doorbell_unconfirmed', { name });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const typed = await terminal.question('Type its name to confirm: ');
    if (typed.trim() !== name) throw failure('doorbell_unconfirmed', { name });
  } finally {
    terminal.close();
    process.stdin.destroy();
  }
}

/** The folder of a testbed of `up`. Throws `not_running` when there is none, `data_folder_foreign` for a demo's. */
async function testbedFolder({ disk }: Context, options: FolderOptions): Promise<string> {
  const folder = dataFolder(options.data);
  const file = await readTestbedFile(disk, folder);
  if (!file) throw failure('not_running', { folder });
  if (file.kind !== 'doorsill-up')
    throw failure('data_folder_foreign', {
      folder,
      detail: `it was made by \`${makerOf(file.kind)}\``,
      advice: 'Name a folder that `doorsill up` made.',
    });
  return folder;
}

/** Lets a running testbed make the change, or makes it in the folder, which is locked meanwhile. */
async function changeTestbed(
  context: Context,
  folder: string,
  order: () => Promise<ChangedDoorbell>,
  alone: () => Promise<void>,
  report: (changed: ChangedDoorbell) => void,
): Promise<void> {
  const lock = lockFolder(folder);
  if ('heldBy' in lock) {
    context.output.progress('The running testbed makes the change ...');
    return report(await order());
  }
  try {
    await alone();
  } finally {
    lock.release();
  }
}
