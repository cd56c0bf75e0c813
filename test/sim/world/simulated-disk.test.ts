import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DiskFile, SystemDisk } from '../../../device/index.ts';
import { SimulatedDisk } from '../../../sim/world/simulated-disk.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
let folder = temporaryFolder('simulated-disk');
let world = new VirtualClock({ startUs: 0 });
let disk = new SimulatedDisk(new SystemDisk(), world);
beforeEach(() => {
  folder = temporaryFolder('simulated-disk');
  world = new VirtualClock({ startUs: 0 });
  disk = new SimulatedDisk(new SystemDisk(), world);
});
afterEach(() => folder.dispose());
const path = () => join(folder.path, 'file');

it('undoes what was not durable when its power is cut, and keeps what was', async () => {
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

it('closes what was just being opened when its power is cut, and answers nothing', async () => {
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
  const cut = new SimulatedDisk(new SlowToOpen(), world);
  const opened = cut.open(path(), { create: false }).then(() => 'answered');
  await new Promise((resolve) => setImmediate(resolve));
  await cut.cut();
  opens(real);
  expect(await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, 50, 'silence'))])).toBe('silence');
  expect(closed).toBe(1);
});

it('refuses writes while it is full or failing, and reads all the same', async () => {
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
  }
  disk.set('full');
  expect(await disk.freeBytes(folder.path)).toBe(0);
  disk.set('ok');
  await file.write(0, bytes('after!'));
  await file.close();
  expect(readFileSync(path(), 'utf8')).toBe('after!');
});

it('is late in the world’s time while it is slow', async () => {
  disk.set('slow');
  const running = world.run();
  const written = disk.replaceFile(path(), bytes('x')).then(() => world.passedUs);
  expect(await written).toBeGreaterThanOrEqual(400_000);
  world.stop();
  await running;
});
