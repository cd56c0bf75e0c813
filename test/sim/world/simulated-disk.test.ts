import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DiskFile, SystemDisk } from '../../../device/base/disk.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { SimulatedDisk } from '../../../sim/world/simulated-disk.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
let folder = temporaryFolder('simulated-disk');
let world = new VirtualClock({ startUs: 0 });
const diskOn = (below: SystemDisk) => new SimulatedDisk(below, { clock: world, random: new SeededRandom(1) });
let disk = diskOn(new SystemDisk());
beforeEach(() => {
  folder = temporaryFolder('simulated-disk');
  world = new VirtualClock({ startUs: 0 });
  disk = diskOn(new SystemDisk());
});
afterEach(() => folder.dispose());
const path = () => join(folder.path, 'file');

it('undoes writes that were not durable at a power cut, and keeps durable ones', async () => {
  const file = await disk.open(path(), { create: true });
  await file.write(0, bytes('kept......'));
  await file.sync();
  await file.writeDurably(4, bytes('too'));
  await file.write(0, bytes('LOST'));
  await file.write(10, bytes('longer'));
  await file.write(2, bytes('!!'));
  await disk.cut();
  expect(readFileSync(path(), 'utf8')).toBe('kepttoo...');
});

it('answers nothing once its power is cut', async () => {
  const file = await disk.open(path(), { create: true });
  await disk.cut();
  const asked = [
    file.write(0, bytes('x')),
    file.read(0, 1),
    file.sync(),
    disk.replaceFile(path(), bytes('x')),
    disk.readFile(path(), 10),
  ];
  const answered = await Promise.race([
    Promise.any(asked),
    new Promise((resolve) => setTimeout(resolve, 50, 'silence')),
  ]);
  expect(answered).toBe('silence');
  expect(readFileSync(path(), 'utf8')).toBe('');
});

it('closes a file that was being opened at a power cut, and never answers', async () => {
  let closed = 0;
  let opens: (file: DiskFile) => void = () => undefined;
  class SlowToOpen extends SystemDisk {
    override open(): Promise<DiskFile> {
      return new Promise((resolve) => {
        opens = resolve;
      });
    }
  }
  const real = await new SystemDisk().open(path(), { create: true });
  const close = real.close.bind(real);
  real.close = async () => {
    closed += 1;
    await close();
  };
  const cut = diskOn(new SlowToOpen());
  const opened = cut.open(path(), { create: false }).then(() => 'answered');
  await new Promise((resolve) => setImmediate(resolve));
  await cut.cut();
  opens(real);
  expect(await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, 50, 'silence'))])).toBe('silence');
  expect(closed).toBe(1);
});

/** A file of four durable sectors of `a`, which was then overwritten with five sectors of `b` that are not synced. */
async function overwritten(): Promise<DiskFile> {
  const file = await disk.open(path(), { create: true });
  await file.write(0, bytes('a'.repeat(2_048)));
  await file.sync();
  await file.write(0, bytes('b'.repeat(2_560)));
  return file;
}

/** Each sector of the file as one letter, `?` where it is mixed. */
const sectors = () =>
  (readFileSync(path(), 'latin1').match(/.{1,512}/gs) ?? [])
    .map((each) => (new Set(each).size === 1 ? each.charAt(0).replace('\0', '0') : '?'))
    .join('');

it('leaves some sectors of a torn write, none of a lost one, and all of a kept one', async () => {
  await overwritten();
  await disk.cut('torn');
  expect(sectors()).toMatch(/^[ab]{4,5}$/);
  expect(new Set(sectors().slice(0, 4))).toEqual(new Set(['a', 'b']));
  disk = diskOn(new SystemDisk());
  await overwritten();
  await disk.cut('kept');
  expect(sectors()).toBe('bbbbb');
  disk = diskOn(new SystemDisk());
  const file = await overwritten();
  await file.truncate(2_048);
  await file.sync();
  await file.write(0, bytes('c'.repeat(2_560)));
  await disk.cut('lost');
  expect(sectors()).toBe('bbbb');
});

it('loses writes that it synced while it was `unsynced`, unless an honest sync follows', async () => {
  const file = await disk.open(path(), { create: true });
  await file.writeDurably(0, bytes('kept'));
  disk.set('unsynced');
  await file.write(0, bytes('LOST'));
  await file.sync();
  await file.writeDurably(4, bytes(', too'));
  expect(readFileSync(path(), 'utf8')).toBe('LOST, too');
  await disk.cut('lost');
  expect(readFileSync(path(), 'utf8')).toBe('kept');

  disk = diskOn(new SystemDisk());
  disk.set('unsynced');
  const again = await disk.open(path(), { create: false });
  await again.writeDurably(0, bytes('late'));
  disk.set('ok');
  await again.sync();
  await disk.cut('lost');
  expect(readFileSync(path(), 'utf8')).toBe('late');
});

it('has zeros in sectors that a torn write skipped before one that it reached', async () => {
  const lengths = new Set<number>();
  for (let seed = 1; seed <= 20; seed += 1) {
    disk = new SimulatedDisk(new SystemDisk(), { clock: world, random: new SeededRandom(seed) });
    await disk.remove(path());
    const file = await disk.open(path(), { create: true });
    await file.write(0, bytes('b'.repeat(2_000)));
    await disk.cut('torn');
    expect(sectors()).toMatch(/^([0b]*b)?$/);
    lengths.add(readFileSync(path()).length);
  }
  // The last of the four is reached in half of the cases, the third as the last one in a quarter.
  expect([0, 512, 1_024, 1_536, 2_000]).toEqual(expect.arrayContaining([...lengths]));
  expect(lengths.size).toBeGreaterThan(2);
});

it('keeps a durable write over one that was not, and nothing of a write after it', async () => {
  const file = await overwritten();
  await file.writeDurably(600, bytes('d'.repeat(512)));
  await disk.cut('lost');
  const left = readFileSync(path(), 'latin1');
  expect(left.slice(600, 1_112)).toBe('d'.repeat(512));
  expect([left.slice(0, 512), left.slice(1_536)]).toEqual(['a'.repeat(512), 'a'.repeat(512)]);
});

it('undoes a write in its file, also after a rename, and not in a file that has taken its place', async () => {
  const moved = join(folder.path, 'moved');
  await overwritten();
  await disk.rename(path(), moved);
  await overwritten();
  await disk.replaceFile(path(), bytes('n'.repeat(700)));
  await disk.cut('lost');
  expect(readFileSync(moved, 'latin1')).toBe('a'.repeat(2_048));
  expect(readFileSync(path(), 'latin1')).toBe('n'.repeat(700));
});

it('makes, removes and writes nothing while it is read-only, but opens and reads existing files', async () => {
  await disk.replaceFile(path(), bytes('before'));
  disk.set('read-only');
  const file = await disk.open(path(), { create: true });
  expect(await file.read(0, 6)).toEqual(bytes('before'));
  await disk.makeFolder(folder.path);
  await disk.remove(join(folder.path, 'absent'));
  const refused = [
    file.write(0, bytes('x')),
    file.sync(),
    disk.replaceFile(path(), bytes('x')),
    disk.rename(path(), join(folder.path, 'other')),
    disk.remove(path()),
    disk.makeFolder(join(folder.path, 'new')),
    disk.open(join(folder.path, 'new-file'), { create: true }),
  ];
  const codes = await Promise.all(
    refused.map((each) =>
      each.then(
        () => 'done',
        ({ code }) => code,
      ),
    ),
  );
  await file.close();
  expect(codes).toEqual(refused.map(() => 'EROFS'));
  expect(readFileSync(path(), 'utf8')).toBe('before');
});

it('refuses writes while it is full or failing, but still reads', async () => {
  await disk.replaceFile(path(), bytes('before'));
  const file = await disk.open(path(), { create: false });
  for (const [state, code] of [
    ['full', 'ENOSPC'],
    ['failing', 'EIO'],
  ] as const) {
    disk.set(state);
    await expect(file.write(0, bytes('x'))).rejects.toMatchObject({ code });
    await expect(file.writeDurably(0, bytes('x'))).rejects.toMatchObject({ code });
    await expect(disk.replaceFile(path(), bytes('x'))).rejects.toMatchObject({ code });
    expect(await disk.readFile(path(), 10)).toEqual(bytes('before'));
    writeFileSync(join(folder.path, 'other'), 'x');
    await disk.remove(join(folder.path, 'other'));
    expect(readdirSync(folder.path)).toEqual(['file']);
  }
  disk.set('full');
  expect(await disk.freeBytes(folder.path)).toBe(0);
  disk.set('ok');
  await file.write(0, bytes('after!'));
  await file.close();
  expect(readFileSync(path(), 'utf8')).toBe('after!');
});

it('delays writes in the world’s time while it is slow, by the given time', async () => {
  disk.set('slow');
  const running = world.run();
  const written = disk.replaceFile(path(), bytes('x')).then(() => world.passedUs);
  expect(await written).toBeGreaterThanOrEqual(400_000);
  disk.set('slow', 5_000);
  const before = world.passedUs;
  await disk.replaceFile(path(), bytes('y'));
  expect(world.passedUs - before).toBeGreaterThanOrEqual(5_000_000);
  world.stop();
  await running;
});
