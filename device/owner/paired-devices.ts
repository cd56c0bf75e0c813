// The owner's machine stores each paired device in a file, 0600.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { TlsFiles } from '@doorsill/base/tls';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { caSchema } from '@doorsill/contract/enrolment';
import { failure } from '@doorsill/contract/errors';
import { brokerUserSchema, idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { z } from 'zod';

/** A paired device, as its owner keeps it. */
export const PairedDevice = z.strictObject({
  device: idSchema,
  deviceKey: publicKeySchema,
  name: z.string().max(60),
  /** The device's bridge and registry at pairing; null before it is enrolled, when it gets no requests either. */
  trust: z.strictObject({ bridgeKey: publicKeySchema, registryKey: publicKeySchema }).nullable(),
  account: z.strictObject({
    url: z.string().regex(/^mqtts?:\/\/[^\s]{1,200}$/),
    user: brokerUserSchema,
    password: z.string().min(1).max(128),
    prefix: z.string().min(1).max(64),
    /** The broker's certificate authority, named by the device at pairing; absent: a public one. */
    ca: caSchema.optional(),
  }),
  /** The device's signed statement that the key of this owner is paired with it; absent in files from before it was stored. */
  pairing: z.string().max(2_048).optional(),
  /** This owner's own TLS files for that broker, by absolute path; a `ca` here overrides the device's. */
  tls: TlsFiles.optional(),
});
export type PairedDevice = z.infer<typeof PairedDevice>;

const HOME_BYTES_MAX = 10_000;
const SUFFIX = '.json';

/** Every paired device of an owner's folder, by device id. Throws `state_damaged`. */
export async function listPairedDevices(disk: Disk, folder: string): Promise<PairedDevice[]> {
  const names = (await disk.list(join(folder, 'homes'))).filter(
    (name) => name.endsWith(SUFFIX) && !name.startsWith('.'),
  );
  return Promise.all(names.map((name) => readPairedDevice(disk, join(folder, 'homes', name))));
}

async function readPairedDevice(disk: Disk, path: string): Promise<PairedDevice> {
  const text = fromUtf8((await disk.readSecret(path, HOME_BYTES_MAX)) ?? new Uint8Array());
  try {
    return PairedDevice.parse(JSON.parse(text ?? ''));
  } catch (thrown) {
    throw failure('state_damaged', { file: path, detail: 'it does not describe a paired device' }, thrown);
  }
}

/** Deletes a device's file; the account at its broker remains. */
export async function forgetPairedDevice(disk: Disk, folder: string, device: string): Promise<void> {
  await disk.remove(join(folder, 'homes', `${idSchema.parse(device)}${SUFFIX}`));
}

/** Stores a device, replacing its earlier file. */
export async function storePairedDevice(disk: Disk, folder: string, home: PairedDevice): Promise<void> {
  await disk.makeFolder(join(folder, 'homes'));
  await disk.replaceFile(join(folder, 'homes', `${home.device}${SUFFIX}`), utf8(`${JSON.stringify(home, null, 2)}\n`));
}
