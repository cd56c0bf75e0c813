import { readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { folderHolder, lockFolder } from '../../../device/base/folder-lock.ts';
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

it('of a version that named no boot is still one', () => {
  expect('heldBy' in lockFolder(folder.path)).toBe(false);
  const [id, start] = readlinkSync(link()).split(' ');
  rmSync(link());
  symlinkSync(`${id} ${start}`, link());
  expect(folderHolder(folder.path)).toBe(process.pid);
});
