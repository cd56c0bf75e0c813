import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchEvents, type ReplayedEvent } from '../../../sim/truth/match-events.ts';
import type { Truth, TruthSpan } from '../../../sim/truth/truth-file.ts';

const S = 1_000_000;

const span = (fromS: number, toS: number, more: Partial<TruthSpan> = {}): TruthSpan => ({
  event: 'motion',
  startUs: fromS * S,
  endUs: toS * S,
  optional: false,
  ...more,
});
const event = (fromS: number, toS: number | null, more: Partial<ReplayedEvent> = {}): ReplayedEvent => ({
  event: 'motion',
  startUs: fromS * S,
  endUs: toS === null ? null : toS * S,
  ...more,
});
const truth = (spans: TruthSpan[], more: Partial<Truth> = {}): Truth => ({
  durationUs: 100 * S,
  toleranceUs: S / 2,
  judge: ['motion', 'ring'],
  spans,
  ...more,
});

describe('one visitor', () => {
  it('is found late, covered in part', () => {
    const { spans, events, score } = matchEvents(truth([span(10, 20)]), [event(11.5, 22)]);
    expect(spans[0]).toMatchObject({
      verdict: 'matched',
      events: 1,
      startLateByUs: 1.5 * S,
      endLateByUs: 2 * S,
      coveredShare: 0.85,
    });
    expect(events[0]?.verdict).toBe('matched');
    expect(score).toMatchObject({
      matched: 1,
      missed: 0,
      matchedEvents: 1,
      false: 0,
      precision: 1,
      recall: 1,
      timeRecall: 0.9,
    });
    expect(score.timePrecision).toBeCloseTo(9 / 10.5);
    expect(score.delay).toEqual({ count: 1, medianUs: 1.5 * S, p90Us: 1.5 * S, maxUs: 1.5 * S });
  });

  it('is found by several events while standing still, each moment covered once', () => {
    const { spans, score } = matchEvents(truth([span(10, 20)]), [event(16, 18), event(9.8, 12), event(11, 13)]);
    expect(spans[0]).toMatchObject({ events: 3, startLateByUs: -0.2 * S, endLateByUs: -2 * S, coveredShare: 0.5 });
    expect(score).toMatchObject({ matched: 1, matchedEvents: 3, delay: { maxUs: 0 } });
  });

  it('is found by an event within the tolerance, not by one a microsecond further', () => {
    const one = truth([span(10, 20)]);
    const near = { ...event(8, 9.5) };
    expect(matchEvents(one, [near]).score).toMatchObject({ matched: 1, false: 0 });
    expect(matchEvents(one, [{ ...near, endUs: 9.5 * S - 1 }]).score).toMatchObject({
      missed: 1,
      false: 1,
      precision: 0,
      recall: 0,
    });
    expect(matchEvents(one, [event(20.5, 21)]).score).toMatchObject({ matched: 1 });
    expect(matchEvents(one, [{ ...event(20.5, 21), startUs: 20.5 * S + 1 }]).score).toMatchObject({ missed: 1 });
    expect(matchEvents(one, [near]).spans[0]?.coveredShare).toBe(0);
  });
});

describe('one event', () => {
  it('finds two visitors', () => {
    const { score, spans } = matchEvents(truth([span(10, 12), span(14, 16)]), [event(11, 15)]);
    expect(score).toMatchObject({ matched: 2, matchedEvents: 1, precision: 1, recall: 1 });
    expect(spans.map(({ startLateByUs }) => startLateByUs)).toEqual([1 * S, -3 * S]);
    expect(score.delay).toMatchObject({ count: 2, medianUs: 0, maxUs: S });
  });

  it('that never ends is cut at the footage’s end, and shows in the share of time that is right', () => {
    const { score, spans } = matchEvents(truth([span(10, 20)]), [event(-3, null)]);
    expect(score).toMatchObject({ precision: 1, recall: 1, timeRecall: 1, delay: { maxUs: 0 } });
    expect(score.timePrecision).toBeCloseTo(11 / 103);
    expect(spans[0]).toMatchObject({ startLateByUs: -13 * S, endLateByUs: 80 * S, coveredShare: 1 });
  });

  it('that begins before or after the footage is not moved', () => {
    expect(matchEvents(truth([]), [event(-5, -2), event(120, null)]).score).toMatchObject({ false: 2, precision: 0 });
    expect(matchEvents(truth([span(0, 2)]), [event(-5, 1)]).score).toMatchObject({ matched: 1, false: 0 });
  });

  it('that ends before it begins is a bug', () => {
    expect(() => matchEvents(truth([]), [event(5, 4)])).toThrow();
    expect(() => matchEvents(truth([]), [event(Number.NaN, 4)])).toThrow();
  });
});

describe('what counts', () => {
  it('is every event in footage without spans, where no event is correct', () => {
    expect(matchEvents(truth([]), [event(3, 4)]).score).toMatchObject({
      false: 1,
      precision: 0,
      recall: 1,
      timePrecision: 0,
    });
    expect(matchEvents(truth([]), []).score).toEqual({
      ...{ matched: 0, missed: 0, matchedEvents: 0, false: 0, notJudged: 0 },
      ...{ precision: 1, recall: 1, timePrecision: 1, timeRecall: 1, delay: null },
    });
  });

  it('is no optional span, whether found or not', () => {
    const leaf = truth([span(10, 20), span(40, 50, { optional: true })]);
    const found = matchEvents(leaf, [event(10, 20), event(41, 49)]);
    expect(found.spans.map(({ verdict }) => verdict)).toEqual(['matched', 'optional']);
    expect(found.events.map(({ verdict }) => verdict)).toEqual(['matched', 'optional']);
    expect(found.score).toMatchObject({ matched: 1, missed: 0, matchedEvents: 1, false: 0, timePrecision: 1 });
    expect(matchEvents(leaf, [event(10, 20)]).score).toMatchObject({ missed: 0, precision: 1, recall: 1 });
    expect(matchEvents(leaf, [event(19, 45)]).events[0]?.verdict).toBe('matched');
  });

  it('is no event of an unlabelled kind', () => {
    const { events, score } = matchEvents(truth([], { judge: ['motion'] }), [event(9, 9, { event: 'ring' })]);
    expect(events[0]?.verdict).toBe('not-judged');
    expect(score).toMatchObject({ notJudged: 1, false: 0, precision: 1 });
  });

  it('is no time of an unlabelled kind', () => {
    const rings = truth([{ ...span(15, 15), event: 'ring' }], { judge: ['ring'] });
    expect(matchEvents(rings, [event(3, 8), event(15, 15, { event: 'ring' })]).score).toMatchObject({
      ...{ precision: 1, recall: 1, timePrecision: 1, notJudged: 1 },
    });
  });

  it('is each kind separately: a ring does not find a visitor', () => {
    const both = truth([span(10, 20), { ...span(15, 15), event: 'ring' }]);
    const { spans } = matchEvents(both, [event(15.2, 15.2, { event: 'ring' })]);
    expect(spans.map(({ verdict, coveredShare }) => [verdict, coveredShare])).toEqual([
      ['missed', 0],
      ['matched', 1],
    ]);
  });

  it('is each camera separately, if both are named', () => {
    const front = truth([span(10, 20, { camera: 'front' })]);
    expect(matchEvents(front, [event(10, 20, { camera: 'gate' })]).score).toMatchObject({ missed: 1, false: 1 });
    expect(matchEvents(front, [event(10, 20, { camera: 'front' })]).score).toMatchObject({ matched: 1 });
    expect(matchEvents(front, [event(10, 20)]).score).toMatchObject({ matched: 1 });
  });

  it('is a delay that occurred: median and p90 by nearest rank', () => {
    const ten = Array.from({ length: 10 }, (_, at) => at);
    const spans = ten.map((at) => span(at * 10, at * 10 + 5));
    const events = ten.map((at) => event(at * 10 + at / 10, at * 10 + 5));
    expect(matchEvents(truth(spans), events).score.delay).toEqual({
      count: 10,
      medianUs: 0.4 * S,
      p90Us: 0.8 * S,
      maxUs: 0.9 * S,
    });
  });
});

describe('the rule', () => {
  const kind = fc.constantFrom<'motion' | 'ring'>('motion', 'ring');
  const camera = fc.constantFrom(undefined, 'front', 'gate');
  const interval = fc
    .record({
      event: kind,
      fromUs: fc.integer({ min: -5 * S, max: 60 * S }),
      lengthUs: fc.integer({ min: 0, max: 8 * S }),
      camera,
    })
    .map(({ event: happens, fromUs, lengthUs, camera: by }) => ({
      event: happens,
      startUs: fromUs,
      endUs: fromUs + (happens === 'ring' ? 0 : lengthUs),
      ...(by ? { camera: by } : {}),
    }));
  const intervals = fc.array(interval, { maxLength: 25 });
  const asSpans = (all: typeof interval extends fc.Arbitrary<infer T> ? T[] : never): TruthSpan[] =>
    all.map((one) => ({ ...one, optional: false })).sort((a, b) => a.startUs - b.startUs);

  it('gives every span and event exactly one verdict, and counts each once', () => {
    fc.assert(
      fc.property(intervals, intervals, fc.array(fc.boolean(), { minLength: 25 }), (spans, events, optional) => {
        const wanted = asSpans(spans).map((one, at) => ({ ...one, optional: optional[at] === true }));
        const result = matchEvents(truth(wanted), events);
        expect(result.spans.map(({ span: of }) => of)).toEqual(wanted);
        expect(result.events.map(({ event: of }) => of)).toEqual(events);
        const { matched, missed, matchedEvents, false: wrong } = result.score;
        expect(matched + missed).toBe(wanted.filter((one) => !one.optional).length);
        expect(matchedEvents + wrong).toBe(result.events.filter(({ verdict }) => verdict !== 'optional').length);
        for (const { coveredShare, startLateByUs, events: count } of result.spans) {
          expect(coveredShare).toBeGreaterThanOrEqual(0);
          expect(coveredShare).toBeLessThanOrEqual(1);
          expect(startLateByUs === null).toBe(count === 0);
        }
      }),
    );
  });

  it('agrees with comparing each event with each span', () => {
    fc.assert(
      fc.property(intervals, intervals, (spans, events) => {
        const wanted = asSpans(spans);
        const { spans: verdicts } = matchEvents(truth(wanted), events);
        const byHand = wanted.map(
          (one) =>
            events.filter(
              (other) =>
                other.event === one.event &&
                (!other.camera || !one.camera || other.camera === one.camera) &&
                other.startUs <= one.endUs + S / 2 &&
                one.startUs <= other.endUs + S / 2,
            ).length,
        );
        expect(verdicts.map(({ events: count }) => count)).toEqual(byHand);
      }),
    );
  });

  it('swaps precision and recall when truth and events are swapped', () => {
    fc.assert(
      fc.property(intervals, intervals, (spans, events) => {
        const there = matchEvents(truth(asSpans(spans)), events).score;
        const back = matchEvents(truth(asSpans(events)), spans).score;
        expect([back.precision, back.recall, back.timePrecision, back.timeRecall]).toEqual([
          there.recall,
          there.precision,
          there.timeRecall,
          there.timePrecision,
        ]);
      }),
    );
  });

  it('is invariant to shifting all times and to the order of events', () => {
    fc.assert(
      fc.property(intervals, intervals, fc.integer({ min: -50 * S, max: 50 * S }), (spans, events, byUs) => {
        const shift = <T extends { startUs: number; endUs: number }>(one: T): T => ({
          ...one,
          startUs: one.startUs + byUs,
          endUs: one.endUs + byUs,
        });
        const before = matchEvents(truth(asSpans(spans)), events);
        const after = matchEvents(truth(asSpans(spans).map(shift)), events.map(shift).reverse());
        expect(after.score).toEqual(before.score);
        expect(after.spans.map(({ span: _, ...verdict }) => verdict)).toEqual(
          before.spans.map(({ span: _, ...verdict }) => verdict),
        );
      }),
    );
  });

  it('handles 10,000 spans and 100,000 events quickly', () => {
    const spans = Array.from({ length: 10_000 }, (_, at) => span(at * 10, at * 10 + 5));
    const events = Array.from({ length: 100_000 }, (_, at) => event(at, at + 0.5));
    const { score } = matchEvents(truth(spans, { durationUs: 100_000 * S }), events);
    expect(score).toMatchObject({ matched: 10_000, matchedEvents: 69_999 });
  });
});
