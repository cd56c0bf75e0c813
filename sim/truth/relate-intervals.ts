// How an interval relates to others: which touch it, and how much of it they cover; symmetric in truth and events.
import type { TruthEvent } from './truth-file.ts';

/** A span of time, or a moment. Only intervals of the same kind, and of possibly the same camera, relate to each other. */
export interface Interval {
  event: TruthEvent;
  startUs: number;
  endUs: number;
  /** Undefined: any camera. */
  camera?: string;
}

/** How others relate to one interval. */
export interface Relation {
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
export class IntervalSet {
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
export function relate(one: Interval, others: IntervalSet, toleranceUs: number): Relation {
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
