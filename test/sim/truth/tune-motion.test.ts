import { describe, expect, it } from 'vitest';
import type { Score } from '../../../sim/truth/match-events.ts';
import type { Truth } from '../../../sim/truth/truth-file.ts';
import { type GrayPicture, quality, tuneCandidates, tuneMotion, tuneText } from '../../../sim/truth/tune-motion.ts';
import { drawn, visitorAt } from '../../device/motion/gray.ts';

const S = 1_000_000;
const FPS = 5;
const DURATION_S = 80;

/** Visits at 10-15 s, 30-35 s, 50-55 s, 70-75 s. */
const VISITS_S = [10, 30, 50, 70];
const VISIT_S = 5;
const PASSING_S = [20, 40, 60];

/** Somebody who walks to the right from `left`, during the 5 s after each of `startsS`. */
function walkerOf(startsS: readonly number[], atS: number, left: number): ReturnType<typeof visitorAt> | undefined {
  const since = startsS.map((from) => atS - from).find((passed) => passed >= 0 && passed < VISIT_S);
  return since === undefined ? undefined : visitorAt(left + 8 * since, 30);
}

/** Visitors walk through the left half; between the visits others pass by in the street, in the right one. */
function* porch({ isStreet = true } = {}): Generator<GrayPicture> {
  for (let number = 0; number < DURATION_S * FPS; number += 1) {
    const atS = number / FPS;
    const walk = walkerOf(VISITS_S, atS, 4);
    const passer = isStreet ? walkerOf(PASSING_S, atS, 95) : undefined;
    const pixels = drawn(number, (gray, x, y) => {
      const drawnOver = walk?.(gray, x, y) ?? gray;
      return passer?.(drawnOver, x, y) ?? drawnOver;
    });
    yield { pixels, atUs: number * (S / FPS) };
  }
}

const truth: Truth = {
  durationUs: DURATION_S * S,
  toleranceUs: S / 2,
  judge: ['motion'],
  spans: VISITS_S.map((from) => ({ event: 'motion', startUs: from * S, endUs: (from + VISIT_S) * S, optional: false })),
};
const LEFT = { name: 'left', zones: [{ name: 'path', zone: { left: 0, top: 0, width: 5_500, height: 10_000 } }] };
const ALL = { name: 'everywhere', zones: [] };

describe('tuning', () => {
  it('finds the zone without the street, on one half, and reports it on the other', async () => {
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

  it('takes the less sensitive of those that are as good', async () => {
    const calm = () => porch({ isStreet: false });
    const { best, candidates } = await tuneMotion(calm(), truth, tuneCandidates([60, 50, 40]));
    expect(candidates.map(({ chosenOn }) => chosenOn.recall)).toEqual([1, 1, 1]);
    const top = Math.max(...candidates.map(({ chosenOn }) => Math.round(quality(chosenOn) * 100)));
    const equals = candidates.filter(({ chosenOn }) => Math.round(quality(chosenOn) * 100) === top);
    expect(equals.length).toBeGreaterThan(1);
    expect(best.sensitivity).toBe(Math.min(...equals.map(({ sensitivity }) => sensitivity)));
  });

  it('takes a more sensitive one where the others find things late', async () => {
    /** Each visitor is faint for the first half of the visit. */
    function* dusk(): Generator<GrayPicture> {
      for (let number = 0; number < DURATION_S * FPS; number += 1) {
        const atS = number / FPS;
        const walk = walkerOf(VISITS_S, atS, 4);
        const isFaint = walkerOf(VISITS_S, atS - VISIT_S / 2, 4) === undefined;
        const pixels = drawn(number, (gray, x, y) => {
          const walked = walk?.(gray, x, y) ?? gray;
          return walked !== gray && isFaint ? gray + 32 : walked;
        });
        yield { pixels, atUs: number * (S / FPS) };
      }
    }
    const { best, candidates } = await tuneMotion(dusk(), truth, tuneCandidates([60, 90]));
    expect(candidates.map(({ chosenOn }) => [quality(chosenOn), (chosenOn.delay?.maxUs ?? 0) > 2 * S])).toEqual([
      [1, true],
      [1, false],
    ]);
    expect(best.sensitivity).toBe(90);
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

  it('does not keep a picture: one that is overwritten afterwards changes nothing', async () => {
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

  it('says when nothing confirms the choice', async () => {
    const once = { ...truth, spans: truth.spans.slice(0, 1) };
    const result = await tuneMotion(porch({ isStreet: false }), once, tuneCandidates([50]));
    expect(result).toMatchObject({ isConfirmed: false, best: { heldOut: null } });
    expect(tuneText(result).at(-1)).toMatch(/Not confirmed/);
  });

  it('prints a table with the best marked', async () => {
    const result = await tuneMotion(porch(), truth, tuneCandidates([50], [ALL, LEFT]));
    const lines = tuneText(result);
    expect(lines.filter((line) => line.includes('<- best'))).toEqual([expect.stringMatching(/50 +left/)]);
    expect(lines.at(-1)).toMatch(/On the other half: precision 1\.00, recall 1\.00/);
  });

  it('is refused without pictures, settings or labels of motion', async () => {
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

it('rates motion that never ends low, and silence 0', () => {
  const score: Score = {
    ...{ matched: 4, missed: 0, matchedEvents: 1, false: 0, notJudged: 0 },
    ...{ precision: 1, recall: 1, timePrecision: 0.25, timeRecall: 1, delay: null },
  };
  expect(quality(score)).toBe(0.5);
  expect(quality({ ...score, timePrecision: 1 })).toBe(1);
  expect(quality({ ...score, recall: 0 })).toBe(0);
});
