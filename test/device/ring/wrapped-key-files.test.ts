// Key files are made once, private, and opened only by the right device key for the right purpose.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { FileDeviceKey, loadOrCreateSealKey, WrappedFile } from '../../../device/ring/wrapped-key-files.ts';

const disk = new SystemDisk();
const random = new SystemRandom();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-keys-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const device = (name = 'device.key') => new FileDeviceKey(disk, random, join(folder, name));
const kept = (wrapper = device(), purpose = 'outbox') =>
  loadOrCreateSealKey(disk, random, wrapper, join(folder, 'outbox.key'), purpose);

describe('a kept key', () => {
  it('is made once and read again, from files that only their user can read', async () => {
    const key = await kept();
    expect(await kept()).toEqual(key);
    for (const name of ['device.key', 'outbox.key']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect((await readFile(join(folder, 'outbox.key'))).includes(Buffer.from(key.secret))).toBe(false);
  });

  it('is not replaced if it cannot be opened', async () => {
    await kept();
    await expect(kept(device('other.key'))).rejects.toMatchObject({ code: 'state_damaged' });
    await expect(kept(device(), 'ring')).rejects.toMatchObject({ code: 'state_damaged' });
    const path = join(folder, 'outbox.key');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, 20));
    await expect(kept()).rejects.toMatchObject({ code: 'state_damaged' });
    await writeFile(path, bytes);
    expect((await kept()).secret.length).toBe(32);
  });
});

describe('a device key', () => {
  it('is made once even for two concurrent first callers', async () => {
    const wrapper = device();
    const [one, two] = await Promise.all([
      wrapper.wrap(random.bytes(32), 'one'),
      wrapper.wrap(random.bytes(32), 'two'),
    ]);
    expect(await device().unwrap(one, 'one')).not.toBeNull();
    expect(await device().unwrap(two, 'two')).not.toBeNull();
    expect(await device().unwrap(two, 'one')).toBeNull();
  });

  it('is refused if its file is something else', async () => {
    await writeFile(join(folder, 'device.key'), 'not a key', { mode: 0o600 });
    await expect(device().wrap(random.bytes(32), 'one')).rejects.toMatchObject({ code: 'state_damaged' });
    await writeFile(join(folder, 'device.key'), `DSDEVKEY${'x'.repeat(31)}`, { mode: 0o600 });
    await expect(device().wrap(random.bytes(32), 'one')).rejects.toMatchObject({ code: 'state_damaged' });
  });
});

it('distinguishes a missing secret from an unreadable one', async () => {
  const path = join(folder, 'secret');
  const file = (wrapper = device()) => new WrappedFile(disk, wrapper, path, 'test');
  expect(await file().read()).toBe('absent');
  await file().write(random.bytes(5));
  expect(await file(device('other.key')).read()).toBe('unreadable');
  await file().replaceForGood(Uint8Array.of(1, 2, 3), random);
  expect(await file().read()).toEqual(Uint8Array.of(1, 2, 3));
});
