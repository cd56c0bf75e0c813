// A board's flags of power and heat, by firmware or kernel; nothing on other machines, never a temperature.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { parseDeviceConfig } from '../../../device/config.ts';
import { readPower } from '../../../device/hardware/board-power.ts';
import { Peripherals } from '../../../device/hardware/peripherals.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { NOON_US } from './button-contract.ts';
import { StandInPrograms } from './stand-in-programs.ts';

const folder = temporaryFolder('power');
afterAll(() => folder.dispose());
const HOME = { url: 'mqtt://127.0.0.1:1', user: 'porch', password: 'secret' };

/** A sysfs with these files. */
function sysfs(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    const at = join(folder.path, name, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, `${text}\n`);
  }
  return join(folder.path, name);
}
const MODEL = { 'firmware/devicetree/base/model': 'Raspberry Pi 4 Model B Rev 1.4' };
const LOW = { 'class/hwmon/hwmon0/name': 'rpi_volt', 'class/hwmon/hwmon0/in0_lcrit_alarm': '1' };
const HOT = { 'class/thermal/thermal_zone0/temp': '84321', 'class/hwmon/hwmon0/temp1_input': '84321' };

let clock: ManualClock;
let programs: StandInPrograms;
/** Output of the firmware's tool; null: there is no vcgencmd. */
let firmware: string | null;
beforeEach(() => {
  clock = new ManualClock(NOON_US);
  programs = new StandInPrograms();
  programs.started = (program) => {
    if (firmware === null) return program.end({ missing: true, status: null });
    program.print(firmware);
    program.end();
  };
});

describe('reading the flags', () => {
  const read = (name: string, files: Record<string, string> = {}) =>
    readPower({ clock, programs, disk: new SystemDisk(), sysfs: sysfs(name, { ...MODEL, ...files }) });

  it.each([
    ['throttled=0x0', []],
    ['throttled=0x1', ['lowVoltage']],
    ['throttled=0x2', ['slowed']],
    ['throttled=0x4', ['slowed']],
    ['throttled=0x8', ['slowed']],
    ['throttled=0x10000', ['lowVoltageBefore']],
    ['throttled=0xe0000', ['slowedBefore']],
    ['throttled=0x50005', ['lowVoltage', 'slowed', 'lowVoltageBefore', 'slowedBefore']],
  ])('of a firmware that prints %s returns %j', async (said, flags) => {
    firmware = `${said}\n`;
    const signs = await read('firmware');
    expect(Object.entries(signs ?? {}).flatMap(([flag, is]) => (is ? [flag] : []))).toEqual(flags);
  });

  it('uses the kernel’s sensor if the firmware does not answer, and returns null if that is missing, too', async () => {
    firmware = null;
    const sensor = { 'class/hwmon/hwmon0/name': 'cpu_thermal', 'class/hwmon/hwmon1/name': 'rpi_volt' };
    expect(await read('low', { ...sensor, 'class/hwmon/hwmon1/in0_lcrit_alarm': '1' })).toMatchObject({
      lowVoltage: true,
    });
    expect(await read('well', { ...sensor, 'class/hwmon/hwmon1/in0_lcrit_alarm': '0' })).toMatchObject({
      lowVoltage: false,
    });
    expect(await read('silent')).toBeNull();
    firmware = 'error=2 error_msg="Command not registered"\n';
    expect(await read('silent')).toBeNull();
  });

  it('returns null for a firmware that never answers', async () => {
    programs.started = () => undefined;
    const reading = read('hung');
    await vi.waitFor(() => expect(programs.runs).toHaveLength(1), 5_000);
    await clock.advance(5_000);
    expect(await reading).toBeNull();
    expect(programs.last.isOver).toBe(true);
  });
});

describe('a doorbell', () => {
  let codes: (string | undefined)[];
  function doorbell(root: string): Peripherals {
    codes = [];
    const made = new Peripherals({
      ...{ clock, programs, random: new SeededRandom(1), log: silentLog(), disk: new SystemDisk(), sysfs: root },
      settings: parseDeviceConfig({ home: HOME }, 'device.json'),
      pressed: () => undefined,
      resetHeld: () => undefined,
      changed: () => codes.push(made.trouble[0]?.code),
    });
    made.start();
    return made;
  }
  /** Waits for the next poll of the board. */
  async function looked(): Promise<void> {
    const before = programs.runs.length;
    await vi.waitFor(async () => {
      await clock.advance(10_000);
      expect(programs.runs.length).toBeGreaterThan(before);
    }, 10_000);
    await vi.waitFor(() => expect(programs.last.isOver).toBe(true), 5_000);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it('reports low voltage and a throttled processor while they last, and no temperature', async () => {
    firmware = 'throttled=0x0\n';
    const made = doorbell(sysfs('pi', { ...MODEL, ...HOT }));
    await vi.waitFor(() => expect(programs.runs.length).toBe(1), 5_000);
    firmware = 'throttled=0x50005\n';
    await looked();
    expect([codes, made.isSlowed]).toEqual([['board_voltage_low'], true]);
    firmware = 'throttled=0x50004\n';
    await looked();
    expect([codes.at(-1), made.isSlowed]).toEqual(['board_slowed', true]);
    expect(JSON.stringify(made.trouble)).not.toMatch(/84|°|degrees/);
    firmware = 'throttled=0x50000\n';
    await looked();
    expect([codes.at(-1), made.isSlowed, made.trouble]).toEqual([undefined, false, []]);
    await made.stop();
    const runs = programs.runs.length;
    await clock.advance(60_000);
    expect(programs.runs.length).toBe(runs);
  });

  it('reports nothing after its end, and leaves no program behind', async () => {
    programs.started = () => undefined;
    const made = doorbell(sysfs('ended', { ...MODEL, ...LOW }));
    await vi.waitFor(() => expect(programs.runs.length).toBe(1), 5_000);
    programs.last.print('throttled=0x1\n');
    await made.stop();
    expect(programs.last.isOver).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(60_000);
    expect([codes, programs.runs.length]).toEqual([[], 1]);
  });

  it('leaves no timer behind', async () => {
    firmware = 'throttled=0x0\n';
    const timers = new Set<object>();
    const after = clock.after.bind(clock);
    clock.after = (delayMs, call) => {
      const timer = after(delayMs, call);
      timers.add(timer);
      return {
        cancel: () => {
          timers.delete(timer);
          timer.cancel();
        },
      };
    };
    const made = doorbell(sysfs('timers', MODEL));
    // The first is the firmware's timeout, the second the next poll.
    await vi.waitFor(() => expect([programs.runs.length, timers.size]).toEqual([1, 1]), 5_000);
    await new Promise((resolve) => setImmediate(resolve));
    await made.stop();
    expect(timers.size).toBe(0);
  });

  it('runs nothing on a machine that is not a board', async () => {
    firmware = 'throttled=0x1\n';
    const made = doorbell(sysfs('server', HOT));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(60_000);
    expect([programs.runs, codes]).toEqual([[], []]);
    await made.stop();
  });

  it('polls once on a board without flags', async () => {
    firmware = null;
    const made = doorbell(sysfs('other', { 'firmware/devicetree/base/model': 'linux,dummy-virt' }));
    await vi.waitFor(() => expect(programs.runs.length).toBe(1), 5_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(600_000);
    expect(programs.runs.length).toBe(1);
    await made.stop();
  });
});
