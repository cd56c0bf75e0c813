// The contract of evidence storage: what was published is read back byte for byte until it is erased, and a crash leaves no orphaned files.
import { expect, it } from 'vitest';
import type { Blobs, BytesPlace } from '../../../cloud-bridge/vault/evidence-blobs.ts';
import type { BytesStanding } from '../../../cloud-bridge/vault/vault-store.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';

const MIB = 1024 * 1024;
const random = new SystemRandom();

/** Publishes bytes as an item's, as the vault does; returns their location. */
export async function put(blobs: Blobs, item: string, bytes: Uint8Array): Promise<BytesPlace> {
  const staged = await blobs.stage();
  try {
    for (let at = 0; at < bytes.length; at += 300_000) await staged.write(bytes.subarray(at, at + 300_000));
    expect(await staged.seal()).toEqual({ sha256: sha256Hex(bytes), bytes: bytes.length });
    const object = await staged.prepare(item, `manifest of ${item}`);
    await staged.publish(item, `manifest of ${item}`);
    return { item, object };
  } finally {
    await staged.close();
  }
}

export async function take(blobs: Blobs, place: BytesPlace, start: number, end: number): Promise<Buffer> {
  const bytes = await blobs.open(place, { start, end });
  const pieces: Uint8Array[] = [];
  for (let at = start; at < end; at += 65_536) pieces.push(await bytes.read(at, Math.min(65_536, end - at)));
  await bytes.close();
  return Buffer.concat(pieces);
}

const unknown = async (): Promise<BytesStanding> => ({ state: 'unknown', object: '' });

/** `open`: opens the same place each time, as a restarted process does. `dispose` empties it for the next test. */
export function blobsContract(open: () => Blobs, lies: () => Promise<string[]>): void {
  it('returns what was published, whole or in part, over a restart', async () => {
    const blobs = open();
    await blobs.start(unknown);
    const bytes = random.bytes(9 * MIB + 1);
    const a = await put(blobs, 'item-a', bytes);
    const b = await put(blobs, 'item-b', random.bytes(10));
    const again = open();
    await again.start(async (item) => ({ state: 'kept', object: (item === 'item-a' ? a : b).object }));
    expect(sha256Hex(await take(again, a, 0, bytes.length))).toBe(sha256Hex(bytes));
    for (const [start, end] of [
      [0, 1],
      [4 * MIB - 1, 4 * MIB + 1],
      [bytes.length - 7, bytes.length],
    ] as const) {
      expect(await take(again, a, start, end)).toEqual(Buffer.from(bytes.subarray(start, end)));
    }
    expect(await lies()).toEqual(['item-a', 'item-b']);
    expect(await again.freeBytes()).toBeGreaterThan(0);
  });

  it('takes the same item again, and no bytes of an abandoned upload', async () => {
    const blobs = open();
    await blobs.start(unknown);
    const bytes = random.bytes(1_000);
    await put(blobs, 'item-a', bytes);
    const a = await put(blobs, 'item-a', bytes);
    expect(await take(blobs, a, 0, 1_000)).toEqual(Buffer.from(bytes));
    const staged = await blobs.stage();
    await staged.write(bytes);
    await staged.close();
    expect(await lies()).toEqual(['item-a']);
  });

  it('has no byte of an erased item, and may be asked to erase it again', async () => {
    const blobs = open();
    await blobs.start(unknown);
    await put(blobs, 'item-a', random.bytes(10));
    const a = await put(blobs, 'item-a', random.bytes(2 * MIB));
    await blobs.erase(a);
    await blobs.erase(a);
    await blobs.eraseOwed();
    expect(await lies()).toEqual([]);
    await expect(take(blobs, a, 0, 1)).rejects.toThrow();
  });

  it('removes at its start erased items and the remains of a crash, and refuses a place with items of another database', async () => {
    const blobs = open();
    await blobs.start(unknown);
    const names = Array.from({ length: 66 }, (_, at) => `item-${at}`);
    const places = new Map<string, BytesPlace>();
    for (const name of names) places.set(name, await put(blobs, name, random.bytes(10)));
    const lost = await blobs.stage();
    await lost.write(random.bytes(10));
    await lost.seal();
    await expect(open().start(unknown)).rejects.toMatchObject({ code: 'evidence_store_unfit' });
    expect(await lies()).toHaveLength(66);
    await open().start(async (item) => ({
      state: item === 'item-7' ? 'kept' : item < 'item-3' ? 'unknown' : 'erased',
      object: places.get(item)?.object ?? '',
    }));
    expect(await lies()).toEqual(['item-7']);
  }, 60_000);
}
