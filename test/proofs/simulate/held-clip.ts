// A clip that bridge or vault hold, as whoever has the vault's keys reads it.

import type { SealingKeyPair } from '@doorsill/base/hpke';
import type { Statement } from '@doorsill/contract/manifest';
import type { VerdictOutcome } from '@doorsill/contract/sealing';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { outcomeOf } from '@doorsill/contract/verdict';
import { openWithContentKey, partsOf } from '@doorsill/device/clip/open-with-content-key';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import { contentKeyOf, peekStatement } from 'doorsill/officer/open-sealed-clip';

/** A clip that is what its statement says. */
interface GoodClip {
  readonly clip: Uint8Array;
  readonly disclosed: DisclosedValues;
}

export interface HeldClip {
  readonly statement: Statement;
  /** What a vault must say about an encrypted clip; null for another one. */
  readonly outcome: VerdictOutcome | null;
  /** Null for an encrypted clip that is not as granted. */
  readonly good: GoodClip | null;
}

/** Opens a held file with the vault's keys, and verifies its clip. Throws `verify_failed`, unless only an opened file can show the fault. */
export async function readHeldClip(
  file: Uint8Array,
  token: string,
  keys: readonly SealingKeyPair[],
): Promise<HeldClip> {
  const statement = peekStatement(token);
  const { sealed, disclosed } = statement;
  try {
    const key = sealed && contentKeyOf({ ...statement, sealed }, keys);
    const opened = key && (await openWithContentKey(inMemory(file), statement, key));
    const good = opened
      ? { clip: await gathered(partsOf(opened.clip)), disclosed: opened.contents.disclosed }
      : { clip: file, disclosed };
    await verifyClip(partsOf(inMemory(good.clip)), token);
    return { statement, outcome: opened ? 'as-granted' : null, good };
  } catch (thrown) {
    const outcome = outcomeOf(thrown);
    if (outcome === null) throw thrown;
    return { statement, outcome, good: null };
  }
}

function inMemory(bytes: Uint8Array) {
  const read = async (at: number, length: number) => bytes.slice(at, at + length);
  return { sizeBytes: bytes.length, read };
}

/** Parts in one piece. */
export async function gathered(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}
