// Owns: which doorbells a command can mean by a folder, a name or an id, and what the program that has the command knows of them: a testbed's
// program knows all of a testbed; a board's own knows one. Not here: an owner's homes (context.ts).

import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { Command } from 'commander';
import type { CameraKind } from '../camera/source-interfaces.ts';
import type { Diagnosis, Seams } from '../doctor/diagnosis.ts';
import { deviceIdOf, loadDeviceKey } from '../identity.ts';
import { failure } from '../terminal/errors.ts';

/** A doorbell on this machine. */
export interface DoorbellPlace {
  name: string;
  /** Its data folder, absolute. */
  path: string;
}

/** What a program knows of doorbells, besides the folders that options name. */
export interface Surroundings {
  /** Every kind of camera that its doorbells may have. */
  cameras(): Promise<readonly CameraKind[]>;
  /** The camera of a doorbell for which none is named; null where one must be. */
  readonly camera: string | null;
  /** The doorbells that a data folder stands for, the first one first; none where there is none that may be looked at. */
  doorbells(disk: Disk, folder: string): Promise<readonly DoorbellPlace[]>;
  /** Throws `not_running` where waiting for a folder's broker would be pointless. */
  expectRunning(disk: Disk, folder: string): Promise<void>;
  /** Why a data folder has neither doorbell nor home, as far as the program knows. */
  whyEmpty(disk: Disk, folder: string): Promise<Error | null>;
  /** What the doctor finds in a folder that is more than one doorbell's; null for any other. */
  examine(seams: Seams, folder: string): Promise<Diagnosis[] | null>;
}

/** Where `device install` has systemd keep a doorbell. */
const SERVICE_FOLDER = '/var/lib/doorsill';

/** Nothing draws a porch on a board; the next kind would take the word for a file's name. */
const NOT_DRAWN: CameraKind = {
  help: '',
  name: (text) => {
    if (!/^synthetic(\?|$)/.test(text)) return null;
    const detail =
      'the drawn camera is a part of doorsill: name one of this board, such as v4l2:/dev/video0 or rpicam:';
    throw failure('usage', { detail });
  },
};

/** The surroundings of a board: the folder's own doorbell, or the one that is this board's service, for whoever may enter its folder. */
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

/** A command line whose verbs can ask what is around them. */
export class Program extends Command {
  readonly around: Surroundings;

  constructor(name: string, around: Surroundings) {
    super(name);
    this.around = around;
  }
}

/** What is around the doorbells of the program that a verb belongs to. */
export function aroundOf(verb: Command): Surroundings {
  let above: Command | null = verb;
  while (above && !(above instanceof Program)) above = above.parent;
  return above?.around ?? BOARD;
}

/** Whether a folder is a doorbell's own. */
export async function hasDoorbell(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.sizeOf(join(folder, 'device.json'))) !== null;
}

/** The device's id of a doorbell; null before its first start. */
export async function deviceOf(disk: Disk, { path }: Pick<DoorbellPlace, 'path'>): Promise<string | null> {
  const key = await loadDeviceKey(disk, path);
  return key && deviceIdOf(key);
}

/** Whether a doorbell is meant by this name, in small letters or capitals. */
export function isCalled({ name }: Pick<DoorbellPlace, 'name'>, word: string): boolean {
  return name.toLowerCase() === word.toLowerCase();
}

/** The one doorbell that an id or a name means; without one, the only one there is. Throws `doorbell_not_named`, `doorbell_unknown`. */
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
