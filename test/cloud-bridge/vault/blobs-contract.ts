// Holds, of any place for evidence's bytes: what was published is read back byte for byte until it is erased, and a crash leaves
// nothing that is nobody's. Not here: which place it is (blobs.test.ts, s3-blobs.slow.test.ts).
import { expect, it } from 'vitest';
import type { Blobs } from '../../../cloud-bridge/vault/blobs.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';

const MIB = 1024 * 1024;
const random = new SystemRandom();

/** Publishes bytes as an item's, the way the vault does. */
export async function put(blobs: Blobs, item: string, bytes: Uint8Array): Promise<void> {
  const staged = await blobs.stage();
  try {
    for (let at = 0; at < bytes.length; at += 300_000) await staged.write(bytes.subarray(at, at + 300_000));
    expect(await staged.seal()).toEqual({ sha256: sha256Hex(bytes), bytes: bytes.length });
    await staged.prepare(item, `manifest of ${item}`);
    await staged.publish(item, `manifest of ${item}`);
  } finally {
    await staged.close();
  }
}

export async function take(blobs: Blobs, item: string, start: number, end: number): Promise<Buffer> {
  const bytes = await blobs.open(item, end);
  const pieces: Uint8Array[] = [];
  for (let at = start; at < end; at += 65_536) pieces.push(await bytes.read(at, Math.min(65_536, end - at)));
  await bytes.close();
  return Buffer.concat(pieces);
}

/** `open`: the same place each time, as a process that was started anew finds it. `dispose` empties it for the next test. */
export function blobsContract(open: () => Blobs, lies: () => Promise<string[]>): void {
  it('returns what was published, whole or in part, over a restart', async () => {
    const blobs = open();
    await blobs.start(async () => 'unknown');
    const bytes = random.bytes(9 * MIB + 1);
    await put(blobs, 'item-a', bytes);
    await put(blobs, 'item-b', random.bytes(10));
    const again = open();
    await again.start(async () => 'kept');
    expect(sha256Hex(await take(again, 'item-a', 0, bytes.length))).toBe(sha256Hex(bytes));
    for (const [start, end] of [
      [0, 1],
      [4 * MIB - 1, 4 * MIB + 1],
      [bytes.length - 7, bytes.length],
    ] as const) {
      expect(await take(again, 'item-a', start, end)).toEqual(Buffer.from(bytes.subarray(start, end)));
    }
    expect(await lies()).toEqual(['item-a', 'item-b']);
    expect(await again.freeBytes()).toBeGreaterThan(0);
  });

  it('takes the same item again, and nothing from what was given up', async () => {
    const blobs = open();
    await blobs.start(async () => 'unknown');
    const bytes = random.bytes(1_000);
    await put(blobs, 'item-a', bytes);
    await put(blobs, 'item-a', bytes);
    expect(await take(blobs, 'item-a', 0, 1_000)).toEqual(Buffer.from(bytes));
    const staged = await blobs.stage();
    await staged.write(bytes);
    await staged.close();
    expect(await lies()).toEqual(['item-a']);
  });

  it('has nothing of an item that was erased, which may be asked for again', async () => {
    const blobs = open();
    await blobs.start(async () => 'unknown');
    await put(blobs, 'item-a', random.bytes(2 * MIB));
    await blobs.erase('item-a');
    await blobs.erase('item-a');
    await blobs.eraseOwed();
    expect(await lies()).toEqual([]);
    await expect(take(blobs, 'item-a', 0, 1)).rejects.toThrow();
  });

  it('removes at its start what was erased and what a crash left, and refuses a place whose items are not its database’s', async () => {
    const blobs = open();
    await blobs.start(async () => 'unknown');
    const names = Array.from({ length: 66 }, (_, at) => `item-${at}`);
    for (const name of names) await put(blobs, name, random.bytes(10));
    const lost = await blobs.stage();
    await lost.write(random.bytes(10));
    await lost.seal();
    await expect(open().start(async () => 'unknown')).rejects.toMatchObject({ code: 'evidence_store_unfit' });
    expect(await lies()).toHaveLength(66);
    await open().start(async (item) => (item === 'item-7' ? 'kept' : item < 'item-3' ? 'unknown' : 'erased'));
    expect(await lies()).toEqual(['item-7']);
  }, 60_000);
}
