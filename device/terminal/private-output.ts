// Private files that a command writes under a name that the user gave: each is new, readable for its user alone, and complete or absent.
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expectPrivateFile } from '@doorsill/base/private-paths';
import { SystemRandom } from '@doorsill/base/random';
import { toHex } from '@doorsill/contract/bytes';
import { failure, isFailure } from './errors.ts';

/** A file that is written under a temporary name in its folder. */
export interface NewFile {
  handle: FileHandle;
  /** Moves the file to its path. */
  keep(): Promise<void>;
  /** Removes the file. */
  drop(): Promise<void>;
}

/**
 * Expects that a path is free, or holds a file of this user that nobody else can read, which will be replaced. Throws `output_taken`
 * for a file that another user owns, could read or could write, for a link, and for anything but a file.
 */
export async function expectOutputFree(path: string): Promise<void> {
  const facts = await lstat(path).catch(() => null);
  if (!facts) return;
  try {
    expectPrivateFile(path, facts);
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    throw failure('output_taken', { file: path, detail: thrown.facts['detail'] ?? '' }, thrown);
  }
}

/** Creates a file for writing. Throws `output_taken`, and the disk's errors. */
export async function newPrivateFile(path: string): Promise<NewFile> {
  await expectOutputFree(path);
  const temporary = join(dirname(path), `.${basename(path)}.${toHex(new SystemRandom().bytes(9))}.part`);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
  const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  const drop = async () => {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
  };
  const keep = async () => {
    await handle.datasync();
    await handle.close();
    await expectOutputFree(path);
    await rename(temporary, path);
  };
  return { handle, keep: () => keep().catch((thrown) => drop().then(() => Promise.reject(thrown))), drop };
}

/** Writes a file of parts, complete or not at all. Throws `output_taken`, the disk's errors, and those of `parts`. */
export async function writePrivateFile(
  path: string,
  parts: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
): Promise<void> {
  const file = await newPrivateFile(path);
  try {
    for await (const part of parts) await file.handle.writeFile(part);
  } catch (thrown) {
    await file.drop();
    throw thrown;
  }
  await file.keep();
}
