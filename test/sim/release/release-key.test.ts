import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { parseMinisignKey } from '../../../device/update/minisign.ts';
import { createReleaseKey, loadReleaseKey } from '../../../sim/release/release-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-release-key-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const disk = new SystemDisk();
const create = (name: string) => createReleaseKey(disk, new SystemRandom(), join(folder, name));

it('is made once, readable only by its maker, with a public key for doorbells', async () => {
  const { id, publicKey } = await create('key');
  expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o600);
  expect(parseMinisignKey(readFileSync(join(folder, 'key.pub'), 'utf8'))).toEqual({ id, publicKey });
  expect(readFileSync(join(folder, 'key.pub'), 'utf8')).not.toContain('secret');
  expect(await loadReleaseKey(disk, join(folder, 'key'))).toMatchObject({ id, publicKey });
  await expect(create('key')).rejects.toMatchObject({ code: 'usage' });
});

it('is refused when others can read it', async () => {
  await create('open');
  chmodSync(join(folder, 'open'), 0o640);
  await expect(loadReleaseKey(disk, join(folder, 'open'))).rejects.toMatchObject({
    code: 'secret_file_exposed',
  });
});

it.each(['', '{"kind":"doorsill-owner-key"}', 'no JSON'])('is refused when it is %j', async (text) => {
  writeFileSync(join(folder, 'other'), text, { mode: 0o600 });
  await expect(loadReleaseKey(disk, join(folder, 'other'))).rejects.toMatchObject({ code: 'state_damaged' });
});
