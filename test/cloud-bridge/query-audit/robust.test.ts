// Holds: reference values of the statistics.
import { expect, it } from 'vitest';
import { chanceOfAtLeast, deviationsAbove, median, medianDeviation } from '../../../cloud-bridge/query-audit/robust.ts';

it('finds the middle, and how far most are from it, whatever one outlier says', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(medianDeviation([1, 2, 3, 4, 1e9], 3)).toBeCloseTo(1.4826, 4);
});

it.each([
  [4, 0.8, 0.0090799],
  [3, 0.01, 1.6542e-7],
  [10, 9.5, 0.478174],
  [30, 2, 5.8553e-25],
])('knows the chance of %i or more where %f are expected', (count, expected, chance) => {
  expect(chanceOfAtLeast(count, expected) / chance).toBeCloseTo(1, 3);
});

it('finds no news in what is expected, however much that is, and none possible where nothing is', () => {
  expect([chanceOfAtLeast(0, 0), chanceOfAtLeast(3, 3_000), chanceOfAtLeast(1e6, 1e6)]).toEqual([1, 1, 1]);
  expect(chanceOfAtLeast(3_001, 3_000)).toBeCloseTo(0.5, 1);
  expect(chanceOfAtLeast(1, 0)).toBe(0);
});

it('asks more of a value that few queries stand behind', () => {
  expect(deviationsAbove(5, 1, 3, 4)).toBeCloseTo(0.8);
  expect(deviationsAbove(1, 1, 0, 0)).toBe(0);
  expect(deviationsAbove(2, 1, 0, 0)).toBe(Number.POSITIVE_INFINITY);
});
