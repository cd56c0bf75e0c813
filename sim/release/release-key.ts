import type { Disk } from '@doorsill/base/disk';
import { generateSigningKey, importSigningKey, type SigningKey } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';
import { KEY_ID_BYTES, type MinisignKey, printMinisignKey } from '@doorsill/device/update/minisign';
import { z } from 'zod';
import { failure } from '../errors.ts';

const KEY_FILE_BYTES_MAX = 1_024;
const keyFileSchema = z.strictObject({
  kind: z.literal('doorsill-release-key'),
  id: z.string().length(11),
  secret: z.string().length(43),
});

export interface ReleaseKey extends MinisignKey {
  signing: SigningKey;
}

/** Makes a key file `path` (0600), and `path.pub` with the public key in minisign's format. Throws `usage` where `path` exists. */
export async function createReleaseKey(disk: Disk, random: Random, path: string): Promise<ReleaseKey> {
  if ((await disk.sizeOf(path)) !== null) {
    throw failure('usage', { detail: `${path} exists already; a lost key cannot be recovered` });
  }
  const signing = generateSigningKey(random);
  const id = random.bytes(KEY_ID_BYTES);
  const file = { kind: 'doorsill-release-key', id: toBase64url(id), secret: signing.exportSecret() };
  const key = { id, publicKey: signing.publicKey, signing };
  await disk.replaceFile(path, utf8(`${JSON.stringify(file)}\n`));
  await disk.replaceFile(`${path}.pub`, utf8(printMinisignKey(key)));
  return key;
}

/** The key in a file. Throws `secret_file_exposed` when others can read it, `state_damaged` when it is not a key. */
export async function loadReleaseKey(disk: Disk, path: string): Promise<ReleaseKey> {
  const text = fromUtf8((await disk.readSecret(path, KEY_FILE_BYTES_MAX, { isNamed: true })) ?? new Uint8Array());
  const file = keyFileSchema.safeParse(text === null ? null : parseJson(text));
  const signing = file.success ? importSigningKey(file.data.secret) : null;
  const id = file.success ? fromBase64url(file.data.id) : null;
  if (!signing || !id) throw failure('state_damaged', { file: path, detail: 'it is not a release key' });
  return { id, publicKey: signing.publicKey, signing };
}
