// Owns: comparing what a replay saw with ground truth: what was found, how late, how much of it, and what was seen that isn't there. Pure.
// Not here: whether that is good enough (verdict.ts); reading ground truth (read-truth.ts).
import { assert } from '@doorsill/contract/assert';
import { type Interval, IntervalSet, type Relation, relate } from './relate-intervals.ts';
import type { Truth, TruthEvent, TruthSpan } from './truth-file.ts';

/** An event of a replay, in microseconds from the footage's first picture; negative before it. */
export interface ReplayedEvent {
  event: TruthEvent;
  startUs: number;
  /** Null: it had not ended when the footage did. Equal to `startUs` for a ring. */
  endUs: number | null;
  /** Undefined: whichever camera. */
  camera?: string;
}

/** What became of a span of the truth. */
export interface SpanVerdict {
  span: TruthSpan;
  /** `optional`: whether it was found counts for nothing. */
  verdict: 'matched' | 'missed' | 'optional';
  /** How many events touch it. */
  events: number;
  /** From the span's start to that of the first event that touches it, negative when that is earlier; null when none does. */
  startLateByUs: number | null;
  /** From the span's end to that of the last one. */
  endLateByUs: number | null;
  /** 0 to 1: how much of the span was motion by the events, too. A ring of no length is covered when it is found. */
  coveredShare: number;
}

/** What became of an event. */
export interface EventVerdict {
  event: ReplayedEvent;
  /** `optional`: it touches optional spans alone; `not-judged`: the truth does not tell of such events. Neither counts. */
  verdict: 'matched' | 'false' | 'optional' | 'not-judged';
}

/** How late spans were found; a span whose event began earlier counts as found at once. */
export interface Delay {
  count: number;
  medianUs: number;
  p90Us: number;
  maxUs: number;
}

export interface Score {
  /** Spans found and not found; optional ones are not counted. */
  matched: number;
  missed: number;
  /** Events that touch a span, and that touch none; those that touch optional spans alone are not counted. */
  matchedEvents: number;
  false: number;
  notJudged: number;
  /** Of the counted events those that touch a span; 1 when there is none. */
  precision: number;
  /** Of the counted spans those that an event touches; 1 when there is none. */
  recall: number;
  /** The same by time: of all events' time that within a span, of all spans' time that within an event, each grown by the tolerance. */
  timePrecision: number;
  timeRecall: number;
  /** Null when no span was found. */
  delay: Delay | null;
}

export interface MatchResult {
  /** In the order of the truth's spans. */
  spans: SpanVerdict[];
  /** In the order in which the events were given. */
  events: EventVerdict[];
  score: Score;
}

/**
 * Compares events with the truth. One rule, the same in both directions: an event and a span of one kind and camera belong together when
 * they are not further apart than the tolerance. So several events may find one span (somebody who stands still), and one event several
 * spans (two visitors); an event that never ends is cut at the footage's end. How much of the time is right is a figure of its own,
 * because motion that never ends touches every span.
 */
export function matchEvents(truth: Truth, events: readonly ReplayedEvent[]): MatchResult {
  const { toleranceUs, judge, durationUs } = truth;
  const seen = events.map((event) => ({ event, interval: intervalOf(event, durationUs) }));
  const judged = seen.map(({ interval }) => interval).filter(({ event }) => judge.includes(event));
  const judgedSet = new IntervalSet(judged);
  const wanted = truth.spans.filter(({ optional }) => !optional);
  const [wantedSet, allSet] = [new IntervalSet(wanted), new IntervalSet(truth.spans)];
  const touches = (interval: Interval, set: IntervalSet) => relate(interval, set, toleranceUs).touching > 0;

  const spans = truth.spans.map((span) => spanVerdict(span, relate(span, judgedSet, toleranceUs)));
  const eventVerdicts = seen.map(({ event, interval }): EventVerdict => {
    if (!judge.includes(event.event)) return { event, verdict: 'not-judged' };
    if (touches(interval, wantedSet)) return { event, verdict: 'matched' };
    return { event, verdict: touches(interval, allSet) ? 'optional' : 'false' };
  });
  const timePrecision = shareNear(judged, allSet, toleranceUs);
  const timeRecall = shareNear(wanted, judgedSet, toleranceUs);
  return { spans, events: eventVerdicts, score: { ...counted(spans, eventVerdicts), timePrecision, timeRecall } };
}

/** An event as a stretch of time. One that didn't end lasts until the footage does. */
function intervalOf({ event, startUs, endUs, camera }: ReplayedEvent, durationUs: number): Interval {
  const endsUs = endUs ?? Math.max(startUs, durationUs);
  assert(Number.isFinite(startUs) && Number.isFinite(endsUs) && startUs <= endsUs, 'an event ends after it starts');
  return { event, startUs, endUs: endsUs, ...(camera === undefined ? {} : { camera }) };
}

function spanVerdict(span: TruthSpan, relation: Relation): SpanVerdict {
  const { touching: events, firstStartUs, lastEndUs, coveredUs } = relation;
  const lengthUs = span.endUs - span.startUs;
  const isFound = events > 0;
  return {
    span,
    verdict: span.optional ? 'optional' : isFound ? 'matched' : 'missed',
    events,
    startLateByUs: isFound ? firstStartUs - span.startUs : null,
    endLateByUs: isFound ? lastEndUs - span.endUs : null,
    coveredShare: lengthUs > 0 ? coveredUs / lengthUs : Number(isFound),
  };
}

/** How much of the intervals' time lies within the others, grown by the tolerance; 1 when they take no time. */
function shareNear(intervals: readonly Interval[], others: IntervalSet, toleranceUs: number): number {
  const lengthUs = intervals.reduce((sum, { startUs, endUs }) => sum + endUs - startUs, 0);
  const nearUs = intervals.reduce((sum, one) => sum + relate(one, others, toleranceUs).nearUs, 0);
  return lengthUs === 0 ? 1 : nearUs / lengthUs;
}

function counted(
  spans: readonly SpanVerdict[],
  events: readonly EventVerdict[],
): Omit<Score, 'timePrecision' | 'timeRecall'> {
  const spansThat = (verdict: SpanVerdict['verdict']) => spans.filter((one) => one.verdict === verdict);
  const eventsThat = (verdict: EventVerdict['verdict']) => events.filter((one) => one.verdict === verdict).length;
  const [found, missed] = [spansThat('matched'), spansThat('missed').length];
  const [matchedEvents, wrong] = [eventsThat('matched'), eventsThat('false')];
  return {
    matched: found.length,
    missed,
    matchedEvents,
    false: wrong,
    notJudged: eventsThat('not-judged'),
    precision: shareOf(matchedEvents, wrong),
    recall: shareOf(found.length, missed),
    delay: delayOf(found.map(({ startLateByUs }) => Math.max(0, startLateByUs ?? 0))),
  };
}

function shareOf(right: number, wrong: number): number {
  return right + wrong === 0 ? 1 : right / (right + wrong);
}

/** Median and 90th percentile by nearest rank: each is a delay that occurred. */
function delayOf(delaysUs: readonly number[]): Delay | null {
  const sorted = delaysUs.toSorted((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0 ? null : { count: sorted.length, medianUs: rank(0.5), p90Us: rank(0.9), maxUs: rank(1) };
}
