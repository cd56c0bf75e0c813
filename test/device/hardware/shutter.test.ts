// The contract of shutters: the last call counts, repeating it changes nothing, failures are reported.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import type { Failure } from '../../../device/contract/errors.ts';
import { makeShutter, type Shutter, shutterSchema, VirtualShutter } from '../../../device/hardware/shutter.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('shutter');
const position = join(folder.path, 'position');
const tools = join(folder.path, 'bin');
mkdirSync(tools);
afterAll(() => folder.dispose());

/** A `gpioset` that notes its line's level and holds it until it is ended, like the real one. */
writeFileSync(
  join(tools, 'gpioset'),
  `#!/bin/sh
case "$1" in --version) echo "gpioset (libgpiod) v2.2.1"; exit;; esac
for last; do :; done
if [ -e ${folder.path}/busy ]; then echo "gpioset: unable to request lines on chip gpiochip0: Device or resource busy" >&2; exit 1; fi
case "$last" in *=1) echo closed > ${position};; *) echo open > ${position};; esac
exec sleep 1000
`,
);
chmodSync(join(tools, 'gpioset'), 0o755);

const programs = new SystemPrograms({ ...process.env, PATH: `${tools}:${process.env['PATH']}` });
const lost: Failure[] = [];
const deps = { clock: new SystemClock(), programs, lost: (why: Failure) => lost.push(why) };
const say = (where: string) => ['sh', '-c', `[ ! -e ${folder.path}/busy ] && echo ${where} > ${position}`];

interface ShutterHarness {
  shutter: Shutter;
  isClosed(): boolean;
  /** Makes it fail; absent if it cannot fail. */
  block?: () => void;
  /** The code of that failure. */
  code?: string;
}

const block = () => writeFileSync(join(folder.path, 'busy'), '');
const isClosed = () => existsSync(position) && readFileSync(position, 'utf8').trim() === 'closed';
const gpioShutter = shutterSchema.parse({ kind: 'gpio', line: 4 });
const SHUTTERS: Record<string, () => ShutterHarness> = {
  virtual: () => {
    const shutter = new VirtualShutter();
    return { shutter, isClosed: () => shutter.isClosed };
  },
  command: () => {
    const settings = shutterSchema.parse({ kind: 'command', close: say('closed'), open: say('open') });
    return { shutter: makeShutter(settings, deps), isClosed, block, code: 'hardware_unavailable' };
  },
  GPIO: () => ({ shutter: makeShutter(gpioShutter, deps), isClosed, block, code: 'gpio_line_taken' }),
};

/** Declares the contract's tests for one kind of shutter. */
function contract(kind: string, make: () => ShutterHarness): void {
  let harness: ShutterHarness;

  afterEach(() => {
    harness.shutter.stop();
    rmSync(join(folder.path, 'busy'), { force: true });
    rmSync(position, { force: true });
  });

  it('is where the last call put it, and stays there when the call is repeated', async () => {
    harness = make();
    for (const closed of [true, true, false, false, true]) {
      await harness.shutter.set(closed);
      expect(harness.isClosed()).toBe(closed);
    }
  });

  it('reports that it does not move, and moves again when it can', async () => {
    harness = make();
    if (!harness.block) return expect(kind).toBe('virtual');
    harness.block();
    await expect(harness.shutter.set(true)).rejects.toMatchObject({ code: harness.code });
    rmSync(join(folder.path, 'busy'));
    await harness.shutter.set(true);
    expect(harness.isClosed()).toBe(true);
    return undefined;
  });
}

for (const [kind, make] of Object.entries(SHUTTERS)) {
  describe(`a ${kind} shutter`, { tags: kind === 'virtual' ? [] : ['setpriv'] }, () => contract(kind, make));
}

it.runIf(process.platform === 'linux')('reports a missing program', async () => {
  const shutter = makeShutter(gpioShutter, { ...deps, programs: new SystemPrograms({ PATH: folder.path }) });
  await expect(shutter.set(true)).rejects.toMatchObject({
    code: 'hardware_unavailable',
    message: expect.stringContaining('setpriv, which is not installed'),
  });
});

it('reports a line that is no longer held', { tags: ['setpriv'] }, async () => {
  lost.length = 0;
  const pidFile = join(folder.path, 'pid');
  writeFileSync(
    join(tools, 'gpioset'),
    `#!/bin/sh\n[ "$1" = --version ] && echo v2.2 && exit\necho $$ > ${pidFile}\nexec sleep 1000\n`,
  );
  const shutter = makeShutter(gpioShutter, deps);
  await shutter.set(true);
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM');
  await vi.waitFor(() => expect(lost.map(({ code }) => code)).toEqual(['hardware_unavailable']));
  shutter.stop();
});
