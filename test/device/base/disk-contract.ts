// The contract of every disk, real or simulated; each disk's tests run it.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, removeTemporaries } from '../../../device/base/disk.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (held: Uint8Array | null) => (held === null ? null : new TextDecoder().decode(held));

export interface DiskUnderTest {
  disk: Disk;
  /** Absolute path of an empty folder on it. */
  folder: string;
  dispose(): Promise<void>;
}

/** Runs the contract on a disk. */
export function holdDiskContract(name: string, open: () => Promise<DiskUnderTest>): void {
  describe(`${name} as a disk`, () => {
    let made: DiskUnderTest;
    let disk: Disk;
    const at = (...names: string[]) => join(made.folder, ...names);
    beforeEach(async () => {
      made = await open();
      disk = made.disk;
    });
    afterEach(() => made.dispose());

    it('reads written bytes at any position, and fills a hole with zeros', async () => {
      const file = await disk.open(at('file'), { create: true });
      await file.write(4, bytes('four'));
      await file.writeDurably(1, bytes('ab'));
      expect(await file.size()).toBe(8);
      expect(text(await file.read(0, 100))).toBe('\0ab\0four');
      expect(text(await file.read(6, 1))).toBe('u');
      expect(await file.read(8, 4)).toHaveLength(0);
      expect(await file.read(100, 4)).toHaveLength(0);
      const into = new Uint8Array(6);
      const held = await file.read(5, 6, into);
      expect(text(held)).toBe('our');
      await file.sync();
      await file.close();
      expect(text(await disk.readFile(at('file'), 8))).toBe('\0ab\0four');
    });

    it('cuts a file and extends it, with zeros in place of the old bytes', async () => {
      const file = await disk.open(at('file'), { create: true });
      await file.write(0, bytes('0123456789'));
      await file.truncate(4);
      await file.truncate(6);
      expect(text(await file.read(0, 10))).toBe('0123\0\0');
      await file.close();
      expect(await disk.sizeOf(at('file'))).toBe(6);
    });

    it('keeps written bytes, whatever the caller does with the buffer afterwards', async () => {
      const buffer = bytes('first');
      const file = await disk.open(at('file'), { create: true });
      await file.write(0, buffer);
      await disk.replaceFile(at('other'), buffer);
      buffer.fill(0);
      expect(text(await file.read(0, 5))).toBe('first');
      await file.close();
      const held = await disk.readFile(at('other'), 10);
      held?.fill(0);
      expect(text(await disk.readFile(at('other'), 10))).toBe('first');
    });

    it('opens an existing file, and makes a file only with `create`, in an existing folder', async () => {
      await expect(disk.open(at('none'), { create: false })).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(disk.open(at('none', 'file'), { create: true })).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(disk.open(made.folder, { create: true })).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(disk.replaceFile(at('none', 'file'), bytes('x'))).rejects.toMatchObject({ code: 'ENOENT' });
      await (await disk.open(at('empty'), { create: true })).close();
      expect(text(await disk.readFile(at('empty'), 0))).toBe('');
      await disk.replaceFile(at('file'), bytes('x'));
      await expect(disk.open(at('file', 'below'), { create: true })).rejects.toMatchObject({ code: 'ENOTDIR' });
    });

    it('makes a file once: a second caller at the same time gets the same file, or the error that it exists', async () => {
      const asked = [1, 2, 3].map(() => disk.open(at('file'), { create: true }));
      const files = [];
      for (const outcome of await Promise.allSettled(asked)) {
        if (outcome.status === 'fulfilled') files.push(outcome.value);
        else expect(outcome.reason).toMatchObject({ code: 'EEXIST' });
      }
      expect(files.length).toBeGreaterThan(0);
      for (const [place, file] of files.entries()) await file.write(place, bytes(String(place)));
      for (const file of files) expect(text(await file.read(0, 10))).toBe(files.map((_, place) => place).join(''));
      for (const file of files) await file.close();
      await (await disk.open(at('file'), { create: true })).close();
      expect(await disk.sizeOf(at('file'))).toBe(files.length);
    });

    it('reads a whole file up to a limit, and returns null if there is none', async () => {
      await disk.replaceFile(at('file'), bytes('four'));
      expect(text(await disk.readFile(at('file'), 4))).toBe('four');
      await expect(disk.readFile(at('file'), 3)).rejects.toMatchObject({ code: 'EFBIG' });
      expect(await disk.readFile(at('none'), 10)).toBeNull();
      await expect(disk.readFile(made.folder, 100_000)).rejects.toMatchObject({ code: 'EISDIR' });
      expect(await disk.sizeOf(at('none'))).toBeNull();
      expect(await disk.freeBytes(made.folder)).toBeGreaterThan(0);
    });

    it('replaces a file; an open handle keeps the old content', async () => {
      await disk.replaceFile(at('file'), bytes('before'));
      const file = await disk.open(at('file'), { create: false });
      await disk.replaceFile(at('file'), bytes('after'));
      expect(text(await file.read(0, 10))).toBe('before');
      await file.writeDurably(0, bytes('B'));
      await file.close();
      expect(text(await disk.readFile(at('file'), 10))).toBe('after');
      expect(await disk.list(made.folder)).toEqual(['file']);
    });

    it('moves files and folders, and replaces only what a rename may replace', async () => {
      await disk.makeFolder(at('a', 'inside'));
      await disk.replaceFile(at('a', 'inside', 'file'), bytes('kept'));
      await disk.rename(at('a'), at('b'));
      expect(text(await disk.readFile(at('b', 'inside', 'file'), 10))).toBe('kept');
      expect(await disk.list(at('a'))).toEqual([]);
      await disk.replaceFile(at('over'), bytes('gone'));
      await disk.rename(at('b', 'inside', 'file'), at('over'));
      expect(text(await disk.readFile(at('over'), 10))).toBe('kept');
      await disk.rename(at('over'), at('over'));
      expect(text(await disk.readFile(at('over'), 10))).toBe('kept');
      await expect(disk.rename(at('none'), at('over'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(disk.rename(at('over'), at('nowhere', 'file'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(disk.rename(at('over'), at('b'))).rejects.toMatchObject({ code: 'EISDIR' });
      await disk.makeFolder(at('c'));
      await expect(disk.rename(at('c'), at('b'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
      await disk.remove(at('b', 'inside'));
      await disk.rename(at('c'), at('b'));
      expect(await disk.list(made.folder)).toEqual(['b', 'over']);
    });

    it('removes a file, or a folder with its content, and accepts a missing one', async () => {
      await disk.makeFolder(at('a', 'b'));
      await disk.replaceFile(at('a', 'b', 'file'), bytes('x'));
      await disk.replaceFile(at('ab'), bytes('stays'));
      await disk.remove(at('a'));
      await disk.remove(at('a'));
      expect(await disk.list(made.folder)).toEqual(['ab']);
      expect(await disk.readFile(at('a', 'b', 'file'), 10)).toBeNull();
    });

    it('makes folders once, lists names in order, and does not take a file for a folder', async () => {
      await Promise.all([disk.makeFolder(at('x', 'y')), disk.makeFolder(at('x', 'y'))]);
      for (const name of ['b', 'a', 'c']) await disk.replaceFile(at('x', name), bytes(name));
      expect(await disk.list(at('x'))).toEqual(['a', 'b', 'c', 'y']);
      await expect(disk.list(at('x', 'a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(disk.makeFolder(at('x', 'a'))).rejects.toMatchObject({ code: 'EEXIST' });
    });

    it('lets its owner remove temporary files that a crash left', async () => {
      await disk.replaceFile(at('.file.tmp'), bytes('half'));
      await disk.replaceFile(at('file'), bytes('whole'));
      await removeTemporaries(disk, made.folder);
      expect(await disk.list(made.folder)).toEqual(['file']);
    });
  });
}
