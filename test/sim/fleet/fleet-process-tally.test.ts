import { expect, it } from 'vitest';
import { addCounts, FleetTally, LatencyHistogram, NO_COUNTS } from '../../../sim/fleet/fleet-process-tally.ts';

function latenessOf(...ms: number[]): LatencyHistogram {
  const lateness = new LatencyHistogram();
  for (const one of ms) lateness.add(one);
  return lateness;
}

it('returns quantiles, rounded up to a millisecond', () => {
  const lateness = latenessOf(...Array.from({ length: 100 }, (_, at) => at + 0.5));
  expect([0, 0.01, 0.5, 0.99, 1].map((share) => lateness.quantile(share))).toEqual([1, 1, 50, 99, 100]);
});

it('counts a negative latency as 0, and long ones in steps of a second', () => {
  expect(latenessOf(-5).quantile(1)).toBe(1);
  expect(latenessOf(12_345).quantile(1)).toBe(13_000);
  expect(latenessOf(1e9).quantile(1)).toBe(602_000);
  expect(new LatencyHistogram().quantile(0.5)).toBeNull();
});

it('merges to the same counts as if all had been counted together', () => {
  const [one, other] = [latenessOf(1, 2, 3_500, 7), latenessOf(2, 90)];
  one.merge(new LatencyHistogram(other.steps));
  expect(one.steps).toEqual(latenessOf(1, 2, 3_500, 7, 2, 90).steps);
  expect(one.count).toBe(6);
});

it('adds every count', () => {
  const sum = { ...NO_COUNTS };
  const one = Object.fromEntries(Object.keys(NO_COUNTS).map((name, at) => [name, at + 1]));
  addCounts(sum, { ...NO_COUNTS, ...one });
  addCounts(sum, { ...NO_COUNTS, ...one });
  expect(Object.values(sum)).toEqual(Object.keys(NO_COUNTS).map((_, at) => 2 * (at + 1)));
});

it('returns recent latencies once, and counts all segments', () => {
  const tally = new FleetTally();
  tally.stored(3);
  expect(tally.takeRecent().count).toBe(1);
  tally.stored(4);
  tally.stored(5);
  expect(tally.takeRecent().count).toBe(2);
  expect(tally.takeRecent().count).toBe(0);
  expect(tally.counts.segmentsStored).toBe(3);
});
