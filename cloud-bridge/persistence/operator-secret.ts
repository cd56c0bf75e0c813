import { readSecretFile } from '@doorsill/base/private-paths';
import { failure, isFailure } from '@doorsill/contract/errors';

const BYTES_MAX = 4_096;

/**
 * A secret that an operator put into a file, such as a database's password, without white space at its ends. The group may read the file:
 * a database server reads the same one. Throws `secret_file_exposed`, `file_unusable`.
 */
export function operatorSecret(path: string): string {
  let bytes: Uint8Array | null;
  try {
    bytes = readSecretFile(path, BYTES_MAX, { isNamed: true, groupMayRead: true });
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    throw failure('file_unusable', { detail: thrown instanceof Error ? thrown.message : path }, thrown);
  }
  if (!bytes) throw failure('file_unusable', { detail: `${path} is not there` });
  return new TextDecoder().decode(bytes).trim();
}
