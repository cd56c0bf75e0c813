// Holds: durable writes reach the open file, whatever is at its path, and are counted; temporary files and folders are safe from other
// users. That writes survive a crash: test/device/ring.
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CountingDisk } from '../../../device/base/counting-disk.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { holdDiskContract } from './disk-contract.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-disk-'));
});
afterEach(() => rm(folder, { recursive: true }));

holdDiskContract('the machine’s file system', async () => {
  const own = await mkdtemp(join(tmpdir(), 'doorsill-disk-'));
  return { disk: new SystemDisk(), folder: own, dispose: () => rm(own, { recursive: true }) };
});

holdDiskContract('a disk that counts', async () => {
  const own = await mkdtemp(join(tmpdir(), 'doorsill-disk-'));
  return { disk: new CountingDisk(new SystemDisk(), own), folder: own, dispose: () => rm(own, { recursive: true }) };
});

it('writes durably at a position in the file, and counts the bytes', async () => {
  const disk = new CountingDisk(new SystemDisk(), folder);
  const file = await disk.open(join(folder, 'ring'), { create: true });
  await file.write(0, Buffer.from('0123456789'));
  await file.writeDurably(3, Buffer.from('abc'));
  await file.writeDurably(6, Buffer.from('de'));
  expect(Buffer.from(await file.read(0, 20)).toString()).toBe('012abcde89');
  await file.close();
  expect(disk.written()).toEqual({ ring: 15 });
});

it('writes durably to the file that it opened, not to another that has its path now', async () => {
  const path = join(folder, 'ring');
  const file = await new SystemDisk().open(path, { create: true });
  await rename(path, join(folder, 'moved'));
  await writeFile(path, 'another');
  await file.writeDurably(0, Buffer.from('ours'));
  await file.close();
  expect(await readFile(path, 'utf8')).toBe('another');
  expect(await readFile(join(folder, 'moved'), 'utf8')).toBe('ours');
});

it('makes a folder and its parents, also from two callers at once, and fails where it cannot', async () => {
  const disk = new SystemDisk();
  const path = join(folder, 'a', 'b', 'c');
  await Promise.all([disk.makeFolder(path), disk.makeFolder(path)]);
  for (const made of [path, join(folder, 'a')]) expect((await stat(made)).mode & 0o777).toBe(0o700);
  await expect(disk.makeFolder('/proc/doorsill/a')).rejects.toMatchObject({ code: 'ENOENT' });
  await writeFile(join(folder, 'file'), '');
  await expect(disk.makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
});

it('replaces a link to a folder in one step, and makes files readable for others if it is told to', async () => {
  const disk = new SystemDisk('readable');
  const link = join(folder, 'current');
  expect(await disk.readLink(link)).toBeNull();
  for (const name of ['one', 'two']) {
    await disk.makeFolder(join(folder, name));
    await disk.replaceFile(join(folder, name, 'which'), new TextEncoder().encode(name));
    // A crash left this.
    await disk.replaceFile(join(folder, '.current.tmp'), new Uint8Array());
    await disk.replaceLink(link, name);
    expect(await disk.readLink(link)).toBe(name);
    expect(new TextDecoder().decode((await disk.readFile(join(link, 'which'), 10)) ?? undefined)).toBe(name);
  }
  expect(await disk.list(folder)).toEqual(['current', 'one', 'two']);
  const modes = [join(folder, 'one'), join(folder, 'one/which')].map((path) => statSync(path).mode & 0o777);
  expect(modes).toEqual([0o755, 0o644]);
});

/** An account that owns nothing here. */
const NOBODY = 65_534;
const secret = new TextEncoder().encode('secret');

it('does not write to an existing file or link at the name of a temporary file', async () => {
  const laid = join(folder, '.device.key.tmp');
  writeFileSync(laid, '', { mode: 0o666 });
  const opened = openSync(laid, 'r');
  symlinkSync(join(folder, 'elsewhere'), join(folder, '.other.key.tmp'));
  const disk = new SystemDisk();
  await disk.replaceFile(join(folder, 'device.key'), secret);
  await disk.replaceFile(join(folder, 'other.key'), secret);
  const seen = readFileSync(opened, 'utf8');
  closeSync(opened);
  expect([seen, existsSync(join(folder, 'elsewhere'))]).toEqual(['', false]);
  for (const name of ['device.key', 'other.key']) {
    const { mode, size } = statSync(join(folder, name));
    expect([mode & 0o777, size]).toEqual([0o600, 6]);
  }
});

it('does not use an existing temporary file or link, even if its name was guessed', async () => {
  const disk = new SystemDisk();
  const guessed = (name: string) => join(folder, `.${name}.doorsill-${'0'.repeat(18)}.tmp`);
  writeFileSync(guessed('file.key'), '', { mode: 0o666 });
  symlinkSync(join(folder, 'elsewhere'), guessed('link.key'));
  const opened = openSync(guessed('file.key'), 'r');
  const drawn = vi.spyOn(SystemRandom.prototype, 'bytes').mockImplementation((length) => new Uint8Array(length));
  try {
    for (const name of ['file.key', 'link.key'])
      await expect(disk.replaceFile(join(folder, name), secret)).rejects.toMatchObject({ code: 'EEXIST' });
  } finally {
    drawn.mockRestore();
  }
  expect([readFileSync(opened, 'utf8'), existsSync(join(folder, 'elsewhere'))]).toEqual(['', false]);
  closeSync(opened);
});

it('gives each temporary file an unpredictable name', async () => {
  const drawn = vi.spyOn(SystemRandom.prototype, 'bytes');
  await new SystemDisk().replaceFile(join(folder, 'key'), secret);
  expect(drawn.mock.calls).toEqual([[9]]);
  drawn.mockRestore();
  const disk = new SystemDisk();
  const names = Array.from({ length: 20 }, () => disk.replaceFile(join(folder, 'key'), secret));
  await Promise.all(names);
  expect(readdirSync(folder)).toEqual(['key']);
});

it('removes its own temporary files that a crash left, but not another program’s or one that is being written', async () => {
  const disk = new SystemDisk();
  writeFileSync(join(folder, '.settings.json.doorsill-0123456789abcdef01.tmp'), 'secret');
  writeFileSync(join(folder, '.of-another-program.tmp'), 'secret');
  // The name in earlier versions.
  writeFileSync(join(folder, '.device.key.tmp'), 'secret');
  const large = disk.replaceFile(join(folder, 'large'), new Uint8Array(20_000_000));
  await disk.replaceFile(join(folder, 'device.key'), secret);
  await large;
  expect(readdirSync(folder).sort()).toEqual(['.of-another-program.tmp', 'device.key', 'large']);
});

it('writes a file again if another process has removed its temporary file as a leftover', async () => {
  const [disk, other] = [new SystemDisk(), join(folder, 'other')];
  let taken = 0;
  const watcher = setInterval(() => {
    for (const name of readdirSync(folder).filter((each) => each.startsWith('.key.doorsill-'))) {
      if (taken < 2) rmSync(join(folder, name));
      taken += 1;
    }
  }, 0);
  try {
    while (taken < 2) await disk.replaceFile(join(folder, 'key'), new Uint8Array(1_000_000).fill(taken));
  } finally {
    clearInterval(watcher);
  }
  expect(statSync(join(folder, 'key')).size).toBe(1_000_000);
  await expect(disk.replaceFile(join(other, 'key'), secret)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('makes nothing in a folder that others may change, nor in one below it', async () => {
  const disk = new SystemDisk();
  const open = join(folder, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  for (const path of [open, join(open, 'below')])
    await expect(disk.makeFolder(path)).rejects.toMatchObject({ code: 'data_folder_exposed' });
  expect(existsSync(join(open, 'below'))).toBe(false);
  // As in /tmp: nobody else can move our files there.
  chmodSync(open, 0o1777);
  await disk.makeFolder(join(open, 'below'));
  await expect(disk.makeFolder(open)).rejects.toMatchObject({ code: 'data_folder_exposed' });
});

it('makes nothing in a folder of another user', { tags: ['root'] }, async () => {
  const theirs = join(folder, 'theirs');
  mkdirSync(theirs, { mode: 0o755 });
  chownSync(theirs, NOBODY, NOBODY);
  for (const path of [theirs, join(theirs, 'below')])
    await expect(new SystemDisk().makeFolder(path)).rejects.toMatchObject({ code: 'data_folder_exposed' });
});
