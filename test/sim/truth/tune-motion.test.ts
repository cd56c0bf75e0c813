import { describe, expect, it } from 'vitest';
import type { Score } from '../../../sim/truth/match-events.ts';
import type { Truth } from '../../../sim/truth/truth-file.ts';
import {
  bestOf,
  type GrayPicture,
  quality,
  tuneCandidates,
  tuneMotion,
  tuneText,
} from '../../../sim/truth/tune-motion.ts';
import { drawn, visitorAt } from '../../device/motion/gray.ts';

const S = 1_000_000;
const FPS = 5;
const DURATION_S = 80;

/** Visits at 10-15 s, 30-35 s, 50-55 s, 70-75 s. */
const VISITS_S = [10, 30, 50, 70];
const VISIT_S = 5;
const PASSING_S = [20, 40, 60];

/** Somebody who walks to the right from `left`, for 5 s after each of `startsS`. */
function walkerOf(startsS: readonly number[], atS: number, left: number): ReturnType<typeof visitorAt> | undefined {
  const since = startsS.map((from) => atS - from).find((passed) => passed >= 0 && passed < VISIT_S);
  return since === undefined ? undefined : visitorAt(left + 8 * since, 30);
}

/** Visitors walk through the left half; between the visits others pass by in the street, in the right half. */
function drawPorch(isStreet: boolean): GrayPicture[] {
  return Array.from({ length: DURATION_S * FPS }, (_, number) => {
    const atS = number / FPS;
    // Never both at a time.
    const walker = walkerOf(VISITS_S, atS, 4) ?? (isStreet ? walkerOf(PASSING_S, atS, 95) : undefined);
    return { pixels: drawn(number, walker), atUs: number * (S / FPS) };
  });
}

/** Drawn once: nobody may change their bytes. */
const [street, quiet] = [drawPorch(true), drawPorch(false)];
const porch = ({ isStreet = true } = {}) => (isStreet ? street : quiet);

const truth: Truth = {
  durationUs: DURATION_S * S,
  toleranceUs: S / 2,
  judge: ['motion'],
  spans: VISITS_S.map((from) => ({ event: 'motion', startUs: from * S, endUs: (from + VISIT_S) * S, optional: false })),
};
const LEFT = { name: 'left', zones: [{ name: 'path', zone: { left: 0, top: 0, width: 5_500, height: 10_000 } }] };
const ALL = { name: 'everywhere', zones: [] };

describe('tuning', () => {
  it('chooses the zone without the street on one half, and reports on the other', async () => {
    const result = await tuneMotion(porch(), truth, tuneCandidates([20, 50, 90], [ALL, LEFT]));
    expect(result.isConfirmed).toBe(true);
    expect(result.pictures).toBe(DURATION_S * FPS);
    expect(result.candidates).toHaveLength(6);
    expect(result.best).toMatchObject({
      zoneSet: 'left',
      heldOut: { precision: 1, recall: 1 },
      whole: { matched: 4, false: 0 },
    });
    // Two visits choose, the other two report.
    expect(result.best.chosenOn.matched).toBe(2);
    expect(result.best.heldOut?.matched).toBe(2);
    const everywhere = result.candidates.find(
      ({ zoneSet, sensitivity }) => zoneSet === 'everywhere' && sensitivity === 90,
    );
    expect(everywhere?.whole.false).toBeGreaterThan(0);
  });

  it('counts motion across a cut on each side', async () => {
    function* busy(): Generator<GrayPicture> {
      const starts = Array.from({ length: 13 }, (_, at) => 10 + at * VISIT_S);
      for (let number = 0; number < DURATION_S * FPS; number += 1) {
        yield { pixels: drawn(number, walkerOf(starts, number / FPS, 4)), atUs: number * (S / FPS) };
      }
    }
    const { best } = await tuneMotion(busy(), truth, tuneCandidates([60]));
    expect(best.whole).toMatchObject({ matched: 4, matchedEvents: 1 });
    expect(best.chosenOn).toMatchObject({ matched: 2, matchedEvents: 2, missed: 0 });
    expect(best.heldOut).toMatchObject({ matched: 2, matchedEvents: 2, missed: 0 });
  });

  it('makes no part without a required span', async () => {
    const spans = truth.spans.slice(0, 3).map((span, at) => ({ ...span, optional: at === 1 }));
    const result = await tuneMotion(porch({ isStreet: false }), { ...truth, spans }, tuneCandidates([50]));
    expect(result.best).toMatchObject({ chosenOn: { matched: 1 }, heldOut: { matched: 1 } });
  });

  it('counts motion that goes on when the footage ends', async () => {
    const cut = [...porch({ isStreet: false })].filter(({ atUs }) => atUs < 13 * S);
    const short = {
      ...truth,
      durationUs: 13 * S,
      spans: [{ event: 'motion' as const, startUs: 10 * S, endUs: 13 * S, optional: false }],
    };
    const { best } = await tuneMotion(cut, short, tuneCandidates([50]));
    expect(best.whole).toMatchObject({ matched: 1, matchedEvents: 1, missed: 0 });
  });

  it('keeps no picture: overwriting one afterwards changes nothing', async () => {
    function* reused(): Generator<GrayPicture> {
      const pixels = new Uint8Array(160 * 90);
      for (const picture of porch()) {
        pixels.set(picture.pixels);
        yield { pixels, atUs: picture.atUs };
        pixels.fill(0);
      }
    }
    const candidates = tuneCandidates([50], [LEFT]);
    expect(await tuneMotion(reused(), truth, candidates)).toEqual(await tuneMotion(porch(), truth, candidates));
  });

  it('says if the choice is not confirmed', async () => {
    const once = { ...truth, spans: truth.spans.slice(0, 1) };
    const result = await tuneMotion(porch({ isStreet: false }), once, tuneCandidates([50]));
    expect(result).toMatchObject({ isConfirmed: false, best: { heldOut: null } });
    expect(tuneText(result).at(-1)).toMatch(/Not confirmed/);
    expect(tuneText(result).join()).not.toMatch(/As good/);
    const other = { ...result.best, sensitivity: 60 };
    expect(tuneText({ ...result, candidates: [result.best, other] }).at(-2)).toMatch(/As good there: 1 other/);
  });

  it('prints a table with the best marked', async () => {
    const result = await tuneMotion(porch(), truth, tuneCandidates([50], [ALL, LEFT]));
    const lines = tuneText(result);
    expect(lines.filter((line) => line.includes('<- best'))).toEqual([expect.stringMatching(/50 +left/)]);
    expect(lines.at(-1)).toMatch(/On the other half: precision 1\.00, recall 1\.00/);
  });

  it('is refused without pictures, settings or motion labels', async () => {
    const code = { code: 'tune_impossible' };
    await expect(tuneMotion([], truth, tuneCandidates([50]))).rejects.toMatchObject(code);
    await expect(tuneMotion(porch(), truth, [])).rejects.toMatchObject(code);
    await expect(tuneMotion(porch(), { ...truth, judge: ['ring'] }, tuneCandidates([50]))).rejects.toMatchObject(code);
    expect(() => tuneCandidates([])).toThrow(expect.objectContaining(code));
    expect(() =>
      tuneCandidates(
        Array.from({ length: 100 }, (_, at) => at + 1),
        [ALL, LEFT, ALL],
      ),
    ).toThrow(/300 settings/);
  });
});

describe('the best', () => {
  const score = (more: Partial<Score> = {}): Score => ({
    ...{ matched: 4, missed: 0, matchedEvents: 4, false: 0, notJudged: 0 },
    ...{ precision: 1, recall: 1, timePrecision: 1, timeRecall: 1, delay: null },
    ...more,
  });
  const late = (maxUs: number) => ({ delay: { count: 4, medianUs: 0, p90Us: maxUs, maxUs } });
  const bestSensitivity = (...rated: [number, Score][]) =>
    bestOf(rated.map(([sensitivity, chosenOn]) => ({ sensitivity, chosenOn }))).sensitivity;

  it('has the highest quality', () => {
    expect(bestSensitivity([50, score({ recall: 0.5 })], [90, score()], [70, score({ precision: 0.9 })])).toBe(90);
  });

  it('is the least sensitive among those equal to a hundredth', () => {
    expect(bestSensitivity([60, score()], [40, score({ timePrecision: 0.99 })], [50, score()])).toBe(40);
    expect(bestSensitivity([60, score()], [40, score({ timePrecision: 0.9 })], [50, score()])).toBe(50);
  });

  it('finds nothing over 2 s late if another is equally good', () => {
    expect(bestSensitivity([40, score(late(2_000_001))], [60, score(late(2_000_000))])).toBe(60);
    expect(bestSensitivity([40, score(late(9_000_000))], [60, score({ recall: 0.5 })])).toBe(40);
  });

  it('is the first among equals', () => {
    const [first, second] = [1, 2].map((id) => ({ id, sensitivity: 50, chosenOn: score() }));
    expect(bestOf([first, second].flatMap((one) => one ?? []))).toBe(first);
  });
});

it('rates motion that never ends low, and silence 0', () => {
  const score: Score = {
    ...{ matched: 4, missed: 0, matchedEvents: 1, false: 0, notJudged: 0 },
    ...{ precision: 1, recall: 1, timePrecision: 0.25, timeRecall: 1, delay: null },
  };
  expect(quality(score)).toBe(0.5);
  expect(quality({ ...score, timePrecision: 1 })).toBe(1);
  expect(quality({ ...score, recall: 0 })).toBe(0);
});
