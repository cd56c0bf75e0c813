// Owns: which wall time a recording's own times are mapped to, and when that mapping no longer holds.
// Not here: reading the times (fragment.ts), the clock itself (base/clock.ts).

/** How a recording gets its place in wall time. */
export interface SourceTimeline {
  /** Wall time of the source's time 0 in microseconds; null until enough has arrived to tell. */
  readonly offsetUs: number | null;
  /** Something of source time `untilUs` had arrived completely when the wall clock showed `wallUs`. */
  arrived(untilUs: number, wallUs: number): void;
  /** Whether enough has arrived to fix the mapping well. */
  readonly settled: boolean;
  /** Fixes the mapping on what has arrived; returns it. */
  fix(): number;
  /** The mapping that the arrivals call for now that the old one is off; null while the old one holds. */
  renewed(): number | null;
  /** The mapping to go on with after the wall clock was set forward by `byUs` (back: negative); null when it stays. */
  moved(byUs: number): SourceTimeline | null;
}

/** A mapping known before anything arrives: files, and footage that this process draws. */
export class KnownTimeline implements SourceTimeline {
  readonly offsetUs: number;
  readonly settled = true;
  private readonly isLive: boolean;

  /** `isLive`: the footage is shot as it comes, so it follows the wall clock; else its times never change. */
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

/** A mapping off by more than this is given up: the clock was set, or the camera's clock runs at another speed. */
export const DRIFT_US_MAX = 1_500_000;

/** A wall clock that moves by more than this against the monotonic one, between two arrivals, was set; less is slewing. */
export const STEP_US_MIN = 500_000;

/** Arrivals are listened to this long before the mapping is fixed: the burst is over by then. */
const SETTLE_US = 1_000_000;

/** Lateness must last this long before it counts: a network that stalls delivers late and in a burst, then is on time. */
const LATE_US_MAX = 10_000_000;

/**
 * The mapping of a live source, from when its pictures arrive. What arrives cannot have been shot later; so of all
 * arrivals the least delayed is the best witness. ffmpeg holds back the first seconds while it looks at the stream: they
 * arrive late and in a burst, and must not decide.
 */
export class ArrivalTimeline implements SourceTimeline {
  private fixedUs: number | null;
  /** The least delayed arrival: before the mapping is fixed of all, afterwards of those since lateness began. */
  private leastUs = Number.POSITIVE_INFINITY;
  private lastUs = Number.NaN;
  private firstWallUs: number | null = null;
  private lastWallUs = 0;
  private lateSinceUs: number | null = null;
  private lateForUs = 0;

  /** `offsetUs`: where the mapping is known to begin; null to find it out. */
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
    // Dated into the future: the mapping is surely wrong.
    if (this.lastUs < this.fixedUs - DRIFT_US_MAX) return Math.round(this.lastUs);
    return this.lateForUs >= LATE_US_MAX ? Math.round(this.leastUs) : null;
  }
  moved(byUs: number): SourceTimeline {
    return new ArrivalTimeline(this.fix() + byUs);
  }
}
