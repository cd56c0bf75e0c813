// The mapping of a source's times to wall time, and when it must be replaced.

/** Maps a source's times to wall time. */
export interface SourceTimeline {
  /** Wall time of the source's time 0 in microseconds; null while it is unknown. */
  readonly offsetUs: number | null;
  /** Notes that footage up to source time `untilUs` had arrived at wall time `wallUs`. */
  arrived(untilUs: number, wallUs: number): void;
  /** Whether enough footage has arrived to fix the mapping well. */
  readonly settled: boolean;
  /** Fixes the mapping by the arrivals so far; returns its offset. */
  fix(): number;
  /** The new offset if the arrivals show that the mapping is wrong; null while it holds. */
  renewed(): number | null;
  /** The mapping after the wall clock was set forward by `byUs` (back: negative); null if it stays the same. */
  moved(byUs: number): SourceTimeline | null;
}

/** A mapping that is known from the start: for files, and for pictures with known times. */
export class KnownTimeline implements SourceTimeline {
  readonly offsetUs: number;
  readonly settled = true;
  private readonly isLive: boolean;

  /** `isLive`: the footage is filmed now, so its times follow the wall clock; else they never change. */
  constructor(offsetUs: number, isLive = false) {
    this.offsetUs = offsetUs;
    this.isLive = isLive;
  }

  arrived(): void {}

  fix(): number {
    return this.offsetUs;
  }

  renewed(): number | null {
    return null;
  }

  moved(byUs: number): SourceTimeline | null {
    return this.isLive ? new KnownTimeline(this.offsetUs + byUs, true) : null;
  }
}

/** A mapping with a larger error is replaced: the clock was set, or the camera's clock runs at another speed. */
export const DRIFT_US_MAX = 1_500_000;

/** A wall clock that moves by this much against the monotonic one between two arrivals was set; less is slewing. */
export const CLOCK_STEP_US_MIN = 500_000;

/** Arrivals are observed this long before the mapping is fixed: the first burst is over by then. */
const SETTLE_US = 1_000_000;

/** Lateness must last this long before it counts: a stalled network delivers a late burst, and is then on time again. */
const LATE_US_MAX = 10_000_000;

/**
 * The mapping of a live source, from the arrival times of its pictures. A picture cannot arrive before it was taken, so the least
 * delayed arrival gives the best estimate. ffmpeg holds back the first seconds while it analyses the stream; they arrive late and in
 * a burst, and must not decide.
 */
export class ArrivalTimeline implements SourceTimeline {
  private fixedUs: number | null;
  /** Offset of the least delayed arrival: of all until the mapping is fixed, then of those since lateness began. */
  private leastUs = Number.POSITIVE_INFINITY;
  private lastUs = Number.NaN;
  private firstWallUs: number | null = null;
  private lastWallUs = 0;
  private lateSinceUs: number | null = null;
  private lateForUs = 0;

  /** `offsetUs`: the mapping if it is known; null to estimate it. */
  constructor(offsetUs: number | null) {
    this.fixedUs = offsetUs;
  }

  get offsetUs(): number | null {
    return this.fixedUs;
  }

  get settled(): boolean {
    return this.fixedUs !== null || (this.firstWallUs !== null && this.lastWallUs - this.firstWallUs >= SETTLE_US);
  }

  arrived(untilUs: number, wallUs: number): void {
    this.firstWallUs ??= wallUs;
    this.lastWallUs = wallUs;
    this.lastUs = wallUs - untilUs;
    if (this.fixedUs !== null && this.lastUs <= this.fixedUs + DRIFT_US_MAX) {
      this.lateSinceUs = null;
      this.lateForUs = 0;
      this.leastUs = Number.POSITIVE_INFINITY;
      return;
    }
    this.leastUs = Math.min(this.leastUs, this.lastUs);
    if (this.fixedUs === null) return;
    this.lateSinceUs ??= wallUs;
    this.lateForUs = wallUs - this.lateSinceUs;
  }

  fix(): number {
    if (this.fixedUs === null) {
      this.fixedUs = Math.round(this.leastUs);
      this.leastUs = Number.POSITIVE_INFINITY;
    }
    return this.fixedUs;
  }

  renewed(): number | null {
    if (this.fixedUs === null) return null;
    // The pictures would be dated into the future: the mapping is certainly wrong.
    if (this.lastUs < this.fixedUs - DRIFT_US_MAX) return Math.round(this.lastUs);
    return this.lateForUs >= LATE_US_MAX ? Math.round(this.leastUs) : null;
  }
  moved(byUs: number): SourceTimeline {
    return new ArrivalTimeline(this.fix() + byUs);
  }
}
