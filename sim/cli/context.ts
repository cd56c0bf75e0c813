// Owns: what every verb starts with: shared options, the machine's seams, the owner's folder and its homes.
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  type Clock,
  type Disk,
  failure,
  folderHolder,
  type Home,
  LOG_LEVELS,
  type Log,
  type LogLevel,
  listHomes,
  loadOrCreateOwnerKey,
  OwnerSession,
  openLog,
  type Random,
  type Signer,
  SystemClock,
  SystemDisk,
  SystemRandom,
} from '../../device/exports-without-firmware.ts';
import { type Output, openOutput } from '../terminal/output.ts';
import { readTestbedFile } from '../testbed/testbed-folder.ts';

/** The machine's seams and the output to the user. */
export interface Context {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  output: Output;
  logLevel: LogLevel;
}

/** The context of a verb from its global options. Throws `usage` for an unknown log level. */
export function openContext(command: Command): Context {
  const options = command.optsWithGlobals<{ json?: boolean; log?: string }>();
  const wanted = options.log ?? process.env['DOORSILL_LOG'] ?? 'warn';
  const logLevel = LOG_LEVELS.find((level) => level === wanted);
  if (!logLevel) throw failure('usage', { detail: `--log takes one of ${LOG_LEVELS.join(', ')}` });
  return {
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: new SystemDisk(),
    log: openLog(logLevel, command.name()),
    output: openOutput(options.json === true),
    logLevel,
  };
}

/** The folder a testbed keeps its data in: --data, DOORSILL_DATA, or `.doorsill` here. */
export function dataFolder(option: string | undefined): string {
  return resolve(option ?? process.env['DOORSILL_DATA'] ?? '.doorsill');
}

export interface OwnerOptions {
  data?: string;
  owner?: string;
  device?: string;
}

/** Adds the options of verbs that an owner runs. */
export function withOwnerOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)')
    .option('--owner <dir>', "folder with the owner's key and homes (default: DATA/owner)")
    .option('--device <id>', 'which paired device, when there are several');
}

/** Throws `not_running` when the folder is a testbed's and no process holds it: waiting for its broker would be pointless. */
export async function expectRunning(disk: Disk, folder: string): Promise<void> {
  if ((await readTestbedFile(disk, folder)) && folderHolder(folder) === null) throw failure('not_running', { folder });
}

export function ownerFolder(options: OwnerOptions): string {
  return resolve(options.owner ?? join(dataFolder(options.data), 'owner'));
}

/** The one paired device the options name. Throws `not_running` when no testbed made one, `usage` when it is unclear which. */
export async function chosenHome(context: Context, options: OwnerOptions): Promise<Home> {
  const folder = ownerFolder(options);
  const homes = await listHomes(context.disk, folder);
  if (homes.length === 0 && options.owner)
    throw failure('usage', {
      detail: `no device is paired in ${folder}; run \`doorsill pair --owner ${folder}\` first`,
    });
  if (homes.length === 0) throw failure('not_running', { folder: dataFolder(options.data) });
  const [only] = homes;
  if (!options.device && homes.length === 1 && only) return only;
  const named = homes.find((home) => home.device === options.device);
  if (!named)
    throw failure('usage', { detail: `name the device: --device ${homes.map((home) => home.device).join(' | ')}` });
  return named;
}

/** Runs `work` with a session to the chosen home, and ends it in any case. */
export async function withOwner<Result>(
  context: Context,
  options: OwnerOptions,
  work: (session: OwnerSession, signer: Signer) => Promise<Result>,
): Promise<Result> {
  const home = await chosenHome(context, options);
  if (!options.owner) await expectRunning(context.disk, dataFolder(options.data));
  const key = await loadOrCreateOwnerKey(context.disk, context.random, join(ownerFolder(options), 'owner.key'));
  const session = new OwnerSession(home, context);
  try {
    await session.start();
    return await work(session, { key, clock: context.clock, random: context.random });
  } finally {
    await session.stop();
  }
}
