import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { linkPage } from '../../../sim/testbed/testbed-doorbells.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const disk = new SystemDisk();
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('links');
});
afterEach(() => folder.dispose());
const file = () => join(folder.path, 'device.json');
const write = (settings: object) => writeFileSync(file(), JSON.stringify(settings));
const read = () => JSON.parse(readFileSync(file(), 'utf8'));

const BACK = { name: 'Back', url: 'http://127.0.0.1:18935' };
const SHED = { name: 'Shed', url: 'https://192.0.2.7:8480' };

it('writes links into a doorbell’s settings without changing the others, and removes them', async () => {
  write({ name: 'Front', console: { listen: 'this-machine', port: 18934 }, ring: { kind: 'memory' } });
  await linkPage(disk, folder.path, [BACK]);
  expect(read()).toEqual({
    name: 'Front',
    console: { listen: 'this-machine', port: 18934, others: [BACK] },
    ring: { kind: 'memory' },
  });
  await linkPage(disk, folder.path, []);
  expect(read().console.others).toEqual([]);
});

it('keeps a link to another machine that somebody has set by hand', async () => {
  const old = [{ name: 'Gone', url: 'http://localhost:18936' }, SHED, 'nonsense'];
  write({ console: { listen: 'this-machine', others: old } });
  await linkPage(disk, folder.path, [BACK]);
  expect(read().console.others).toEqual([SHED, 'nonsense', BACK]);
});

it('writes nothing if nothing has changed, or if there is no page', async () => {
  write({ name: 'Front' });
  await linkPage(disk, folder.path, [BACK]);
  expect(read()).toEqual({ name: 'Front' });
  write({ console: { listen: 'this-machine', others: [BACK] } });
  const before = statSync(file()).ino;
  await linkPage(disk, folder.path, [BACK]);
  expect(statSync(file()).ino).toBe(before);
});

it('writes at most 32 links', async () => {
  write({ console: {} });
  const many = Array.from({ length: 40 }, (_, at) => ({ name: `Door ${at}`, url: `http://127.0.0.1:${20_000 + at}` }));
  await linkPage(disk, folder.path, many);
  expect(read().console.others).toHaveLength(32);
});
