// A clip's own timeline: maps times of each recording to ticks after the clip's zero; and the sample table of one track.
import { type Segment, wallTimeUs } from '../camera/segment.ts';

/** The clock of a segment's timestamps: timestamps of two segments are comparable only if all fields are equal. */
export type TimeBase = Pick<Segment, 'recording' | 'wallOffsetUs'>;

/**
 * Maps presentation times to ticks after the clip's zero. Within one recording intervals stay exact; the first frame of the
 * next recording is placed by wall time.
 */
export class ClipTimeline {
  /** Ticks in a second. */
  readonly timescale: number;
  /** Wall time of tick 0 in microseconds. */
  readonly zeroUs: number;
  private base: { of: TimeBase; timescale: number; pts: number; ticks: number } | null = null;

  constructor(timescale: number, zeroUs: number) {
    this.timescale = timescale;
    this.zeroUs = zeroUs;
  }

  /** Ticks of presentation time `pts`, in units of `timescale`. */
  at(of: TimeBase, timescale: number, pts: number): number {
    let base = this.base;
    const known =
      base?.of.recording === of.recording && base.of.wallOffsetUs === of.wallOffsetUs && base.timescale === timescale;
    if (!base || !known) {
      const afterUs = wallTimeUs(pts, timescale, of.wallOffsetUs) - this.zeroUs;
      base = { of, timescale, pts, ticks: Math.round((afterUs / 1e6) * this.timescale) };
      this.base = base;
    }
    return base.ticks + this.rescale(pts - base.pts, timescale);
  }

  /** Converts a duration in units of `timescale` to ticks. */
  rescale(span: number, timescale: number): number {
    return timescale === this.timescale ? span : Math.round((span / timescale) * this.timescale);
  }

  /** Wall time of a tick in microseconds. */
  wallUs(ticks: number): number {
    return this.zeroUs + Math.round((ticks / this.timescale) * 1e6);
  }
}

/** The samples of one track in the order of the file. Plain number arrays: an hour at 30 frames a second is 108,000. */
export interface TrackTable {
  /** Start of each sample in ticks after the clip's zero, increasing. */
  ticks: number[];
  /** Each sample's own duration in ticks. */
  durations: number[];
  sizes: number[];
}

export function emptyTable(): TrackTable {
  return { ticks: [], durations: [], sizes: [] };
}

/**
 * Duration of a clip's last frame: the most common duration of the others, the shortest of several such; 1/25 s for a single frame.
 * Its own duration up to the window's end would reveal to the microsecond when the frame was taken, and so the phase of the camera's
 * clock, which would link two clips of one home.
 */
export function nominalDuration(ticks: readonly number[], timescale: number): number {
  const counts = new Map<number, number>();
  for (let at = 1; at < ticks.length; at += 1) {
    const duration = (ticks[at] ?? 0) - (ticks[at - 1] ?? 0);
    counts.set(duration, (counts.get(duration) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([a, timesA], [b, timesB]) => timesB - timesA || a - b);
  return most?.[0] ?? Math.max(1, Math.round(timescale / 25));
}
