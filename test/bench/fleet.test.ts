// Holds: what `npm run bench -- fleet` holds a fleet to, and what it prints without a target.
import { expect, it } from 'vitest';
import { type Grown, growthRow, latenessRow, memoryRow } from './fleet.ts';

const seen = (doorbells: number): Grown => ({
  ...{ up: doorbells, doorbells, segmentsLost: 0, corePercentEach: 0.05, memoryBytes: doorbells * 400_000 },
  latenessP99Ms: 900,
});

it('holds a fleet of 1,000 to its figures, and prints what a larger one did', () => {
  const targets = [1_000, 5_000].map((doorbells) => [
    growthRow(seen(100), seen(doorbells)).target,
    latenessRow(seen(doorbells)).target,
  ]);
  expect(targets).toEqual([
    [{ most: 1.1 }, { most: 100 }],
    [null, null],
  ]);
});

it('prints the memory of each doorbell without a target', () => {
  const { figure, unit, target } = memoryRow(seen(100), seen(300));
  expect([figure, unit, target]).toEqual([400, 'KB', null]);
});
