// The doorbells of a testbed as folders on disk: lists, adds and removes them.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';
import { deviceOf, doorbellCalled, isCalled } from '@doorsill/device/cli/surroundings';
import { removeAccountsOf } from '@doorsill/device/home-account';
import { forgetPairedDevice } from '@doorsill/device/owner/paired-devices';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { testbedPaths } from './testbed-folder.ts';

/** Each doorbell is a process with its own encoder. */
export const DOORBELLS_MAX = 16;
/** Camera of the doorbells after the first: a small picture, because they share one machine. */
export const CAMERA_OF_MORE = 'synthetic?size=640x360';

/** The part of a doorbell's device.json that a testbed reads; the doorbell itself checks all of it. */
const settingsSchema = z.looseObject({
  name: z.string().optional(),
  camera: z.string().optional(),
  console: z.looseObject({ listen: z.string().optional(), port: z.number().optional() }).optional(),
});

/** One doorbell of a testbed. */
export interface DoorbellFolder {
  /** 1 for the first, which always exists. The others keep their numbers. */
  number: number;
  /** Name of its process and its log. */
  part: string;
  /** Its data folder. */
  path: string;
  name: string;
  /** From device.json; absent: the default. */
  camera?: string;
}

/** A doorbell to add; default name: "Doorbell N", default camera: a small drawn porch. */
export interface WantedDoorbell {
  name?: string | undefined;
  camera?: string | undefined;
}

const FIRST_NAME = 'Front door';
const FOLDER = 'doorbells';
const REMOVED = '.removed-';
const NUMBER = /^([2-9]|[1-9]\d{1,3})$/;
const SETTINGS_BYTES_MAX = 200_000;

/** 1 to 60 printable letters, and not a device's id: `--device` takes either. */
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
      // A folder without settings is an addition that a crash interrupted.
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

/** A doorbell's device.json; null when there is none. Throws `config_invalid`. */
export async function readDoorbellSettings(disk: Disk, path: string): Promise<z.output<typeof settingsSchema> | null> {
  const file = join(path, 'device.json');
  const bytes = await disk.readFile(file, SETTINGS_BYTES_MAX);
  if (!bytes) return null;
  const parsed = settingsSchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
  if (!parsed.success) throw failure('config_invalid', { file, detail: 'it holds no settings of a doorbell' });
  return parsed.data;
}

/**
 * Adds a doorbell's folder with its settings; the next start does the rest. Throws `doorbell_too_many`, `doorbell_name_taken`, `usage`.
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
 * The doorbell of a testbed with this id or name; without one, the only doorbell. Throws `doorbell_not_named`, `doorbell_unknown`.
 */
export async function namedDoorbell(disk: Disk, folder: string, idOrName: string | undefined): Promise<DoorbellFolder> {
  return doorbellCalled(disk, await listDoorbells(disk, folder), idOrName);
}

/** Destroys a doorbell that does not run. After a crash the next `finishRemovals` completes it. Throws `doorbell_first`. */
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
 * Destroys the rest of removed doorbells: the owner's side of the pairing, their accounts at the broker, and their folders, after calling
 * `destroy`.
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

/** Removes the accounts of a device and its owner at the testbed's broker. */
async function endAccess(disk: Disk, folder: string, device: string): Promise<void> {
  const { accounts, owner } = testbedPaths(folder);
  await forgetPairedDevice(disk, owner, device);
  await removeAccountsOf(disk, accounts, device);
}
