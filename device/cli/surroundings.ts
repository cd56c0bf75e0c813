// The doorbells that a command can mean by a folder, a name or an id. A testbed's program knows all of a testbed; a board's knows one.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { Command } from 'commander';
import type { CameraKind } from '../camera/source-interfaces.ts';
import type { Diagnosis, Seams } from '../doctor/diagnosis.ts';
import { deviceIdOf, loadDeviceKey } from '../identity.ts';
import { failure } from '../terminal/errors.ts';

/** A doorbell on this machine, by its folder. */
export interface DoorbellPlace {
  name: string;
  /** Its data folder, absolute. */
  path: string;
}

/** A program's knowledge of doorbells, besides the folders that options name. */
export interface Surroundings {
  /** All kinds of cameras that its doorbells may have. */
  cameras(): Promise<readonly CameraKind[]>;
  /** The default camera; null where a camera must be named. */
  readonly camera: string | null;
  /** The doorbells of a data folder, the first one first; empty where there are none, or none that this user may read. */
  doorbells(disk: Disk, folder: string): Promise<readonly DoorbellPlace[]>;
  /** Throws `not_running` where a folder's broker cannot be running. */
  expectRunning(disk: Disk, folder: string): Promise<void>;
  /** Why a data folder has neither doorbell nor home; null where the program does not know. */
  whyEmpty(disk: Disk, folder: string): Promise<Error | null>;
  /** The doctor's findings in a folder of several doorbells; null for any other folder. */
  examine(seams: Seams, folder: string): Promise<Diagnosis[] | null>;
}

/** The folder of a doorbell that `device install` made a service. */
const SERVICE_FOLDER = '/var/lib/doorsill';

/** Refuses `synthetic` on a board, which the next kind would take for a file's name. */
const NOT_DRAWN: CameraKind = {
  help: '',
  name: (text) => {
    if (!/^synthetic(\?|$)/.test(text)) return null;
    const detail =
      'only doorsill has the synthetic camera: name a camera of this board, such as v4l2:/dev/video0 or rpicam:';
    throw failure('usage', { detail });
  },
};

/** A board's doorbell: the one in the named folder, or the board's service, for users who may read its folder. */
export const BOARD: Surroundings = {
  cameras: async () => [NOT_DRAWN, ...(await import('../camera/sources.ts')).CAMERA_KINDS],
  camera: null,
  doorbells: async (disk, folder) => {
    for (const path of [folder, SERVICE_FOLDER]) {
      if (await hasDoorbell(disk, path).catch(() => false)) return [{ name: 'doorbell', path }];
    }
    return [];
  },
  expectRunning: async () => undefined,
  whyEmpty: async () => null,
  examine: async () => null,
};

/** A command line whose verbs can look up its surroundings. */
export class Program extends Command {
  readonly around: Surroundings;

  constructor(name: string, around: Surroundings) {
    super(name);
    this.around = around;
  }
}

/** The surroundings of the program that a verb belongs to. */
export function aroundOf(verb: Command): Surroundings {
  let above: Command | null = verb;
  while (above && !(above instanceof Program)) above = above.parent;
  return above?.around ?? BOARD;
}

/** Whether a folder is a doorbell's data folder. */
export async function hasDoorbell(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.sizeOf(join(folder, 'device.json'))) !== null;
}

/** A doorbell's device id; null before its first start. */
export async function deviceOf(disk: Disk, { path }: Pick<DoorbellPlace, 'path'>): Promise<string | null> {
  const key = await loadDeviceKey(disk, path);
  return key && deviceIdOf(key);
}

/** Whether a doorbell has this name, without regard to case. */
export function isCalled({ name }: Pick<DoorbellPlace, 'name'>, word: string): boolean {
  return name.toLowerCase() === word.toLowerCase();
}

/** The doorbell with this id or name; without one, the only doorbell. Throws `doorbell_not_named`, `doorbell_unknown`. */
export async function doorbellCalled<Place extends DoorbellPlace>(
  disk: Disk,
  there: readonly Place[],
  word: string | undefined,
): Promise<Place> {
  const [only] = there;
  if (word === undefined && there.length === 1 && only) return only;
  const choices = there.map(({ name }) => name).join(' | ');
  if (word === undefined) throw failure('doorbell_not_named', { choices });
  const ids = await Promise.all(there.map((one) => deviceOf(disk, one)));
  const found = there.filter((one, at) => isCalled(one, word) || ids[at] === word);
  const [named] = found;
  if (!named) throw failure('doorbell_unknown', { name: word, choices });
  if (found.length > 1) throw failure('doorbell_not_named', { choices: ids.join(' | ') });
  return named;
}
