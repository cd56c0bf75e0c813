// Reads what a command is given as a small file: a signed document, or a public key, which may also be given as text.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isPublicKey } from '@doorsill/base/keys';
import { fromUtf8 } from '@doorsill/contract/bytes';
import type { Context } from '@doorsill/device/cli/context';
import { failure } from '../errors.ts';

const TOKEN_BYTES_MAX = 65_536;

/** A small file's text, without its last line end. Throws `usage`, `verify_failed`. */
export async function readTokenFile(context: Context, path: string): Promise<string> {
  const isTokenSized = await stat(path).then(
    (found) => found.isFile() && found.size <= TOKEN_BYTES_MAX,
    () => true,
  );
  if (!isTokenSized) throw failure('usage', { detail: `${path} is not a manifest, receipt or key` });
  const bytes = await context.disk.readFile(resolve(path), TOKEN_BYTES_MAX);
  if (!bytes) throw failure('usage', { detail: `there is no file ${path}` });
  // Every byte counts, except for one line end, which editors and `echo` append.
  const text = fromUtf8(bytes)?.replace(/\r?\n$/, '');
  if (text === undefined) throw failure('verify_failed', { detail: `${path} is not text` });
  return text;
}

/** A public key, given as text or by the file that contains it. Throws `usage`, `verify_failed`. */
export async function namedKey(context: Context, named: string): Promise<string> {
  const key = isPublicKey(named) ? named : (await readTokenFile(context, named)).trim();
  if (!isPublicKey(key)) throw failure('usage', { detail: `${named} is neither a public key nor a file with one` });
  return key;
}
