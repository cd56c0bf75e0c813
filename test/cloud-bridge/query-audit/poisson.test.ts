// Reference values of the Poisson tail.
import { expect, it } from 'vitest';
import { chanceOfAtLeast } from '../../../cloud-bridge/query-audit/verdict.ts';

it.each([
  [4, 0.8, 0.0090799],
  [3, 0.01, 1.6542e-7],
  [10, 9.5, 0.478174],
  [30, 2, 5.8553e-25],
])('gives the probability of %i or more where %f are expected', (count, expected, chance) => {
  expect(chanceOfAtLeast(count, expected) / chance).toBeCloseTo(1, 3);
});

it('is 1 far below the expected number, a half near it, and 0 where nothing is expected', () => {
  expect([chanceOfAtLeast(0, 0), chanceOfAtLeast(3, 3_000), chanceOfAtLeast(1e6, 1e6)]).toEqual([1, 1, 1]);
  expect(chanceOfAtLeast(3_001, 3_000)).toBeCloseTo(0.5, 1);
  expect(chanceOfAtLeast(1, 0)).toBe(0);
});
