// Holds: a new key leaves the former ones readable, a damaged file is not replaced by new keys, and other users cannot read it.
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { decryptWith, encryptTo } from '../../../device/base/hpke.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { addSealingKey, keyAmong, loadSealingKeys, readSealingKeys } from '../../../device/base/sealing-keys.ts';
import { utf8 } from '../../../device/contract/bytes.ts';

const disk = new SystemDisk();
const random = new SystemRandom();
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-sealing-keys-'));
  path = join(folder, 'sealing.keys');
});
afterEach(() => rm(folder, { recursive: true }));

it('makes one key, finds it again, and keeps it to itself', async () => {
  expect(await readSealingKeys(disk, path)).toBeNull();
  const [made] = await loadSealingKeys(disk, random, path);
  const [again, ...more] = await loadSealingKeys(disk, random, path);
  expect([again.publicKey, more]).toEqual([made.publicKey, []]);
  expect((await stat(path)).mode & 0o077).toBe(0);
  expect(await readFile(path, 'utf8')).not.toContain(made.publicKey);
});

it('puts a new key in front and still opens what was encrypted to a former one', async () => {
  const [former] = await loadSealingKeys(disk, random, path);
  const info = utf8('info');
  const message = encryptTo(former.publicKey, utf8('a clip’s key'), { info }, random) ?? new Uint8Array();
  const [newest] = await addSealingKey(disk, random, path);
  expect(newest.publicKey).not.toBe(former.publicKey);
  const keys = (await readSealingKeys(disk, path)) ?? [];
  expect(keys.map(({ publicKey }) => publicKey)).toEqual([newest.publicKey, former.publicKey]);
  const found = keyAmong(keys, former.publicKey);
  expect(found && decryptWith(found, message, { info })).toEqual(utf8('a clip’s key'));
  expect(keyAmong(keys, 'A'.repeat(43))).toBeNull();
});

it.each([
  ['empty', ''],
  ['half a key', 'AAAA\n'],
  ['a key and half a key', `${'A'.repeat(43)}\nAAAA\n`],
  ['no text', '\u0000'],
])('is not replaced when it holds %s', async (_what, text) => {
  await writeFile(path, text, { mode: 0o600 });
  for (const use of [
    readSealingKeys(disk, path),
    loadSealingKeys(disk, random, path),
    addSealingKey(disk, random, path),
  ])
    await expect(use).rejects.toMatchObject({ code: 'state_damaged' });
  expect(await readFile(path, 'utf8')).toBe(text);
});

it('is not used when other users can read it', async () => {
  await loadSealingKeys(disk, random, path);
  await chmod(path, 0o644);
  await expect(loadSealingKeys(disk, random, path)).rejects.toMatchObject({ code: 'secret_file_exposed' });
});

it('does not grow for ever', async () => {
  const [, ...lines] = Array.from({ length: 101 }, (_, at) => Buffer.alloc(32, at).toString('base64url'));
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  expect(await readSealingKeys(disk, path)).toHaveLength(100);
  await expect(addSealingKey(disk, random, path)).rejects.toMatchObject({ code: 'state_damaged' });
});
