// Owns: the doorbells of a testbed as they are on disk: which there are, what each is called, one more, one less.
// Not here: starting them (testbed-doorbells.ts), which port a page gets (start-doorbell-part.ts).

import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';
import { deviceOf, doorbellCalled, isCalled } from '@doorsill/device/cli/surroundings';
import { removeAccountsOf } from '@doorsill/device/home-account';
import { forgetHome } from '@doorsill/device/owner/paired-devices';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { testbedPaths } from './testbed-folder.ts';

/** Each is a process with an encoder of its own. */
export const DOORBELLS_MAX = 16;
/** A small picture: several of them share one machine. */
export const CAMERA_OF_MORE = 'synthetic?size=640x360';

/** What a testbed reads of a doorbell's device.json; the doorbell itself checks all of it. */
const settingsSchema = z.looseObject({
  name: z.string().optional(),
  camera: z.string().optional(),
  console: z.looseObject({ listen: z.string().optional(), port: z.number().optional() }).optional(),
});

/** One doorbell of a testbed. */
export interface DoorbellFolder {
  /** 1 for the first, which is always there. Another one keeps its number for as long as it is there. */
  number: number;
  /** What its process and its log are called. */
  part: string;
  /** Its data folder. */
  path: string;
  name: string;
  /** As device.json says; absent: the default. */
  camera?: string;
}

/** One more doorbell; without a name it gets "Doorbell N", without a camera a small drawn porch. */
export interface WantedDoorbell {
  name?: string | undefined;
  camera?: string | undefined;
}

const FIRST_NAME = 'Front door';
const FOLDER = 'doorbells';
const REMOVED = '.removed-';
const NUMBER = /^([2-9]|[1-9]\d{1,3})$/;
const SETTINGS_BYTES_MAX = 200_000;

/** 1 to 60 letters that print, and no id of a device: `--device` takes either. */
const nameSchema = z
  .string()
  .min(1)
  .max(60)
  .regex(/^(?!device-)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u)
  .refine((name) => name.trim() === name);

/** Every doorbell of a testbed, the first one first. Throws `config_invalid`. */
export async function listDoorbells(disk: Disk, folder: string): Promise<DoorbellFolder[]> {
  const first = await readDoorbell(disk, 1, testbedPaths(folder).doorbell);
  const numbers = (await disk.list(join(folder, FOLDER))).filter((name) => NUMBER.test(name)).map(Number);
  const others = numbers
    .sort((a, b) => a - b)
    .map(async (number) => {
      const path = join(folder, FOLDER, String(number));
      // Without settings it was not finished: a crash came in between.
      const isThere = (await disk.sizeOf(join(path, 'device.json'))) !== null;
      return isThere ? [await readDoorbell(disk, number, path)] : [];
    });
  return [first, ...(await Promise.all(others)).flat()];
}

async function readDoorbell(disk: Disk, number: number, path: string): Promise<DoorbellFolder> {
  const part = number === 1 ? 'doorbell' : `doorbell-${number}`;
  const { name = FIRST_NAME, camera } = (await readDoorbellSettings(disk, path)) ?? {};
  return { number, part, path, name, ...(camera === undefined ? {} : { camera }) };
}

/** A doorbell's device.json as far as a testbed understands it; null when there is none. Throws `config_invalid`. */
export async function readDoorbellSettings(disk: Disk, path: string): Promise<z.output<typeof settingsSchema> | null> {
  const file = join(path, 'device.json');
  const bytes = await disk.readFile(file, SETTINGS_BYTES_MAX);
  if (!bytes) return null;
  const parsed = settingsSchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
  if (!parsed.success) throw failure('config_invalid', { file, detail: 'it holds no settings of a doorbell' });
  return parsed.data;
}

/**
 * Adds a doorbell: its folder with its settings; the next start does the rest. Throws `doorbell_too_many`, `doorbell_name_taken`,
 * `usage`.
 */
export async function addDoorbell(
  disk: Disk,
  folder: string,
  { name, camera = CAMERA_OF_MORE }: WantedDoorbell,
): Promise<DoorbellFolder> {
  const there = await listDoorbells(disk, folder);
  if (there.length >= DOORBELLS_MAX) throw failure('doorbell_too_many', { most: DOORBELLS_MAX });
  const numbers = new Set(there.map((doorbell) => doorbell.number));
  const numbersFree = Array.from({ length: DOORBELLS_MAX }, (_, at) => at + 2).filter((one) => !numbers.has(one));
  const [number = DOORBELLS_MAX] = numbersFree;
  const named = name ?? numbersFree.map((one) => `Doorbell ${one}`).find((one) => !isTaken(there, one)) ?? '';
  if (!nameSchema.safeParse(named).success)
    throw failure('usage', { detail: 'a doorbell’s name has 1 to 60 letters, and does not begin with "device-"' });
  if (isTaken(there, named)) throw failure('doorbell_name_taken', { name: named });
  const path = join(folder, FOLDER, String(number));
  await disk.makeFolder(path);
  await disk.replaceFile(join(path, 'device.json'), utf8(`${JSON.stringify({ name: named, camera }, null, 2)}\n`));
  return { number, part: `doorbell-${number}`, path, name: named, camera };
}

const isTaken = (there: readonly DoorbellFolder[], name: string) => there.some((one) => isCalled(one, name));

/**
 * The one doorbell of a testbed that an id or a name means; without one, the only one there is. Throws `doorbell_not_named`,
 * `doorbell_unknown`.
 */
export async function namedDoorbell(disk: Disk, folder: string, word: string | undefined): Promise<DoorbellFolder> {
  return doorbellCalled(disk, await listDoorbells(disk, folder), word);
}

/** Destroys a doorbell that does not run. What a crash interrupts is done by the next `finishRemovals`. Throws `doorbell_first`. */
export async function removeDoorbell(
  disk: Disk,
  folder: string,
  doorbell: DoorbellFolder,
  destroy: (path: string) => Promise<void>,
): Promise<void> {
  if (doorbell.number === 1) throw failure('doorbell_first', { name: doorbell.name });
  await finishRemovals(disk, folder, destroy);
  await disk.rename(doorbell.path, join(folder, FOLDER, `${REMOVED}${doorbell.number}`));
  await finishRemovals(disk, folder, destroy);
}

/**
 * Destroys what is left of removed doorbells: the owner's side of the pairing, their accounts at the broker, and their folders, with
 * `destroy` first.
 */
export async function finishRemovals(
  disk: Disk,
  folder: string,
  destroy: (path: string) => Promise<void>,
): Promise<void> {
  for (const name of await disk.list(join(folder, FOLDER))) {
    if (!name.startsWith(REMOVED)) continue;
    const path = join(folder, FOLDER, name);
    const device = await deviceOf(disk, { path });
    if (device !== null) await endAccess(disk, folder, device);
    await destroy(path);
    await disk.remove(path);
  }
}

/** Ends what a device and its owner had at the brokers, which are one here. */
async function endAccess(disk: Disk, folder: string, device: string): Promise<void> {
  const { accounts, owner } = testbedPaths(folder);
  await forgetHome(disk, owner, device);
  await removeAccountsOf(disk, accounts, device);
}
