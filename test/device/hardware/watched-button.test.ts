// GPIO and USB buttons: the contract of every button, and restarting after any end of their program.
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { Failure } from '../../../device/contract/errors.ts';
import type { Press } from '../../../device/hardware/button.ts';
import { evdevButton, evdevButtonSchema } from '../../../device/hardware/evdev-button.ts';
import { gpioButton, gpioButtonSchema } from '../../../device/hardware/gpio.ts';
import { type ButtonDriver, WatchedButton } from '../../../device/hardware/watched-button.ts';
import { buttonContract, NOON_US, settle } from './button-contract.ts';
import { StandInPrograms } from './stand-in-programs.ts';

const GPIO = gpioButtonSchema.parse({ kind: 'gpio', name: 'front', line: 17 });
const USB = evdevButtonSchema.parse({ kind: 'evdev', name: 'front', device: '/dev/input/event3', keys: [28] });
const TOOLS = { 'libgpiod 2': ['gpiomon (libgpiod) v2.2.1', '2'], 'libgpiod 1': ['gpiomon (libgpiod) v1.6.3', '0'] };
const random = new SystemRandom();

/** Events of the input layer on a 64-bit machine: 16 bytes of time, then type, code and value. */
function inputEvents(...events: [type: number, code: number, value: number][]): Uint8Array {
  const bytes = new Uint8Array(events.length * 24);
  const view = new DataView(bytes.buffer);
  for (const [at, [type, code, value]] of events.entries()) {
    view.setUint16(at * 24 + 16, type, true);
    view.setUint16(at * 24 + 18, code, true);
    view.setInt32(at * 24 + 20, value, true);
  }
  return bytes;
}
const SYNC: [number, number, number] = [0, 0, 0];
const SCAN_CODE: [number, number, number] = [4, 4, 458_792];
const ENTER_DOWN = inputEvents(SCAN_CODE, [1, 28, 1], SYNC);
const ENTER_HELD = inputEvents([1, 28, 2], SYNC);
const ENTER_UP = inputEvents(SCAN_CODE, [1, 28, 0], SYNC);

for (const [tool, [version = '', falling]] of Object.entries(TOOLS)) {
  buttonContract(`GPIO (${tool})`, (options, clock) => {
    const programs = new StandInPrograms(version);
    const button = new WatchedButton({
      ...options,
      driver: gpioButton(GPIO),
      programs,
      random,
      trouble: () => undefined,
    });
    const push = async () => {
      const program = programs.runs.at(-1);
      program?.print('1\n');
      await clock.advance(GPIO.debounceMs);
      program?.print(`${falling}\n`);
    };
    return { button, push, source: 'gpio', steadyMs: GPIO.debounceMs };
  });
}

buttonContract('USB', (options) => {
  const programs = new StandInPrograms();
  const button = new WatchedButton({
    ...options,
    driver: evdevButton(USB),
    programs,
    random,
    trouble: () => undefined,
  });
  const push = () => {
    programs.runs.at(-1)?.print(ENTER_DOWN);
    programs.runs.at(-1)?.print(ENTER_UP);
  };
  return { button, push, source: 'evdev' };
});

describe('a watched button', () => {
  let clock: ManualClock;
  let programs: StandInPrograms;
  let presses: Press[];
  let troubles: (string | null)[];
  let messages: string[];

  beforeEach(() => {
    clock = new ManualClock(NOON_US);
    programs = new StandInPrograms();
    presses = [];
    troubles = [];
    messages = [];
  });

  async function watch(driver: ButtonDriver): Promise<WatchedButton> {
    const trouble = (why: Failure | null) => {
      troubles.push(why?.code ?? null);
      if (why) messages.push(why.message);
    };
    const pressed = (press: Press) => presses.push(press);
    const button = new WatchedButton({ clock, button: 'front', pressed, driver, programs, random, trouble });
    button.start();
    await settle();
    return button;
  }

  it('uses the arguments of each libgpiod', async () => {
    const new2 = await watch(gpioButton(GPIO));
    expect(programs.last.command.join(' ')).toBe(
      'gpiomon --chip=gpiochip0 --edges=both --bias=pull-up --active-low --format=%e %S 17',
    );
    new2.stop();
    programs.version = 'gpiomon (libgpiod) v1.6.3';
    const old = await watch(gpioButton(gpioButtonSchema.parse({ ...GPIO, pull: 'none', activeLow: false })));
    expect(programs.last.command.join(' ')).toBe(
      'gpiomon --line-buffered --bias=disable --format=%e %s.%n gpiochip0 17',
    );
    old.stop();
  });

  it('listens again after its device was unplugged, and reports both', async () => {
    const button = await watch(evdevButton(USB));
    programs.last.end({ status: 1, words: 'cat: /dev/input/event3: No such device' });
    await settle();
    expect(troubles).toEqual(['hardware_unavailable']);
    // The device is unplugged for three minutes, and each try ends at once.
    programs.started = (program) => program.end({ status: 1, words: 'No such file or directory' });
    for (let second = 0; second < 180; second += 1) {
      await clock.advance(1_000);
      await settle();
    }
    // Pauses grow to half a minute.
    expect(programs.runs.length).toBeGreaterThan(8);
    expect(programs.runs.length).toBeLessThan(25);
    programs.started = () => undefined;
    for (let second = 0; second < 35; second += 1) {
      await clock.advance(1_000);
      await settle();
    }
    expect(troubles.at(-1)).toBeNull();
    programs.last.print(ENTER_DOWN);
    expect(presses).toHaveLength(1);
    button.stop();
    expect(programs.runs.every((run) => run.isOver)).toBe(true);
  });

  it('names the package of a missing tool, and works once it is installed', async () => {
    const there = programs.run.bind(programs);
    programs.run = () => {
      const program = there(['gpiomon'], () => undefined);
      program.end({ missing: true, status: null });
      return program;
    };
    const button = await watch(gpioButton(GPIO));
    expect(troubles).toEqual(['hardware_tool_missing']);
    programs.run = there;
    await clock.advance(500);
    await settle();
    programs.last.print('1\n');
    await clock.advance(30);
    expect(presses).toHaveLength(1);
    button.stop();
  });

  it('reports which line is in use, and rings once it is free', async () => {
    const button = await watch(gpioButton(gpioButtonSchema.parse({ ...GPIO, chip: 'gpiochip4' })));
    const busy = 'gpiomon: unable to request lines on chip /dev/gpiochip4: Device or resource busy';
    programs.last.end({ status: 1, words: busy });
    await settle();
    expect(messages).toEqual([expect.stringMatching(/button front .* line 17 of gpiochip4/)]);
    expect(troubles).toEqual(['gpio_line_taken']);
    await clock.advance(500);
    await settle();
    await clock.advance(1_000);
    programs.last.print('1\n');
    await clock.advance(30);
    expect([presses.length, troubles.at(-1)]).toEqual([1, null]);
    button.stop();
  });

  it('reports a stuck button once, and when it is free again', async () => {
    const button = await watch(evdevButton(USB));
    await clock.advance(1_000);
    programs.last.print(ENTER_DOWN);
    for (let repeat = 0; repeat < 1_000; repeat += 1) {
      programs.last.print(ENTER_HELD);
      await clock.advance(100);
    }
    expect(presses).toHaveLength(1);
    expect(troubles).toEqual(['button_stuck']);
    programs.last.print(ENTER_UP);
    expect(troubles).toEqual(['button_stuck', null]);
    button.stop();
  });

  it('does not ring for a spike on a long wire', async () => {
    const button = await watch(gpioButton(GPIO));
    for (let spike = 0; spike < 50; spike += 1) {
      programs.last.print('1\n2\n');
      await clock.advance(100);
    }
    expect(presses).toEqual([]);
    button.stop();
  });

  it.each(Object.entries(TOOLS))(
    'rings for a tap whose two edges %s delivers late and in one chunk',
    async (_tool, [, falling]) => {
      const button = await watch(gpioButton(GPIO));
      // From 5 ms to 400 ms past the second; libgpiod 2.0 does not pad the nanoseconds.
      for (const byte of new TextEncoder().encode(`1 41.5000000\n${falling} 41.400000000\n`))
        programs.last.print(Uint8Array.of(byte));
      expect(presses).toHaveLength(1);
      await clock.advance(5_000);
      programs.last.print(`1 50.000000000\n${falling} 50.029000000\n`);
      expect(presses).toHaveLength(1);
      await clock.advance(5_000);
      // Held for two seconds, it counts when it closes, not again when it opens.
      programs.last.print('1 60.0\n');
      await clock.advance(2_000);
      programs.last.print(`${falling} 62.0\n`);
      await clock.advance(5_000);
      expect(presses).toHaveLength(2);
      button.stop();
    },
  );

  it('rings only for its own keys, however the bytes are split', async () => {
    const button = await watch(evdevButton(USB));
    programs.last.print(inputEvents([1, 30, 1], SYNC, [1, 30, 0], [2, 28, 1], [3, 28, 1]));
    expect(presses).toEqual([]);
    for (const byte of [...ENTER_DOWN, ...ENTER_UP]) programs.last.print(Uint8Array.of(byte));
    expect(presses).toHaveLength(1);
    button.stop();
  });
});
