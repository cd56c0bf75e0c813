import { describe, expect, it } from 'vitest';
import type { Score } from '../../../sim/truth/match-events.ts';
import { DEFAULT_THRESHOLDS, judge, scoreText, Thresholds, thresholdsInForce } from '../../../sim/truth/verdict.ts';

const delay = (maxUs: number) => ({ count: 1, medianUs: maxUs, p90Us: maxUs, maxUs });
const perfect: Score = {
  ...{ matched: 4, missed: 0, matchedEvents: 4, false: 0, notJudged: 0 },
  ...{ precision: 1, recall: 1, timePrecision: 1, timeRecall: 1, delay: delay(2_000_000) },
};
const failed = (score: Partial<Score>, named: Parameters<typeof judge>[1] = {}) =>
  judge({ ...perfect, ...score }, named).faults.map(({ threshold }) => threshold);

describe('a verdict', () => {
  it('is passed when all is found within two seconds and nothing else is', () => {
    expect(judge(perfect)).toEqual({ passed: true, faults: [], thresholds: DEFAULT_THRESHOLDS });
    expect(judge({ ...perfect, matched: 0, matchedEvents: 0, delay: null }).passed).toBe(true);
  });

  it.each<[string, Partial<Score>, string[]]>([
    ['a false event', { false: 1, precision: 0.8 }, ['minPrecision']],
    ['a missed span', { missed: 1, recall: 0.8 }, ['minRecall']],
    ['a late one', { delay: delay(2_000_001) }, ['maxDelayS']],
    ['motion that never ends', { timePrecision: 0.49 }, ['minTimePrecision']],
    ['all of it', { precision: 0, recall: 0, timePrecision: 0 }, ['minPrecision', 'minRecall', 'minTimePrecision']],
  ])('is not passed with %s', (_, score, thresholds) => {
    expect(failed(score)).toEqual(thresholds);
    expect(judge({ ...perfect, ...score }).passed).toBe(false);
  });

  it('lets a given count replace the default of its share, but no given share', () => {
    expect(failed({ false: 2, precision: 0.6 }, { maxFalse: 2 })).toEqual([]);
    expect(failed({ false: 3, precision: 0.6 }, { maxFalse: 2 })).toEqual(['maxFalse']);
    expect(failed({ false: 2, precision: 0.6 }, { maxFalse: 2, minPrecision: 0.7 })).toEqual(['minPrecision']);
    expect(failed({ missed: 2, recall: 0.6 }, { maxMissed: 2 })).toEqual([]);
    expect(failed({ missed: 3, recall: 0.6 }, { maxMissed: 2 })).toEqual(['maxMissed']);
    expect(thresholdsInForce({ maxMissed: 2 })).not.toHaveProperty('minRecall');
  });

  it('applies each given threshold', () => {
    expect(failed({ timeRecall: 0.7 }, { minTimeRecall: 0.71 })).toEqual(['minTimeRecall']);
    expect(failed({ timeRecall: 0.7 }, { minTimeRecall: 0.7 })).toEqual([]);
    expect(failed({ delay: delay(3_000_000) }, { maxDelayS: 3 })).toEqual([]);
    expect(failed({ timePrecision: 0.1 }, { minTimePrecision: 0 })).toEqual([]);
  });

  it('never rounds to the required value', () => {
    const [late, wrong] = judge({ ...perfect, precision: 0.99999, false: 1, delay: delay(2_000_001) }).faults.reverse();
    expect(wrong?.text).toBe('precision is 0.999 (false events: 1), at least 1 is wanted');
    expect(late?.text).toBe('longest delay in seconds: 2.001, at most 2 is wanted');
  });

  it('accepts only meaningful thresholds', () => {
    expect(Thresholds.safeParse({ minPrecision: 95 }).success).toBe(false);
    expect(Thresholds.safeParse({ maxFalse: 1.5 }).success).toBe(false);
    expect(Thresholds.safeParse({ minprecision: 1 }).success).toBe(false);
    expect(Thresholds.safeParse({ maxDelayS: 0.25, maxMissed: 0 }).success).toBe(true);
  });
});

it('prints a score as lines', () => {
  const lines = scoreText({ ...perfect, missed: 1, recall: 0.8, notJudged: 2 }).join('\n');
  expect(lines).toMatch(/4 of 5 spans: recall 0\.8/);
  expect(lines).toMatch(/4 of 4 events: precision 1/);
  expect(lines).toMatch(/longest 2\.00 s/);
  expect(lines).toMatch(/not judged 2 events/);
  expect(scoreText({ ...perfect, delay: null }).join()).not.toMatch(/delay/);
});
