// The owner's key on the owner's machine: one file, 0600, created at first use.
import { dirname } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { generateSigningKey, importSigningKey, type SigningKey } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';

const keyFileSchema = z.strictObject({ kind: z.literal('doorsill-owner-key'), secret: z.string().length(43) });
const KEY_FILE_BYTES_MAX = 1_024;

/** Loads the owner's key, or null when no file exists yet. Throws `state_damaged` when the file is not a key file. */
export async function loadOwnerKey(disk: Disk, path: string): Promise<SigningKey | null> {
  const bytes = await disk.readSecret(path, KEY_FILE_BYTES_MAX);
  if (!bytes) return null;
  const key = parseKeyFile(bytes);
  if (!key) throw failure('state_damaged', { file: path, detail: 'it is not an owner key' });
  return key;
}

/** Loads the owner's key, or creates and stores a new one. Throws `state_damaged`. */
export async function loadOrCreateOwnerKey(disk: Disk, random: Random, path: string): Promise<SigningKey> {
  const known = await loadOwnerKey(disk, path);
  if (known) return known;
  const key = generateSigningKey(random);
  await disk.makeFolder(dirname(path));
  const file = { kind: 'doorsill-owner-key', secret: key.exportSecret() };
  await disk.replaceFile(path, utf8(`${JSON.stringify(file)}\n`));
  return key;
}

function parseKeyFile(bytes: Uint8Array): SigningKey | null {
  const text = fromUtf8(bytes);
  if (text === null) return null;
  try {
    const file = keyFileSchema.safeParse(JSON.parse(text));
    return file.success ? importSigningKey(file.data.secret) : null;
  } catch {
    return null;
  }
}
