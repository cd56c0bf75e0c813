// A clip's file, encrypted or not, and how what a clip discloses is printed.
import { open, stat } from 'node:fs/promises';
import { isSealedFile, SEALED_MAGIC_BYTES } from '@doorsill/base/sealed-file';
import { concatBytes } from '@doorsill/contract/bytes';
import { oneLine } from '@doorsill/contract/outside-text';
import { disclosedKeys, type SealedClip } from '@doorsill/contract/sealing';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { failure } from '../errors.ts';

/** A file that is open for reading. */
export interface ClipFile {
  sizeBytes: number;
  /** Exactly `length` bytes at `position`; throws `verify_failed` when the file has become shorter. */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** Opens a file, which the caller closes. Throws `usage` when there is no such file. */
export async function openClipFile(path: string): Promise<ClipFile & { close(): Promise<void> }> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw failure('usage', { detail: `there is no file ${path}` });
  const file = await open(path);
  return {
    sizeBytes: found.size,
    read: async (position, length, into = new Uint8Array(length)) => {
      const { bytesRead } = await file.read(into, 0, length, position);
      if (bytesRead !== length) throw failure('verify_failed', { detail: 'the clip ended while it was read' });
      return into.subarray(0, length);
    },
    close: () => file.close(),
  };
}

/** Opens a file, closes it when `use` has ended, and returns what that resolves with. Throws `usage` when there is no such file. */
export async function withClipFile<Result>(path: string, use: (clip: ClipFile) => Promise<Result>): Promise<Result> {
  const file = await openClipFile(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** A clip's bytes in one piece. */
export async function allOf(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return concatBytes(all);
}

/** Whether a file is a clip that is encrypted for its recipient, by its first bytes. */
export async function isEncrypted({ sizeBytes, read }: ClipFile): Promise<boolean> {
  return sizeBytes >= SEALED_MAGIC_BYTES && isSealedFile(await read(0, SEALED_MAGIC_BYTES));
}

/** The facts that a clip discloses, in one line; of an encrypted clip that was not opened here, their names. */
export function disclosedWords(facts: { disclosed: DisclosedValues; sealed?: SealedClip | undefined }): string {
  const words = disclosedKeys(facts).map((key) => {
    const value = facts.disclosed[key];
    return value === undefined ? `${key} (encrypted)` : `${key} (${oneLine(value)})`;
  });
  return words.join(', ') || 'nothing';
}
