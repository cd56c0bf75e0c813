import { expect, it } from 'vitest';
import { printCount } from '../../../../sim/scenario/language/durations.ts';

it.each([
  [{ min: 3, max: 3 }, '3'],
  [{ min: 2, max: 4 }, '2 to 4'],
  [{ min: 0, max: 1_000_000_000 }, '0 to 1000000000'],
  [{ min: 1, max: Number.MAX_SAFE_INTEGER }, '1 or more'],
])('a count of %j is printed as %s', (range, words) => {
  expect(printCount(range)).toBe(words);
});
