// Ground truth of a part of footage that is played once or several times (truth-file.ts).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playedTruth, type Truth, type TruthSpan } from '../../../sim/truth/truth-file.ts';

const S = 1_000_000;
const span = (fromS: number, toS: number, more: Partial<TruthSpan> = {}): TruthSpan => ({
  ...{ event: 'motion', startUs: fromS * S, endUs: toS * S, optional: false },
  ...more,
});
const truth: Truth = {
  ...{ durationUs: 30 * S, toleranceUs: S / 2, judge: ['motion', 'ring'] },
  spans: [span(2, 8, { label: 'person', camera: 'front' }), span(9, 9, { event: 'ring' }), span(15, 25)],
};
const played = (fromS: number, toS: number, times = 1) =>
  playedTruth(truth, { fromUs: fromS * S, toUs: toS * S, times }).spans.map(({ startUs, endUs, optional }) => [
    startUs / S,
    endUs / S,
    ...(optional ? ['optional'] : []),
  ]);

describe('ground truth of a played part', () => {
  it('is unchanged if everything is played', () => {
    expect(playedTruth(truth, { fromUs: 0, toUs: 30 * S, times: 1 })).toEqual(truth);
  });

  it('begins at the part’s start, and is cut with it', () => {
    expect(played(5, 20)).toEqual([
      [0, 3],
      [4, 4],
      [10, 15],
    ]);
    expect(playedTruth(truth, { fromUs: 5 * S, toUs: 20 * S, times: 1 })).toMatchObject({
      durationUs: 15 * S,
      spans: [{ label: 'person', camera: 'front' }, {}, {}],
    });
  });

  it('makes a span optional of which hardly anything remains', () => {
    expect(played(7.5, 15.5)).toEqual([
      [0, 0.5, 'optional'],
      [1.5, 1.5],
      [7.5, 8, 'optional'],
    ]);
    expect(played(7.4, 9)).toEqual([[0, 0.6]].map(([from, to]) => [from, to]));
    expect(played(8, 15)).toEqual([[1, 1]]);
  });

  it('repeats with each repetition', () => {
    expect(played(0, 10, 3)).toEqual(
      [0, 10, 20].flatMap((at) => [
        [at + 2, at + 8],
        [at + 9, at + 9],
      ]),
    );
    expect(playedTruth(truth, { fromUs: 0, toUs: 10 * S, times: 3 }).durationUs).toBe(30 * S);
  });

  it('keeps the spans inside, sorted, within the played length', () => {
    const second = fc.integer({ min: 0, max: 29 });
    fc.assert(
      fc.property(second, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 5 }), (fromS, lengthS, times) => {
        const part = { fromUs: fromS * S, toUs: (fromS + lengthS) * S, times };
        const { spans, durationUs } = playedTruth(truth, part);
        expect(durationUs).toBe(lengthS * S * times);
        for (const [at, { startUs, endUs }] of spans.entries()) {
          expect(startUs).toBeGreaterThanOrEqual(spans[at - 1]?.endUs ?? 0);
          expect(endUs).toBeGreaterThanOrEqual(startUs);
          expect(endUs).toBeLessThanOrEqual(durationUs);
        }
        const inside = truth.spans.filter(({ startUs, endUs }) => startUs >= part.fromUs && endUs < part.toUs).length;
        expect(spans.length).toBeGreaterThanOrEqual(inside * times);
      }),
    );
  });

  it('refuses an empty part, and zero repetitions', () => {
    expect(() => played(5, 5)).toThrow();
    expect(() => played(0, 5, 0)).toThrow();
    expect(() => played(0, 5, 1.5)).toThrow();
  });
});
