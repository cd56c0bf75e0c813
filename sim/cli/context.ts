// Owns: what every verb starts with: shared options, the machine's seams, the owner's folder and its homes. Not here: which of several
// doorbells a request means (home-of-request.ts).

import { join, resolve } from 'node:path';
import { type Clock, SystemClock } from '@doorsill/base/clock';
import { type Disk, SystemDisk } from '@doorsill/base/disk';
import { folderHolder } from '@doorsill/base/folder-lock';
import { LOG_LEVELS, type Log, type LogLevel, openLog } from '@doorsill/base/log';
import { type Random, SystemRandom } from '@doorsill/base/random';
import { loadOrCreateOwnerKey } from '@doorsill/device/owner/owner-key';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { type Home, listHomes } from '@doorsill/device/owner/paired-devices';
import type { Signer } from '@doorsill/device/owner/sign-owner-messages';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { type Output, openOutput } from '../terminal/output.ts';
import { deviceOf, isCalled, listDoorbells } from '../testbed/doorbell-folders.ts';
import { readTestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';

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

/** For an option that may be repeated: its words, in order. */
export function repeated(word: string, before: string[] = []): string[] {
  return [...before, word];
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
    .option('--device <doorbell>', 'which doorbell, when there are several: its id or its name');
}

/** Throws `not_running` when the folder is a testbed's and no process holds it: waiting for its broker would be pointless. */
export async function expectRunning(disk: Disk, folder: string): Promise<void> {
  if ((await readTestbedFile(disk, folder)) && folderHolder(folder) === null) throw failure('not_running', { folder });
}

export function ownerFolder(options: OwnerOptions): string {
  return resolve(options.owner ?? join(dataFolder(options.data), 'owner'));
}

/** Why a testbed's folder has no paired device. */
async function noHomes(disk: Disk, folder: string): Promise<Error> {
  if ((await readTestbedFile(disk, folder))?.kind !== 'doorsill-fleet') return failure('not_running', { folder });
  const detail = `${folder} is a fleet’s, whose owners answer by themselves; \`doorsill up\` runs doorbells that are yours`;
  return failure('usage', { detail });
}

/**
 * Every paired device. Throws `not_running` when no testbed made one, `usage` for the folder of a fleet and when none is paired in the folder
 * that was named.
 */
export async function pairedHomes(context: Context, options: OwnerOptions): Promise<Home[]> {
  const folder = ownerFolder(options);
  const homes = await listHomes(context.disk, folder);
  if (homes.length === 0 && options.owner)
    throw failure('usage', {
      detail: `no device is paired in ${folder}; run \`doorsill pair --owner ${folder}\` first`,
    });
  if (homes.length === 0) throw await noHomes(context.disk, dataFolder(options.data));
  return homes;
}

/** The one paired device that the options name. Throws as `pairedHomes`, `doorbell_not_named`, `doorbell_unknown`. */
export async function chosenHome(context: Context, options: OwnerOptions): Promise<Home> {
  return homeAmong(await pairedHomes(context, options), options.device);
}

/** The one of these devices that an id or a name means, or the only one. Throws `doorbell_not_named`, `doorbell_unknown`. */
export function homeAmong(homes: readonly Home[], word: string | undefined): Home {
  const found = word === undefined ? homes : homes.filter((home) => home.device === word || isCalled(home, word));
  const [only] = found;
  if (found.length === 1 && only) return only;
  if (found.length === 0) throw failure('doorbell_unknown', { name: word ?? '', choices: choicesOf(homes) });
  throw failure('doorbell_not_named', { choices: choicesOf(found) });
}

/** Doorbells as an owner can name them: by their ids where two are called alike. */
function choicesOf(homes: readonly Home[]): string {
  const isUnique = new Set(homes.map(({ name }) => name.toLowerCase())).size === homes.length;
  return homes
    .map(({ name, device }) => (isUnique ? name : `${name} (${device})`))
    .sort()
    .join(' | ');
}

/** Runs `work` with a session to a home, the chosen one unless another is given, and ends it in any case. */
export async function withOwner<Result>(
  context: Context,
  options: OwnerOptions,
  work: (session: OwnerSession, signer: Signer) => Promise<Result>,
  given?: Home,
): Promise<Result> {
  const home = given ?? (await chosenHome(context, options));
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

/** The data folder of a paired device that a testbed runs; the first doorbell's where the testbed knows no other. */
export async function doorbellFolder({ disk }: Context, options: OwnerOptions, device: string): Promise<string> {
  const data = dataFolder(options.data);
  for (const doorbell of await listDoorbells(disk, data)) {
    if ((await deviceOf(disk, doorbell)) === device) return doorbell.path;
  }
  return testbedPaths(data).doorbell;
}
