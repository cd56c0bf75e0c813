import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { folderHolder, lockFolder } from '../../../device/base/folder-lock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { temporaryFolder } from '../../support/command-line.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('lock');
});
afterEach(() => folder.dispose());
const link = () => join(folder.path, 'process.lock');

it('is held by one process at a time, and free once it is released', () => {
  const lock = lockFolder(folder.path);
  if ('heldBy' in lock) throw new Error('it is taken');
  expect([lockFolder(folder.path), folderHolder(folder.path)]).toEqual([{ heldBy: process.pid }, process.pid]);
  lock.release();
  expect(folderHolder(folder.path)).toBeNull();
});

it.runIf(process.platform === 'linux')(
  'is free after a pulled plug, whatever has its id and start since, on this board or another',
  () => {
    expect('heldBy' in lockFolder(folder.path)).toBe(false);
    const [id, start, boot] = readlinkSync(link()).split(' ');
    expect(boot).toMatch(/^[0-9a-f-]{36}$/);
    rmSync(link());
    symlinkSync(`${id} ${start} 00000000-0000-4000-8000-000000000000`, link());
    expect(folderHolder(folder.path)).toBeNull();
    expect('heldBy' in lockFolder(folder.path)).toBe(false);
  },
);

it('is respected if an older version wrote it, without a boot id', () => {
  expect('heldBy' in lockFolder(folder.path)).toBe(false);
  const [id, start] = readlinkSync(link()).split(' ');
  rmSync(link());
  symlinkSync(`${id} ${start}`, link());
  expect(folderHolder(folder.path)).toBe(process.pid);
});

it('is not taken in a folder that others may change: the error names the command that fixes it', () => {
  chmodSync(folder.path, 0o777);
  expect(() => lockFolder(folder.path)).toThrow(
    expect.objectContaining({
      code: 'data_folder_exposed',
      message: expect.stringContaining(`other users may write to ${folder.path}`),
      advice: expect.stringContaining(`chmod go-w ${folder.path}`),
    }),
  );
  expect(readdirSync(folder.path)).toEqual([]);
});

it('is not taken in another user’s folder, below one, or behind their link', { tags: ['root'] }, () => {
  const theirs = join(folder.path, 'theirs');
  const ours = join(theirs, 'ours');
  mkdirSync(ours, { recursive: true, mode: 0o755 });
  symlinkSync(folder.path, join(folder.path, 'link'));
  for (const path of [theirs, join(folder.path, 'link')]) lchownSync(path, 65_534, 65_534);
  for (const path of [theirs, ours, join(folder.path, 'link')]) {
    expect(() => lockFolder(path)).toThrow(expect.objectContaining({ code: 'data_folder_exposed' }));
  }
  expect(() => lockFolder(join(theirs, 'new'))).toThrow(expect.objectContaining({ code: 'data_folder_exposed' }));
  expect([lstatSync(link(), { throwIfNoEntry: false }), readdirSync(theirs)]).toEqual([undefined, ['ours']]);
});

/** Lock texts of killed holders. */
const dead = (id: number) => `99999999 ${id} ${id}`;
const after = (text: string) => `process.lock.after-${sha256Hex(text).slice(0, 24)}`;

it('is taken after holders that were killed while they took it, and removes their links', () => {
  symlinkSync(dead(1), link());
  symlinkSync(dead(2), join(folder.path, after(dead(1))));
  symlinkSync(dead(3), join(folder.path, after(dead(2))));
  // The link of a process that came too late.
  symlinkSync(dead(5), join(folder.path, after(dead(4))));
  expect(folderHolder(folder.path)).toBeNull();
  const lock = lockFolder(folder.path);
  expect([folderHolder(folder.path), readdirSync(folder.path)]).toEqual([process.pid, ['process.lock']]);
  if ('release' in lock) lock.release();
  expect(readdirSync(folder.path)).toEqual([]);
});

it('belongs to a killed holder’s successor even before its link was moved', () => {
  symlinkSync(dead(1), link());
  expect('release' in lockFolder(folder.path)).toBe(true);
  const own = readlinkSync(link());
  rmSync(link());
  symlinkSync(dead(1), link());
  symlinkSync(own, join(folder.path, after(dead(1))));
  expect([lockFolder(folder.path), folderHolder(folder.path)]).toEqual([{ heldBy: process.pid }, process.pid]);
});

it('removes only its own link on release', () => {
  const lock = lockFolder(folder.path);
  rmSync(link());
  symlinkSync(dead(1), link());
  if ('release' in lock) lock.release();
  expect(readlinkSync(link())).toBe(dead(1));
});
