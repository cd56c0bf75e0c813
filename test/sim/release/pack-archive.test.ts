import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { packArchive } from '../../../sim/release/pack-archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-tar-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const long = `${'deep/'.repeat(28)}${'n'.repeat(99)}`;
const files = [
  { path: 'a.txt', bytes: Buffer.from('one') },
  { path: long, bytes: Buffer.alloc(1_025, 7) },
  { path: 'empty', bytes: new Uint8Array() },
];

it('is read by the system’s tar: names, bytes, modes, times', { tags: ['tar'] }, () => {
  const archive = packArchive(files, 1_700_000_000);
  execFileSync('tar', ['-xzf', '-', '-C', folder], { input: archive });
  for (const { path, bytes } of files) expect(readFileSync(join(folder, path))).toEqual(Buffer.from(bytes));
  const { mode, mtimeMs } = statSync(join(folder, long));
  expect([mode & 0o777, mtimeMs]).toEqual([0o644, 1_700_000_000_000]);
  const listed = execFileSync('tar', ['-tvzf', '-', '--numeric-owner'], { input: archive, encoding: 'utf8' });
  expect(
    listed
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)[1]),
  ).toEqual(['0/0', '0/0', '0/0']);
});

it('contains neither the time nor the system of the build', () => {
  const archive = packArchive(files, 1);
  expect(packArchive(files, 1)).toEqual(archive);
  expect([...archive.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]);
  expect(gunzipSync(archive).length % 512).toBe(0);
});

it('refuses a path that does not fit ustar', () => {
  const path = 'n'.repeat(101);
  expect(() => packArchive([{ path, bytes: new Uint8Array() }], 1)).toThrow(
    expect.objectContaining({ code: 'release_unmade' }),
  );
});
