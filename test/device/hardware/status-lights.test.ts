// The status lamps show the true state: in all states, with both kinds of lamps, and if one cannot be lit.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { type DoorSigns, lightsOf, lightsSchema, StatusLights } from '../../../device/hardware/status-lights.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { NOON_US, settle } from './button-contract.ts';
import { StandInPrograms } from './stand-in-programs.ts';

const BOTH = [false, true];
const STATES = BOTH.flatMap((isFilming) =>
  BOTH.flatMap((privacy) => BOTH.map((watched): DoorSigns => ({ isFilming, privacy, watched }))),
);

it.each(STATES)('shows nothing false: %o', (signs) => {
  const lights = lightsOf(signs);
  expect([lights.recording, lights.watched]).toEqual([signs.isFilming, signs.watched]);
  // The shutter follows the order; this lamp follows the actual state.
  expect(lights.privacy).toBe(signs.privacy && !signs.isFilming && !signs.watched);
});

describe('a lamp', () => {
  const folder = temporaryFolder('lights');
  const led = (name: string, file: string) => join(folder.path, 'class/leds', name, file);
  const read = (name: string, file: string) => readFileSync(led(name, file), 'latin1').split('\n')[0];
  afterAll(() => folder.dispose());

  let clock: ManualClock;
  let programs: StandInPrograms;
  let troubles: string[];
  beforeEach(() => {
    clock = new ManualClock(NOON_US);
    programs = new StandInPrograms('gpioset (libgpiod) v2.2.1');
    troubles = [];
    for (const name of ['ACT', 'red:status']) {
      mkdirSync(led(name, '.'), { recursive: true });
      writeFileSync(led(name, 'max_brightness'), '255\n');
      writeFileSync(led(name, 'brightness'), '0\n');
      writeFileSync(led(name, 'trigger'), 'none [mmc0] heartbeat\n');
    }
  });

  const lights = (settings: object) =>
    new StatusLights(lightsSchema.parse(settings), {
      ...{ clock, programs, random: new SeededRandom(1), disk: new SystemDisk(), sysfs: folder.path },
      trouble: (light, why) => troubles.push(`${light} ${why?.message ?? 'works'}`),
    });
  const brightness = (name: string, wanted: string) =>
    vi.waitFor(() => expect(read(name, 'brightness')).toBe(wanted), 10_000);

  it('of the kernel is lit at full brightness, without another trigger, and restored', async () => {
    const made = lights({ recording: { kind: 'led', led: 'ACT' }, privacy: { kind: 'led', led: 'red:status' } });
    made.show({ isFilming: true, privacy: false });
    await brightness('ACT', '255');
    expect([read('ACT', 'trigger'), read('red:status', 'brightness')]).toEqual(['none', '0']);
    made.show({ privacy: true });
    expect(read('red:status', 'brightness')).toBe('0');
    made.show({ isFilming: false });
    await Promise.all([brightness('ACT', '0'), brightness('red:status', '255')]);
    await made.stop();
    expect(['ACT', 'red:status'].map((name) => [read(name, 'brightness'), read(name, 'trigger')])).toEqual([
      ['0', 'mmc0'],
      ['0', 'mmc0'],
    ]);
  });

  it('of the kernel that is missing is reported with the command that lists them, and lit once it exists', async () => {
    const made = lights({ watched: { kind: 'led', led: 'ghost' } });
    made.show({ watched: true });
    const missing = expect.stringContaining('no LED ghost; `ls /sys/class/leds`');
    await vi.waitFor(() => expect(troubles).toEqual([missing]), 10_000);
    mkdirSync(led('ghost', '.'));
    for (const [file, text] of Object.entries({ max_brightness: '1', brightness: '0', trigger: '[none]' }))
      writeFileSync(led('ghost', file), `${text}\n`);
    await settle();
    await clock.advance(500);
    await brightness('ghost', '1');
    await vi.waitFor(() => expect(troubles).toEqual([missing, 'watched works']), 10_000);
    await made.stop();
    rmSync(led('ghost', '.'), { recursive: true });
  });

  const held = async () => {
    await settle();
    await clock.advance(300);
    await settle();
  };
  const levels = () => programs.runs.filter(({ isOver }) => !isOver).map(({ command }) => command.join(' '));

  it('on a GPIO line is held at its level, and switched off before it is released', async () => {
    const made = lights({ watched: { kind: 'gpio', line: 22, activeLow: true } });
    made.show({ watched: true });
    await held();
    expect(levels()).toEqual(['gpioset --chip=gpiochip0 --active-low 22=1']);
    const stopped = made.stop();
    await held();
    await stopped;
    expect([programs.last.command.at(-1), levels()]).toEqual(['22=0', []]);
  });

  it('whose line is taken is reported, and lit again', async () => {
    const made = lights({ recording: { kind: 'gpio', line: 22 } });
    made.show({ isFilming: true });
    await held();
    expect(troubles).toEqual(['recording works']);
    programs.last.end({ status: 1, words: 'gpioset: unable to request lines: Device or resource busy' });
    await held();
    expect(troubles.slice(1)).toEqual([
      expect.stringMatching(/light recording .* line 22 of gpiochip0/),
      'recording works',
    ]);
    expect(levels()).toEqual(['gpioset --chip=gpiochip0 22=1']);
    const stopped = made.stop();
    await held();
    await stopped;
  });

  it('has one meaning only, and its name is not a path', () => {
    const lamp = { kind: 'led', led: 'ACT' };
    expect(lightsSchema.safeParse({ recording: lamp, watched: lamp }).error?.message).toContain(
      'cannot have two meanings',
    );
    for (const name of ['../ACT', 'a/b', '..', ''])
      expect(lightsSchema.safeParse({ recording: { kind: 'led', led: name } }).success).toBe(false);
  });
});
