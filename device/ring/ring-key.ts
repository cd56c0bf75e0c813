// The ring's key file: the key, the id of its predecessor, and the numbers of forgotten records.

import type { Random } from '@doorsill/base/random';
import { generateSealKey, type SealCipher, type SealKey, sealKeyId, wipeSealKey } from '@doorsill/base/seal';
import { utf8 } from '@doorsill/contract/bytes';
import { z } from 'zod';
import { parseWrappedJson, sealKeySchema, sealKeyToJson, type WrappedFile } from './wrapped-key-files.ts';

/** Ranges of sequence numbers kept at most; the records of older ranges have been overwritten long ago. */
const FORGOTTEN_MAX = 512;

const sequence = z.int().positive();
const stateSchema = z.strictObject({
  version: z.literal(1),
  key: sealKeySchema,
  /** Id of the key before this one: its records come from an interrupted reset, not from a lost key. */
  retired: z.string().nullable(),
  /** First and last sequence numbers of records to be destroyed; stored before they are destroyed, so that they don't survive a crash. */
  forgotten: z.array(z.tuple([sequence, sequence])).max(FORGOTTEN_MAX),
});

export class RingKeyFile {
  private readonly file: WrappedFile;
  private readonly random: Random;
  private state: { key: SealKey; retired: string | null; forgotten: [number, number][] } | null = null;

  constructor(file: WrappedFile, random: Random) {
    this.file = file;
    this.random = random;
  }

  /** Reads the key; null if none can be opened (a new ring, or a lost key: the ring file shows which). */
  async load(): Promise<SealKey | null> {
    const stored = await this.file.read();
    this.state = typeof stored === 'string' ? null : parseWrappedJson(stored, stateSchema);
    return this.state?.key ?? null;
  }

  get retiredId(): string | null {
    return this.state?.retired ?? null;
  }

  /** Whether a record must be destroyed. */
  wasForgotten(recordSequence: number): boolean {
    return this.state?.forgotten.some(([first, last]) => recordSequence >= first && recordSequence <= last) ?? false;
  }

  /** Stores durably that these ranges are forgotten. Drops ranges wholly before `oldest`, whose records were overwritten. */
  async forget(ranges: [number, number][], oldest: number): Promise<void> {
    if (!this.state) return;
    const forgotten = [...this.state.forgotten, ...ranges].filter(([, last]) => last >= oldest).slice(-FORGOTTEN_MAX);
    await this.file.write(encode({ ...this.state, forgotten }));
    this.state.forgotten = forgotten;
  }

  /** Destroys the key, on disk and in memory, and returns a new one. Earlier records can never be opened again. */
  async renew(cipher: SealCipher): Promise<SealKey> {
    const retired = this.state ? sealKeyId(this.state.key) : null;
    const state = { key: generateSealKey(this.random, cipher), retired, forgotten: [] };
    await this.file.replaceForGood(encode(state), this.random);
    this.unload();
    this.state = state;
    return state.key;
  }

  /** Overwrites the key in memory. */
  unload(): void {
    if (this.state) wipeSealKey(this.state.key);
    this.state = null;
  }
}

function encode(state: { key: SealKey; retired: string | null; forgotten: [number, number][] }): Uint8Array {
  const { key, retired, forgotten } = state;
  return utf8(JSON.stringify({ version: 1, key: sealKeyToJson(key), retired, forgotten }));
}
