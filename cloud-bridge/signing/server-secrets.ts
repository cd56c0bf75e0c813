import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { generateSigningKey, importSigningKey, type SigningKey } from '@doorsill/base/keys';
import { readSecretFile } from '@doorsill/base/private-paths';
import type { Random } from '@doorsill/base/random';
import { fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure, isFailure } from '@doorsill/contract/errors';

const SECRET_BYTES_MAX = 200;
const KEY_NAME = 'signing.key';
const ADMIN_TOKEN_NAME = 'admin.token';
const ADMIN_TOKEN_FORM = /^[A-Za-z0-9_-]{43}$/;

async function secretIn(disk: Disk, path: string, make: () => string): Promise<string> {
  const stored = await disk.readSecret(path, SECRET_BYTES_MAX);
  if (stored) return (fromUtf8(stored) ?? '').trim();
  const made = make();
  await disk.replaceFile(path, utf8(`${made}\n`));
  return made;
}

/** The folder's signing key, created at the first call. Throws `state_damaged`. */
export async function signingKeyIn(disk: Disk, random: Random, folder: string): Promise<SigningKey> {
  const path = join(folder, KEY_NAME);
  const secret = await secretIn(disk, path, () => generateSigningKey(random).exportSecret());
  const key = importSigningKey(secret);
  if (!key) throw failure('state_damaged', { file: path, detail: 'it is not a signing key' });
  return key;
}

/** The folder's admin token (256 random bits as text), created at the first call. Throws `state_damaged`. */
export async function adminTokenIn(disk: Disk, random: Random, folder: string): Promise<string> {
  const path = join(folder, ADMIN_TOKEN_NAME);
  const token = await secretIn(disk, path, () => toBase64url(random.bytes(32)));
  if (!ADMIN_TOKEN_FORM.test(token)) throw failure('state_damaged', { file: path, detail: 'it is not an admin token' });
  return token;
}

/** The admin token of a server that has run on this folder, for a command on the same machine; null when there is none. */
export async function readAdminToken(disk: Disk, folder: string): Promise<string | null> {
  const stored = await disk.readSecret(join(folder, ADMIN_TOKEN_NAME), SECRET_BYTES_MAX);
  const token = stored && (fromUtf8(stored) ?? '').trim();
  return token && ADMIN_TOKEN_FORM.test(token) ? token : null;
}

const OPERATOR_SECRET_BYTES_MAX = 4_096;

/**
 * A secret that an operator put into a file, such as a database's password, without white space at its ends. The group may read the file:
 * a database server reads the same one. Throws `secret_file_exposed`, `file_unusable`.
 */
export function operatorSecret(path: string): string {
  let bytes: Uint8Array | null;
  try {
    bytes = readSecretFile(path, OPERATOR_SECRET_BYTES_MAX, { isNamed: true, groupMayRead: true });
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    throw failure('file_unusable', { detail: thrown instanceof Error ? thrown.message : path }, thrown);
  }
  if (!bytes) throw failure('file_unusable', { detail: `${path} is not there` });
  return new TextDecoder().decode(bytes).trim();
}
