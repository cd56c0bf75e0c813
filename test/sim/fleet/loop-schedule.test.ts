import { expect, it } from 'vitest';
import { type Clock, ManualClock } from '../../../device/base/clock.ts';
import { DueQueue } from '../../../sim/fleet/loop-schedule.ts';

function queueOf(): {
  clock: ManualClock;
  queue: DueQueue;
  called: string[];
  at: (dueMs: number, name?: string) => void;
} {
  const clock = new ManualClock(1_800_000_000_000_000);
  const queue = new DueQueue(clock);
  const called: string[] = [];
  const at = (dueMs: number, name = '') => void queue.at(dueMs, () => called.push(`${name}${clock.monotonicMs()}`));
  return { clock, queue, called, at };
}

it('calls everything in order of time, never before it is due and within 4 ms of it', async () => {
  const { clock, called, at, queue } = queueOf();
  for (const dueMs of [503.2, 41.9, 42, 1_000, 17]) at(dueMs, `${dueMs}:`);
  await clock.advance(2_000);
  expect(called.map((line) => Number(line.split(':')[0]))).toEqual([17, 41.9, 42, 503.2, 1_000]);
  for (const line of called) {
    const [dueMs = 0, atMs = 0] = line.split(':').map(Number);
    expect(atMs).toBeGreaterThanOrEqual(dueMs);
    expect(atMs - dueMs).toBeLessThan(4);
  }
  expect(queue.size).toBe(0);
});

it('makes a call at once if it is already due, also from within a call', async () => {
  const { clock, called, queue, at } = queueOf();
  await clock.advance(10_000);
  at(3);
  queue.at(10_050, () => at(10_020));
  await clock.advance(100);
  expect(called.map(Number).map((ms) => ms < 10_060)).toEqual([true, true]);
});

it('makes a call that is due long after all others', async () => {
  const { clock, called, at } = queueOf();
  at(9_000_000);
  await clock.advance(8_999_999);
  expect(called).toEqual([]);
  await clock.advance(10);
  expect(called).toEqual(['9000000']);
});

it('makes no cancelled calls, and none after it was stopped', async () => {
  const { clock, called, queue, at } = queueOf();
  const due = queue.at(20, () => called.push('taken back'));
  at(30);
  due.cancel();
  await clock.advance(50);
  expect(called).toHaveLength(1);
  at(70);
  queue.stop();
  await clock.advance(1_000);
  expect(called).toHaveLength(1);
});

it('reports how late its last timer fired', async () => {
  const machine = new ManualClock(1_800_000_000_000_000);
  let heldMs = 0;
  // In a busy process timers fire late.
  const busy: Clock = {
    wallUs: () => machine.wallUs(),
    monotonicMs: () => machine.monotonicMs() + heldMs,
    synchronised: () => machine.synchronised(),
    after: (delayMs, call) => machine.after(delayMs, call),
    sleep: (delayMs, signal) => machine.sleep(delayMs, signal),
  };
  const queue = new DueQueue(busy);
  queue.at(100, () => undefined);
  await machine.advance(150);
  expect(queue.lateMs).toBeLessThan(4);
  queue.at(200, () => undefined);
  heldMs = 250;
  await machine.advance(100);
  expect(queue.lateMs).toBeGreaterThanOrEqual(200);
  expect(queue.lateMs).toBeLessThan(310);
  heldMs = 0;
  queue.at(500, () => undefined);
  await machine.advance(300);
  expect(queue.lateMs).toBeLessThan(4);
});
