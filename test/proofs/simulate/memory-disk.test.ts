import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { holdDiskContract } from '../../device/base/disk-contract.ts';
import { MemoryDisk } from './memory-disk.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (held: Uint8Array | null) => (held === null ? null : new TextDecoder().decode(held));
const START_US = Date.UTC(2026, 2, 1) * 1_000;

function disk(seed = 1, capacityBytes?: number): MemoryDisk {
  const clock = new ManualClock(START_US);
  return new MemoryDisk({ clock, random: new SeededRandom(seed), ...(capacityBytes ? { capacityBytes } : {}) });
}

holdDiskContract('a disk in memory', async () => {
  const made = disk();
  await made.makeFolder('/data');
  return { disk: made, folder: '/data', dispose: async () => undefined };
});

/** The result of `asked` within a millisecond. */
const soon = (asked: Promise<unknown>) =>
  Promise.race([asked.then(() => 'answered'), new Promise((resolve) => setTimeout(resolve, 1, 'silence'))]);

/** The contents of `path` after a power cut, over many seeds. */
async function fates(
  prepare: (on: MemoryDisk) => Promise<void>,
  path: string,
  seeds = 60,
): Promise<Set<string | null>> {
  const found = new Set<string | null>();
  for (let seed = 1; seed <= seeds; seed += 1) {
    const before = disk(seed);
    await prepare(before);
    await before.cut();
    found.add(text(await before.afterPowerCut().readFile(path, 100_000)));
  }
  return found;
}

it('keeps durable bytes through every power cut', async () => {
  const held = await fates(async (on) => {
    await on.makeFolder('/a');
    await on.replaceFile('/a/file', bytes('replaced'));
    const file = await on.open('/a/file', { create: false });
    await file.writeDurably(0, bytes('R'));
    await file.write(8, bytes('!'));
    await file.sync();
  }, '/a/file');
  expect(held).toEqual(new Set(['Replaced!']));
});

it('loses, keeps or tears unsynced writes', async () => {
  const sectors = 'x'.repeat(512) + 'y'.repeat(512);
  const held = await fates(async (on) => {
    await on.replaceFile('/file', bytes('-'.repeat(1_024)));
    const file = await on.open('/file', { create: false });
    await file.write(0, bytes(sectors));
  }, '/file');
  const [dashes, xs, ys] = ['-', 'x', 'y'].map((letter) => letter.repeat(512));
  expect(held).toEqual(new Set([`${dashes}${dashes}`, sectors, `${xs}${dashes}`, `${dashes}${ys}`]));
});

it('keeps changes of names in order: none survives without the earlier ones', async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed += 1) {
    const before = disk(seed);
    await before.replaceFile('/one', bytes('1'));
    await before.replaceFile('/two', bytes('2'));
    await before.remove('/one');
    await before.makeFolder('/folder');
    await before.remove('/two');
    await before.cut();
    seen.add((await before.afterPowerCut().list('/')).join(' '));
  }
  expect(seen).toEqual(new Set(['one two', 'two', 'folder two', 'folder']));
});

it('makes earlier changes of names durable by a rename', async () => {
  const held = await fates(async (on) => {
    await on.replaceFile('/gone', bytes('x'));
    await on.remove('/gone');
    await on.replaceFile('/file', bytes('x'));
  }, '/gone');
  expect(held).toEqual(new Set([null]));
});

it('cuts the power in the given operation, before or after its effect, and answers nothing afterwards', async () => {
  const found = new Set<string | null>();
  for (let seed = 1; seed <= 40; seed += 1) {
    const before = disk(seed);
    await before.replaceFile('/file', bytes('old'));
    let isCut = false;
    // Replacing a file has three steps: write, sync, rename.
    before.cutIn(3, () => {
      isCut = true;
    });
    expect(await soon(before.replaceFile('/file', bytes('new')))).toBe('silence');
    expect(isCut).toBe(true);
    const after = before.afterPowerCut();
    found.add(text(await after.readFile('/file', 10)));
    expect(await soon(before.list('/'))).toBe('silence');
  }
  expect(found).toEqual(new Set(['old', 'new']));
});

it('is full at its capacity, and accepts new files once there is room', async () => {
  const small = disk(1, 1_000);
  await small.replaceFile('/a', new Uint8Array(600));
  await expect(small.replaceFile('/b', new Uint8Array(600))).rejects.toMatchObject({ code: 'ENOSPC' });
  const file = await small.open('/a', { create: false });
  await expect(file.write(600, new Uint8Array(401))).rejects.toMatchObject({ code: 'ENOSPC' });
  await file.write(0, new Uint8Array(600));
  await expect(file.truncate(1_001)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await small.freeBytes('/')).toBe(400);
  await small.remove('/a');
  await small.replaceFile('/b', new Uint8Array(600));
  expect(await small.list('/')).toEqual(['b']);
});

it('refuses writes while full, failing or read-only, and still reads', async () => {
  const one = disk();
  await one.replaceFile('/file', bytes('before'));
  const file = await one.open('/file', { create: false });
  for (const [state, code] of [
    ['full', 'ENOSPC'],
    ['failing', 'EIO'],
    ['read-only', 'EROFS'],
  ] as const) {
    one.set(state);
    for (const write of [
      () => file.write(0, bytes('x')),
      () => file.writeDurably(0, bytes('x')),
      () => file.truncate(0),
      () => one.replaceFile('/file', bytes('x')),
      () => one.rename('/file', '/other'),
      () => one.makeFolder('/folder'),
      () => one.open('/new', { create: true }),
    ])
      await expect(write()).rejects.toMatchObject({ code });
    expect(text(await one.readFile('/file', 10))).toBe('before');
    expect(await one.list('/')).toEqual(['file']);
  }
  await expect(one.remove('/file')).rejects.toMatchObject({ code: 'EROFS' });
});

it('delays operations while slow', async () => {
  const clock = new ManualClock(START_US);
  const slow = new MemoryDisk({ clock, random: new SeededRandom(1) });
  slow.set('slow');
  let isDone = false;
  const writing = slow.makeFolder('/folder').then(() => {
    isDone = true;
  });
  await soon(writing);
  await clock.advance(399);
  expect(isDone).toBe(false);
  await clock.advance(1);
  await writing;
  expect(isDone).toBe(true);
});

it('flips one bit of a file in a folder, also after a power cut', async () => {
  const worn = disk(7);
  await worn.makeFolder('/a');
  await worn.replaceFile('/a/file', new Uint8Array(64));
  await worn.replaceFile('/elsewhere', new Uint8Array(64));
  expect(worn.flipBit('/a')).toBe('/a/file');
  expect(worn.flipBit('/none')).toBeNull();
  const ones = (held: Uint8Array | null) =>
    [...(held ?? [])].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  expect(ones(await worn.readFile('/a/file', 64))).toBe(1);
  expect(ones(await worn.readFile('/elsewhere', 64))).toBe(0);
  expect(ones(await worn.afterPowerCut().readFile('/a/file', 64))).toBe(1);
});

it('has the same result after the same power cut with the same seed', async () => {
  const left = async () => {
    const before = disk(42);
    for (let at = 0; at < 20; at += 1) {
      const file = await before.open(`/file-${at % 4}`, { create: true });
      await file.write(at * 100, new Uint8Array(700).fill(at + 1));
      if (at % 5 === 0) await file.sync();
    }
    const after = before.afterPowerCut();
    const held = await Promise.all(
      (await after.list('/')).map(async (name) => [
        name,
        Buffer.from((await after.readFile(`/${name}`, 1e6)) ?? []).toString('hex'),
      ]),
    );
    return JSON.stringify(held);
  };
  expect(await left()).toBe(await left());
});

it('copies everything as durable, and independently', async () => {
  const first = disk();
  await first.makeFolder('/a');
  const file = await first.open('/a/file', { create: true });
  await file.write(0, bytes('held'));
  const copy = first.copy({ clock: new ManualClock(START_US), random: new SeededRandom(2) });
  await file.write(0, bytes('HELD'));
  await copy.replaceFile('/a/other', bytes('x'));
  expect(text(await copy.afterPowerCut().readFile('/a/file', 10))).toBe('held');
  expect(await first.list('/a')).toEqual(['file']);
});
