// Owns: files that a command writes what is private into, under a name that somebody gave: footage, names, what was disclosed. Each is new,
// for its user alone, and whole or not there. Not here: data folders (device/base/disk.ts), what is written.

import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expectPrivateFile } from '@doorsill/base/private-paths';
import { SystemRandom } from '@doorsill/base/random';
import { toHex } from '@doorsill/contract/bytes';
import { failure, isFailure } from './errors.ts';

/** A file that is being written, beside the place that it shall have. */
export interface NewFile {
  handle: FileHandle;
  /** Gives it its place. */
  keep(): Promise<void>;
  /** Leaves nothing of it. */
  drop(): Promise<void>;
}

/**
 * Expects that a path is free, or has a file of this user that nobody else can read: that one is replaced. Throws `output_taken` for what another
 * user owns, could read or could write, for a link and for what is no file.
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

/** Begins a file. Throws `output_taken`, and the disk's errors. */
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

/** Writes a file of parts, whole or not at all. Throws `output_taken`, the disk's errors, and what `parts` throws. */
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
