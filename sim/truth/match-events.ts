// Compares a replay's events with ground truth: found, late, missed and false ones.

import { assert } from '@doorsill/contract/assert';
import type { Truth, TruthEvent, TruthSpan } from './truth-file.ts';

/** A replay's event, in microseconds since the footage's first picture; negative before it. */
export interface ReplayedEvent {
  event: TruthEvent;
  startUs: number;
  /** Null: it had not ended when the footage did. Equal to `startUs` for a ring. */
  endUs: number | null;
  /** Undefined if it may be of each camera. */
  camera?: string;
}

/** The verdict on a span of the truth. */
export interface SpanVerdict {
  span: TruthSpan;
  /** `optional`: not counted, found or not. */
  verdict: 'matched' | 'missed' | 'optional';
  /** How many events touch it. */
  events: number;
  /** From the span's start to the first touching event's start, negative if that is earlier; null without one. */
  startLateByUs: number | null;
  /** From the span's end to that of the last touching event. */
  endLateByUs: number | null;
  /** Share of the span, 0 to 1, during which events report motion, too. A ring without length is covered if it is found. */
  coveredShare: number;
}

/** The verdict on an event. */
export interface EventVerdict {
  event: ReplayedEvent;
  /** `optional`: it touches only optional spans; `not-judged`: the truth does not label such events. Neither counts. */
  verdict: 'matched' | 'false' | 'optional' | 'not-judged';
}

/** How late spans were found; one whose event began earlier counts as found at once. */
export interface Delay {
  count: number;
  medianUs: number;
  p90Us: number;
  maxUs: number;
}

export interface Score {
  /** Spans found and not found, without optional ones. */
  matched: number;
  missed: number;
  /** Events that touch a span which is not optional. */
  matchedEvents: number;
  /** Events that touch no span, not even an optional one. */
  false: number;
  notJudged: number;
  /** Share of the counted events that touch a span; 1 if there are none. */
  precision: number;
  /** Share of the counted spans that an event touches; 1 if there are none. */
  recall: number;
  /** Precision by duration: the share of the events' time that lies within spans, when these are grown by the tolerance. */
  timePrecision: number;
  /** Recall by duration: the share of the time of spans that are not optional within events, when these are grown by the tolerance. */
  timeRecall: number;
  /** Null if no span was found. */
  delay: Delay | null;
}

export interface MatchResult {
  /** In the order of the truth's spans. */
  spans: SpanVerdict[];
  /** In the given order of events. */
  events: EventVerdict[];
  score: Score;
}

/**
 * Compares events with the truth. The rule is symmetric: an event and a span of one kind and camera match if they are not further apart
 * than the tolerance. So several events may match one span (somebody stands still), and one event several spans (two visitors); an event
 * without an end is cut at the footage's end. Correct duration is a separate figure, because motion that never ends touches every span.
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

/** An event as an interval. One without an end lasts until the footage's. */
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

/** The share of the intervals' time that lies within the others, grown by the tolerance; 1 if they have no length. */
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

/** Median and 90th percentile by nearest rank, so that each is a delay that occurred. */
function delayOf(delaysUs: readonly number[]): Delay | null {
  const sorted = delaysUs.toSorted((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0 ? null : { count: sorted.length, medianUs: rank(0.5), p90Us: rank(0.9), maxUs: rank(1) };
}

/** A span of time, or a moment. Only intervals of the same kind, and of possibly the same camera, relate to each other. */
interface Interval {
  event: TruthEvent;
  startUs: number;
  endUs: number;
  /** Undefined if it may be of each camera. */
  camera?: string;
}

/** How others relate to one interval. */
interface Relation {
  /** How many are no further away than the tolerance. */
  touching: number;
  /** Of these the first start and the last end; 0 without any. */
  firstStartUs: number;
  lastEndUs: number;
  /** How much of the interval they cover, each moment counted once. */
  coveredUs: number;
  /** The same with each of them grown by the tolerance at both ends. */
  nearUs: number;
}

/** Intervals that can be searched by time. */
class IntervalSet {
  private readonly sorted: readonly Interval[];
  /** For each interval the latest end so far: it never decreases, so it can be searched. */
  private readonly latestEnds: readonly number[];

  constructor(intervals: readonly Interval[]) {
    this.sorted = intervals.toSorted((a, b) => a.startUs - b.startUs);
    let latest = Number.NEGATIVE_INFINITY;
    this.latestEnds = this.sorted.map(({ endUs }) => {
      latest = Math.max(latest, endUs);
      return latest;
    });
  }

  /** Those that share a moment with `fromUs` to `toUs`, both included, by start. */
  *between(fromUs: number, toUs: number): Generator<Interval> {
    let low = 0;
    for (let high = this.sorted.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.latestEnds[middle] ?? 0) < fromUs) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < this.sorted.length; at += 1) {
      const interval = this.sorted[at];
      if (!interval || interval.startUs > toUs) return;
      if (interval.endUs >= fromUs) yield interval;
    }
  }
}

/** Relates `others` to `one`; they touch if at most `toleranceUs` apart. */
function relate(one: Interval, others: IntervalSet, toleranceUs: number): Relation {
  const relation: Relation = { touching: 0, firstStartUs: 0, lastEndUs: 0, coveredUs: 0, nearUs: 0 };
  let [coveredToUs, nearToUs] = [one.startUs, one.startUs];
  for (const other of others.between(one.startUs - toleranceUs, one.endUs + toleranceUs)) {
    if (other.event !== one.event || !mayBeSame(one.camera, other.camera)) continue;
    relation.firstStartUs = relation.touching === 0 ? other.startUs : relation.firstStartUs;
    relation.lastEndUs = relation.touching === 0 ? other.endUs : Math.max(relation.lastEndUs, other.endUs);
    relation.touching += 1;
    const coverUs = Math.min(other.endUs, one.endUs);
    relation.coveredUs += Math.max(0, coverUs - Math.max(other.startUs, coveredToUs));
    coveredToUs = Math.max(coveredToUs, coverUs);
    const nearUs = Math.min(other.endUs + toleranceUs, one.endUs);
    relation.nearUs += Math.max(0, nearUs - Math.max(other.startUs - toleranceUs, nearToUs));
    nearToUs = Math.max(nearToUs, nearUs);
  }
  return relation;
}

function mayBeSame(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}
