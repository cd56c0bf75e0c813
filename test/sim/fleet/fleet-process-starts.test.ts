// Holds: doorbells of a fleet are started in order and a limited number at a time, and one by one while running ones are late.
import { expect, it } from 'vitest';
import { PacedStarts } from '../../../sim/fleet/fleet-process.ts';

/** Starts that end when they are told to. */
function pacedStarts(atOnce: number) {
  const machine = { isLate: false };
  const starts = new PacedStarts({ atOnce, isLate: () => machine.isLate });
  const began: number[] = [];
  const ends = new Map<number, () => void>();
  const add = (...numbers: number[]) => {
    for (const number of numbers)
      starts.add(() => {
        began.push(number);
        return new Promise((resolve) => ends.set(number, resolve));
      });
  };
  const end = async (number: number) => {
    ends.get(number)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { machine, starts, began, add, end };
}

it('begins up to the limit at the same time, and the next one when one has ended', async () => {
  const { began, add, end } = pacedStarts(3);
  add(1, 2, 3, 4, 5);
  expect(began).toEqual([1, 2, 3]);
  await end(2);
  expect(began).toEqual([1, 2, 3, 4]);
  await end(1);
  expect(began).toEqual([1, 2, 3, 4, 5]);
});

it('begins one after the other while running doorbells are late, and up to the limit again afterwards', async () => {
  const { machine, began, add, end } = pacedStarts(3);
  machine.isLate = true;
  add(1, 2, 3, 4, 5);
  expect(began).toEqual([1]);
  await end(1);
  expect(began).toEqual([1, 2]);
  machine.isLate = false;
  await end(2);
  expect(began).toEqual([1, 2, 3, 4, 5]);
});

it('begins nothing more once it is stopped, and waits for running starts', async () => {
  const { starts, began, add, end } = pacedStarts(1);
  add(1, 2);
  let isStopped = false;
  const stopped = starts.stop().then(() => {
    isStopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isStopped).toBe(false);
  await end(1);
  await stopped;
  expect(began).toEqual([1]);
});
