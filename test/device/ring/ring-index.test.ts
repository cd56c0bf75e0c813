// Holds the reckoning of ages to its word where the contract of rings does not reach: records of earlier boots.
import { expect, it } from 'vitest';
import { expiryTickMs, writtenTimesMs } from '../../../device/ring/ring-index.ts';

const HOUR_US = 3_600_000_000;
const HOUR_MS = 3_600_000;

it('reckons the age of earlier records by the wall clock', () => {
  expect(writtenTimesMs([0, HOUR_US], 2 * HOUR_US, 5)).toEqual([5 - 2 * HOUR_MS, 5 - HOUR_MS]);
});

it('takes records for just written while the clock is not set', () => {
  expect(writtenTimesMs([0, HOUR_US], null, 5)).toEqual([5, 5]);
});

it('takes a record written under an unset or wrong clock for no younger than the next', () => {
  expect(writtenTimesMs([null, HOUR_US, null], 2 * HOUR_US, 0)).toEqual([-HOUR_MS, -HOUR_MS, 0]);
  expect(writtenTimesMs([9 * HOUR_US, HOUR_US], 2 * HOUR_US, 0)).toEqual([-HOUR_MS, -HOUR_MS]);
});

it('never takes a record from the future for older than now', () => {
  expect(writtenTimesMs([9 * HOUR_US], 2 * HOUR_US, 7)).toEqual([7]);
});

it('looks for old footage four times in its life, within bounds', () => {
  expect([1, 60, 86_400].map(expiryTickMs)).toEqual([1_000, 15_000, 30_000]);
});
