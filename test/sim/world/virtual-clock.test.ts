import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';

const START_US = Date.UTC(2026, 2, 29) * 1_000;
let world = new VirtualClock({ startUs: START_US });
afterEach(() => world.stop());

/** A world that runs until `until` resolves. */
async function play<Result>(until: Promise<Result>): Promise<Result> {
  const running = world.run();
  const result = await until;
  world.stop();
  await running;
  return result;
}

it('fires timers in the order in which they are due, and those of the same time in the order in which they were set', async () => {
  world = new VirtualClock({ startUs: START_US });
  const called: string[] = [];
  const note = (name: string) => () => void called.push(`${name} ${world.monotonicMs()}`);
  world.after(20, note('later'));
  world.after(10, note('first'));
  world.after(10, note('second'));
  world.after(5, note('cancelled')).cancel();
  await play(world.sleep(12 * 3_600_000));
  expect(called).toEqual(['first 10', 'second 10', 'later 20']);
  expect(world.wallUs()).toBe(START_US + 12 * 3_600_000_000);
});

it('lets a wait of less than a microsecond end, though who waits looks a moment too early each time', async () => {
  world = new VirtualClock({ startUs: START_US });
  const endMs = 5.0004;
  let looks = 0;
  const ended = new Promise<void>((resolve) => {
    const look = () => {
      looks += 1;
      if (world.monotonicMs() >= endMs || looks > 1_000) resolve();
      else world.after(endMs - world.monotonicMs(), look);
    };
    look();
  });
  await play(ended);
  expect(looks).toBe(3);
});

it('waits for every track, and runs their parts in the order of their times', async () => {
  world = new VirtualClock({ startUs: 0 });
  const seen: string[] = [];
  const [one, other] = [world.open(), world.open()];
  world.after(4, () => seen.push(`timer ${world.passedUs}`));
  const show = async (name: string, track: typeof one, times: readonly number[]) => {
    for (const atUs of times) {
      await track.reach(atUs);
      // The machine's time during a part does not count in the world.
      await new SystemClock().sleep(5);
      seen.push(`${name} ${world.passedUs}`);
    }
    track.end();
  };
  await play(Promise.all([show('one', one, [1_000, 5_000]), show('other', other, [2_000, 3_000, 9_000])]));
  expect(seen).toEqual(['one 1000', 'other 2000', 'other 3000', 'timer 4000', 'one 5000', 'other 9000']);
});

it('lets no time pass while a file is read, messages are being passed on or a program runs', async () => {
  world = new VirtualClock({ startUs: 0 });
  let passed = false;
  world.after(1, () => {
    passed = true;
  });
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  const works: Record<string, () => Promise<unknown>> = {
    file: () => readFile(process.execPath),
    program: () => new Promise((resolve) => spawn(process.execPath, ['-e', '']).once('exit', resolve)),
    chain: () =>
      new Promise((resolve, reject) => {
        const address = server.address();
        const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
        let echoes = 0;
        socket.on('data', () => (++echoes < 50 ? socket.write('x') : resolve(socket.destroy())));
        socket.once('error', reject);
        socket.write('x');
      }),
  };
  const running = world.run();
  for (const [name, work] of Object.entries(works)) {
    passed = false;
    world.after(1, () => {
      passed = true;
    });
    await work();
    expect(passed, name).toBe(false);
    await world.sleep(5);
    expect(passed, name).toBe(true);
  }
  await new Promise((resolve) => server.close(resolve));
  world.stop();
  await running;
});

it('lets no time pass while it is held, and a held world that is stopped ends', async () => {
  world = new VirtualClock({ startUs: 0 });
  const running = world.run();
  const asleep = world.sleep(1_000);
  await world.holding(async () => {
    await new SystemClock().sleep(30);
    expect(world.passedUs).toBe(0);
  });
  await asleep;
  void world.holding(() => new Promise(() => undefined));
  world.stop();
  await running;
  expect(world.passedUs).toBe(1_000_000);
});

it('passes no faster than its speed', async () => {
  world = new VirtualClock({ startUs: 0, speed: 10 });
  const machine = new SystemClock();
  const startedMs = machine.monotonicMs();
  await play(world.sleep(2_000));
  expect(machine.monotonicMs() - startedMs).toBeGreaterThanOrEqual(195);
});

it('begins at another wall time only before anything has happened', async () => {
  world = new VirtualClock({ startUs: 0 });
  world.startAt(START_US);
  expect(world.wallUs()).toBe(START_US);
  await play(world.sleep(1));
  expect(() => world.startAt(0)).toThrow();
});

it('waits for work that continues from turn to turn of the event loop, as in brokers', async () => {
  world = new VirtualClock({ startUs: 0 });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const passed = world.sleep(10).then(async () => {
    for (let turns = 0; turns < 50; turns += 1) await turn();
    return world.monotonicMs();
  });
  world.after(20, () => undefined);
  expect(await play(passed)).toBe(10);
});

it('keeps wall time whole for parts that are due between two microseconds', async () => {
  world = new VirtualClock({ startUs: START_US });
  const track = world.open();
  await play(track.reach(1_000_000 / 15));
  expect(world.wallUs()).toBe(START_US + 66_667);
});
