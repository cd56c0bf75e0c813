// What all verbs share: options, the clock, disk, log and output, and the owner's folder with its paired doorbells (homes).
import { join, resolve } from 'node:path';
import { type Clock, SystemClock } from '@doorsill/base/clock';
import { type Disk, SystemDisk } from '@doorsill/base/disk';
import { LOG_LEVELS, type Log, type LogLevel, openLog } from '@doorsill/base/log';
import { type Random, SystemRandom } from '@doorsill/base/random';
import type { Command } from 'commander';
import { loadOrCreateOwnerKey } from '../owner/owner-key.ts';
import { OwnerSession } from '../owner/owner-session.ts';
import { listPairedDevices, type PairedDevice } from '../owner/paired-devices.ts';
import type { Signer } from '../owner/sign-owner-messages.ts';
import { failure } from '../terminal/errors.ts';
import { type Output, openOutput } from '../terminal/output.ts';
import { aroundOf, type DoorbellPlace, deviceOf, isCalled, type Surroundings } from './surroundings.ts';

/** What a verb uses of the machine, and its log and output. */
export interface Context {
  /** Finds the doorbells that this program manages. */
  around: Surroundings;
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
    around: aroundOf(command),
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: new SystemDisk(),
    log: openLog(logLevel, command.name()),
    output: openOutput(options.json === true),
    logLevel,
  };
}

/** Collects the values of an option that may be repeated. */
export function repeated(word: string, before: string[] = []): string[] {
  return [...before, word];
}

/** The testbed's data folder: --data, DOORSILL_DATA, or `.doorsill` in the working folder. */
export function dataFolder(option: string | undefined): string {
  return resolve(option ?? process.env['DOORSILL_DATA'] ?? '.doorsill');
}

/** Options that all of an owner's verbs take. */
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
    .option('--device <doorbell>', 'id or name of the doorbell, when there are several');
}

/** The folder with an owner's key and homes. */
export function ownerFolder(options: OwnerOptions): string {
  return resolve(options.owner ?? join(dataFolder(options.data), 'owner'));
}

/** All paired devices. When there is none, throws the reason that `context.around` gives, or `usage` when it gives none. */
export async function pairedDevices(context: Context, options: OwnerOptions): Promise<PairedDevice[]> {
  const folder = ownerFolder(options);
  const homes = await listPairedDevices(context.disk, folder);
  if (homes.length > 0) return homes;
  const why = options.owner ? null : await context.around.whyEmpty(context.disk, dataFolder(options.data));
  const detail = `no device is paired in ${folder}; run \`doorsill pair --owner ${folder}\` first`;
  throw why ?? failure('usage', { detail });
}

/** The one paired device that the options name. Throws what `pairedDevices` throws, `doorbell_not_named`, `doorbell_unknown`. */
export async function chosenHome(context: Context, options: OwnerOptions): Promise<PairedDevice> {
  return homeAmong(await pairedDevices(context, options), options.device);
}

/** The device with this id or name; without one, the only device. Throws `doorbell_not_named`, `doorbell_unknown`. */
export function homeAmong(homes: readonly PairedDevice[], word: string | undefined): PairedDevice {
  const found = word === undefined ? homes : homes.filter((home) => home.device === word || isCalled(home, word));
  const [only] = found;
  if (found.length === 1 && only) return only;
  if (found.length === 0) throw failure('doorbell_unknown', { name: word ?? '', choices: choicesOf(homes) });
  throw failure('doorbell_not_named', { choices: choicesOf(found) });
}

/** The names of doorbells, or ids where two have the same name. */
function choicesOf(homes: readonly PairedDevice[]): string {
  const isUnique = new Set(homes.map(({ name }) => name.toLowerCase())).size === homes.length;
  return homes
    .map(({ name, device }) => (isUnique ? name : `${name} (${device})`))
    .sort()
    .join(' | ');
}

/** Runs `work` in a session with the device `given`, by default with the one that the options name; ends the session in any case. */
export async function withOwner<Result>(
  context: Context,
  options: OwnerOptions,
  work: (session: OwnerSession, signer: Signer) => Promise<Result>,
  given?: PairedDevice,
): Promise<Result> {
  const home = given ?? (await chosenHome(context, options));
  if (!options.owner) await context.around.expectRunning(context.disk, dataFolder(options.data));
  const key = await loadOrCreateOwnerKey(context.disk, context.random, join(ownerFolder(options), 'owner.key'));
  const session = new OwnerSession(home, context);
  try {
    await session.start();
    return await work(session, { key, clock: context.clock, random: context.random });
  } finally {
    await session.stop();
  }
}

/** The doorbells in a data folder. When there is none, throws the reason that `around` gives, or `usage` when it gives none. */
export async function doorbellsIn(
  { disk, around }: Context,
  folder: string,
): Promise<readonly [DoorbellPlace, ...DoorbellPlace[]]> {
  const [first, ...others] = await around.doorbells(disk, folder);
  if (first) return [first, ...others];
  const detail =
    'name the doorbell’s own folder with --device-data; if it runs as a service, only root can read its folder';
  throw (await around.whyEmpty(disk, folder)) ?? failure('usage', { detail });
}

/** A paired device's own folder: that of the doorbell with its id, else the first doorbell's. Throws what `doorbellsIn` throws. */
export async function doorbellFolder(context: Context, options: OwnerOptions, device: string): Promise<string> {
  const there = await doorbellsIn(context, dataFolder(options.data));
  const [first] = there;
  if (there.length === 1) return first.path;
  for (const one of there) if ((await deviceOf(context.disk, one)) === device) return one.path;
  return first.path;
}
