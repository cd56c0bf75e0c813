// Ages of records of earlier boots.
import { expect, it } from 'vitest';
import { expiryTickMs, writtenTimesMs } from '../../../device/ring/ring-index.ts';

const HOUR_US = 3_600_000_000;
const HOUR_MS = 3_600_000;

it('computes the age of earlier records by the wall clock', () => {
  expect(writtenTimesMs([0, HOUR_US], 2 * HOUR_US, 5)).toEqual([5 - 2 * HOUR_MS, 5 - HOUR_MS]);
});

it('counts records as just written while the clock is not set', () => {
  expect(writtenTimesMs([0, HOUR_US], null, 5)).toEqual([5, 5]);
});

it('counts a record written under an unset or wrong clock as no younger than the next', () => {
  expect(writtenTimesMs([null, HOUR_US, null], 2 * HOUR_US, 0)).toEqual([-HOUR_MS, -HOUR_MS, 0]);
  expect(writtenTimesMs([9 * HOUR_US, HOUR_US], 2 * HOUR_US, 0)).toEqual([-HOUR_MS, -HOUR_MS]);
});

it('counts a record from the future as just written', () => {
  expect(writtenTimesMs([9 * HOUR_US], 2 * HOUR_US, 7)).toEqual([7]);
});

it('checks for old footage at a quarter of the retention, within bounds', () => {
  expect([1, 60, 86_400].map(expiryTickMs)).toEqual([1_000, 15_000, 30_000]);
});
