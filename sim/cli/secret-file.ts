// Owns: reading a password or passphrase that a user keeps in a file. Not here: asking for one on the terminal.
import { resolve } from 'node:path';
import { type Disk, failure } from '../../device/index.ts';

const SECRET_BYTES_MAX = 4_096;

/** The content of a file without its line end. Throws `file_unusable` when it is not there. */
export async function readSecretFile(disk: Disk, file: string): Promise<string> {
  const bytes = await disk.readFile(resolve(file), SECRET_BYTES_MAX);
  if (!bytes) throw failure('file_unusable', { detail: `${file} is not there` });
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
}
