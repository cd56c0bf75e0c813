import { createCipheriv } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { SEAL_NONCE_BYTES, type SealKey, sealWithNonce } from '../../../device/base/seal.ts';
import { openSealedFile, writeSealedFile } from '../../../device/base/sealed-file.ts';
import { watchCiphers } from './cipher-watch.ts';
import { MemoryDisk } from './memory-disk.ts';

const keyOf = (byte: number): SealKey => ({ cipher: 'aes-256-gcm', secret: new Uint8Array(32).fill(byte) });
const nonceOf = (byte: number) => new Uint8Array(SEAL_NONCE_BYTES).fill(byte);
const [one, other] = [Buffer.from('a record'), Buffer.from('another one')];
const nothing = new Uint8Array(0);

let reported: string[] = [];
let unwatch: () => void = () => undefined;
beforeEach(() => {
  reported = [];
  unwatch = watchCiphers((what) => reported.push(what));
});
afterEach(() => unwatch());

it('reports a key that seals two records, or different associated data, under one nonce', () => {
  sealWithNonce(keyOf(1), nonceOf(7), one, nothing);
  sealWithNonce(keyOf(1), nonceOf(7), other, nothing);
  expect(reported).toEqual(['a key seals two records under the nonce 070707070707070707070707']);
  sealWithNonce(keyOf(2), nonceOf(7), one, nothing);
  sealWithNonce(keyOf(2), nonceOf(7), one, one);
  expect(reported).toHaveLength(2);
});

it('reports a key used by two ciphers under one nonce', () => {
  sealWithNonce(keyOf(1), nonceOf(7), one, nothing);
  sealWithNonce({ ...keyOf(1), cipher: 'chacha20-poly1305' }, nonceOf(7), one, nothing);
  expect(reported).toHaveLength(1);
});

it('accepts the same record again, another nonce and another key', () => {
  for (const [key, nonce] of [
    [1, 1],
    [1, 1],
    [1, 2],
    [2, 1],
  ])
    sealWithNonce(keyOf(key ?? 0), nonceOf(nonce ?? 0), one, nothing);
  expect(reported).toEqual([]);
});

it('reports a key that seals two files, and none that opens its own', async () => {
  const random = new SeededRandom(1);
  const disk = new MemoryDisk({ clock: new ManualClock(0), random });
  const write = async (path: string, byte: number) => {
    const identity = { path, key: keyOf(byte), id: 'clip-1' };
    await writeSealedFile(disk, random, identity, [one]);
    await (await openSealedFile(disk, identity)).close();
  };
  await write('/one', 1);
  await write('/other', 2);
  expect(reported).toEqual([]);
  await write('/again', 1);
  expect(reported).toEqual(['a key seals two files']);
});

it('does not change sealed bytes, and restores the platform at its end', () => {
  const watched = sealWithNonce(keyOf(1), nonceOf(1), one, other);
  unwatch();
  expect(Buffer.compare(sealWithNonce(keyOf(1), nonceOf(1), one, other), watched)).toBe(0);
  createCipheriv('aes-256-gcm', keyOf(1).secret, nonceOf(1)).final();
  expect(reported).toEqual([]);
});

it('continues from earlier records, and adds new ones', () => {
  unwatch();
  const sealed = new Map<string, string>();
  unwatch = watchCiphers((what) => reported.push(what), sealed);
  sealWithNonce(keyOf(1), nonceOf(7), one, nothing);
  unwatch();
  expect(sealed.size).toBe(1);
  unwatch = watchCiphers((what) => reported.push(what), new Map(sealed));
  sealWithNonce(keyOf(1), nonceOf(7), one, nothing);
  expect(reported).toEqual([]);
  sealWithNonce(keyOf(1), nonceOf(7), other, nothing);
  expect(reported).toHaveLength(1);
});
