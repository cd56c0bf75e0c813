import { expect, it } from 'vitest';
import { BootClock, DeviceClock } from '../../../sim/world/device-clock.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';

const START_US = Date.UTC(2026, 0, 1) * 1_000;

async function pass(world: VirtualClock, ms: number): Promise<void> {
  const running = world.run();
  await world.sleep(ms);
  world.stop();
  await running;
}

it('shows the world’s time until it is set, stepped or drifts, and says whether it is right', async () => {
  const world = new VirtualClock({ startUs: START_US });
  const clock = new DeviceClock(world);
  expect(clock.wallUs()).toBe(START_US);
  clock.stepBy(-1_000_000);
  expect(clock.wallUs()).toBe(START_US - 1_000_000);
  clock.set(0);
  expect(clock.wallUs()).toBe(0);
  expect(clock.monotonicMs()).toBe(0);
  clock.drift(100);
  await pass(world, 10_000);
  expect(clock.wallUs()).toBe(10_001_000);
  expect(clock.wallAt(20_000_000)).toBe(20_002_000);
  clock.drift(0);
  expect(clock.wallAt(20_000_000)).toBe(20_001_000);
  expect(clock.monotonicMs()).toBe(10_000);
  expect(clock.synchronised()).toBe(true);
  clock.trust(false);
  expect(clock.synchronised()).toBe(false);
});

it('fires no timer of a boot that has lost its power', async () => {
  const world = new VirtualClock({ startUs: START_US });
  const boot = new BootClock(new DeviceClock(world));
  let called = 0;
  boot.after(5, () => {
    called += 1;
  });
  boot.after(20, () => {
    called += 1;
  });
  world.after(10, () => boot.end());
  await pass(world, 50);
  expect(called).toBe(1);
  boot.after(1, () => {
    called += 1;
  });
  expect(called).toBe(1);
});
