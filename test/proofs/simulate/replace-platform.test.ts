import { afterEach, beforeEach, expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
import { settled } from '../../../sim/world/quiet.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { MemoryNetwork } from './memory-network.ts';
import { replacePlatform } from './replace-platform.ts';

const machines = { setTimeout, setInterval, clearTimeout, clearInterval, fetch };
const limitOfMachine = AbortSignal.timeout;
const DAY_MS = 86_400_000;

let world = new VirtualClock({ startUs: 0, quiet: settled });
let restore: () => void = () => undefined;
let running = Promise.resolve();
beforeEach(() => {
  world = new VirtualClock({ startUs: 0, quiet: settled });
  running = world.run();
  restore = replacePlatform(new MemoryNetwork({ clock: world, random: new SeededRandom(1) }).at('client'), world);
});
afterEach(async () => {
  world.stop();
  await running;
  restore();
});

it('fires a timer in simulated time, with its arguments', async () => {
  const said = await new Promise((resolve) => setTimeout(resolve, DAY_MS, 'tomorrow'));
  expect([said, world.monotonicMs()]).toEqual(['tomorrow', DAY_MS]);
});

it('repeats an interval until it is cleared, by itself too', async () => {
  const times: number[] = [];
  const timer = setInterval(() => {
    times.push(world.monotonicMs());
    if (times.length === 3) clearInterval(timer);
  }, 30_000);
  await world.sleep(DAY_MS);
  expect(times).toEqual([30_000, 60_000, 90_000]);
});

it('restarts a refreshed timer, and drops a cleared one', async () => {
  const times: string[] = [];
  const kept = setTimeout(() => times.push(`kept at ${world.monotonicMs()}`), 10_000);
  const cleared = setTimeout(() => times.push('cleared'), 10_000);
  await world.sleep(9_000);
  kept.refresh();
  clearTimeout(cleared);
  await world.sleep(DAY_MS);
  expect(times).toEqual(['kept at 19000']);
});

it('applies timeouts in simulated time, however long the machine takes', async () => {
  const limit = AbortSignal.timeout(DAY_MS);
  await new Promise((resolve) => limit.addEventListener('abort', resolve));
  expect(world.monotonicMs()).toBe(DAY_MS);
  expect(limit.reason).toMatchObject({ name: 'TimeoutError' });
});

it('leaves existing timers of the machine alone, and restores the platform', async () => {
  const before = machines.setTimeout(() => undefined, DAY_MS);
  clearTimeout(before);
  expect(before.hasRef()).toBe(true);
  expect(Reflect.get(before, '_destroyed')).toBe(true);
  expect(globalThis.setTimeout).not.toBe(machines.setTimeout);
  restore();
  const { setTimeout, setInterval, clearTimeout: clear, clearInterval, fetch } = globalThis;
  expect({ setTimeout, setInterval, clearTimeout: clear, clearInterval, fetch }).toEqual(machines);
  expect(AbortSignal.timeout).toBe(limitOfMachine);
});
