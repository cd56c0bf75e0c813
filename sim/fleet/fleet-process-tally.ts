// Counts of one process of a fleet: plain numbers that can be sent and added to those of others.

/** Steps are milliseconds up to here, and seconds from here on. */
const FINE_MS = 2_000;
const COARSE_STEPS = 600;

/** Counts of latencies by their length. Merging two is exact. */
export class LatencyHistogram {
  /** Counts by step, sparse. */
  readonly steps: Map<number, number>;

  constructor(steps: Iterable<readonly [number, number]> = []) {
    this.steps = new Map(steps);
  }

  /** A negative latency counts as 0. */
  add(ms: number): void {
    const whole = Math.max(0, Math.floor(ms));
    const coarse = Math.min(COARSE_STEPS - 1, Math.floor((whole - FINE_MS) / 1_000));
    const step = whole < FINE_MS ? whole : FINE_MS + coarse;
    this.steps.set(step, (this.steps.get(step) ?? 0) + 1);
  }

  merge(other: LatencyHistogram): void {
    for (const [step, count] of other.steps) this.steps.set(step, (this.steps.get(step) ?? 0) + count);
  }

  get count(): number {
    return [...this.steps.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The latency in milliseconds, rounded up, that this share (0 to 1) of all did not exceed; null if nothing was counted. */
  quantile(share: number): number | null {
    const { count } = this;
    if (count === 0) return null;
    const wanted = Math.max(1, Math.ceil(share * count));
    let seen = 0;
    for (const [step, many] of [...this.steps].sort(([a], [b]) => a - b)) {
      seen += many;
      if (seen >= wanted) return step < FINE_MS ? step + 1 : FINE_MS + (step - FINE_MS + 1) * 1_000;
    }
    return null;
  }
}

/** Counts since the start. */
export interface FleetCounts {
  /** Doorbells that are counted. */
  doorbells: number;
  /** Doorbells that run now. */
  up: number;
  /** Doorbells that cannot run, for good. */
  failed: number;
  /** Starts that failed and are tried again. */
  retries: number;
  reboots: number;
  absences: number;
  events: number;
  presses: number;
  motions: number;
  /** Requests that owners have verified. */
  requests: number;
  grants: number;
  denials: number;
  /** Grants that were revoked. */
  revocations: number;
  /** Clips between their grant and the bridge's receipt. */
  clipsUnderWay: number;
  /** Clips that the bridge has. */
  clipsStored: number;
  clipsFailed: number;
  /** Orders that doorbells refused, and orders without an answer. */
  refusals: number;
  unanswered: number;
  /** Messages that owners could not verify. */
  unbelieved: number;
  /** Seconds of footage that were due, that are sealed in a ring, and that are lost. */
  segmentsDue: number;
  segmentsStored: number;
  segmentsLost: number;
}

export const NO_COUNTS: Readonly<FleetCounts> = {
  doorbells: 0,
  up: 0,
  failed: 0,
  retries: 0,
  reboots: 0,
  absences: 0,
  events: 0,
  presses: 0,
  motions: 0,
  requests: 0,
  grants: 0,
  denials: 0,
  revocations: 0,
  clipsUnderWay: 0,
  clipsStored: 0,
  clipsFailed: 0,
  refusals: 0,
  unanswered: 0,
  unbelieved: 0,
  segmentsDue: 0,
  segmentsStored: 0,
  segmentsLost: 0,
};

/** Adds counts to others, number by number. */
export function addCounts(to: FleetCounts, more: Readonly<FleetCounts>): void {
  for (const name of Object.keys(NO_COUNTS) as (keyof FleetCounts)[]) to[name] += more[name];
}

/** The counts of one process of a fleet. */
export class FleetTally {
  readonly counts: FleetCounts = { ...NO_COUNTS };
  /** From filmed to sealed in the ring, for each second of footage since `takeRecent`. */
  private recent = new LatencyHistogram();
  /** From an owner's grant until the bridge has the clip. */
  readonly delivered = new LatencyHistogram();
  /** How often each code occurred: refusals, failed clips, failed starts. */
  readonly codes = new Map<string, number>();

  /** Counts a second of footage that was sealed in a ring `lateMs` after it was filmed. */
  stored(lateMs: number): void {
    this.counts.segmentsStored += 1;
    this.recent.add(lateMs);
  }

  /** The latencies since the last call. */
  takeRecent(): LatencyHistogram {
    const { recent } = this;
    this.recent = new LatencyHistogram();
    return recent;
  }

  code(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }
}
