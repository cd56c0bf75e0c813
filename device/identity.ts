// The device's signing key, created at the first boot, and the id derived from it.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { generateSigningKey, importSigningKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { z } from 'zod';

const keyFileSchema = z.strictObject({ kind: z.literal('doorsill-device-key'), secret: z.string().length(43) });
const KEY_FILE_BYTES_MAX = 1_024;

/** The device's signing key in its data folder; null before its first start. Throws `state_damaged`. */
export async function loadDeviceKey(disk: Disk, folder: string): Promise<SigningKey | null> {
  const path = join(folder, 'device.key');
  const stored = await disk.readSecret(path, KEY_FILE_BYTES_MAX);
  if (!stored) return null;
  const key = parseKeyFile(stored);
  if (!key) throw failure('state_damaged', { file: path, detail: 'it is not a device key' });
  return key;
}

/**
 * The device's signing key in its data folder, created and stored (0600) at the first call. `made`: a key that was made for it before. Throws
 * `state_damaged`.
 */
export async function loadOrCreateDeviceKey(
  disk: Disk,
  random: Random,
  folder: string,
  made?: SigningKey,
): Promise<SigningKey> {
  const stored = await loadDeviceKey(disk, folder);
  if (stored) return stored;
  const key = made ?? generateSigningKey(random);
  await disk.makeFolder(folder);
  const file = { kind: 'doorsill-device-key', secret: key.exportSecret() };
  await disk.replaceFile(join(folder, 'device.key'), utf8(`${JSON.stringify(file)}\n`));
  return key;
}

function parseKeyFile(bytes: Uint8Array): SigningKey | null {
  try {
    const file = keyFileSchema.safeParse(JSON.parse(fromUtf8(bytes) ?? ''));
    return file.success ? importSigningKey(file.data.secret) : null;
  } catch {
    return null;
  }
}

/** The device id derived from a signing key. */
export function deviceIdOf(key: SigningKey): string {
  return actorId('device', sha256Hex(key.publicKey));
}
