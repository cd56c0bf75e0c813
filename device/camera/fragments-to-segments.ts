// Turns the fragments of one ffmpeg run into segments: adds recording, number, wall time, boot and trust in the clock.
import type { Clock } from '@doorsill/base/clock';
import { freshId, type Random } from '@doorsill/base/random';
import type { InitInfo, Sample } from '@doorsill/contract/media/fragment';
import { type Segment, wallTimeUs } from './segment.ts';
import { ArrivalTimeline, CLOCK_STEP_US_MIN, type SourceTimeline } from './source-timeline.ts';

/** Sources of the fields that all segments of this boot share. */
export interface RecordingContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly boot: string;
  clockTrusted(): boolean;
}

/** A recording's id, and the wall time of its source's time 0. */
export interface RecordingPlace {
  readonly recording: string;
  readonly sourceStartUs: number;
}

/** Duration of a last frame that has none: 25 fps. */
const FRAME_US_DEFAULT = 40_000;

/** One recording, or several in a row when the mapping to wall time is replaced. */
export class Recording {
  private readonly context: RecordingContext;
  private readonly init: InitInfo;
  private readonly initBytes: Uint8Array;
  private timeline: SourceTimeline;
  private id: string;
  private index = 0;
  /** Wall time of monotonic time 0, as of the last fragment. */
  private bootWallUs: number;
  /** By how much the clock was set while the next fragment was filmed. */
  private stepUs = 0;
  /** Fragments that have arrived and are not segments yet, and how many of them were filmed before the clock was set. */
  private waiting = 0;
  private doubtful = 0;

  /**
   * `timeline` may get arrivals from elsewhere, too. `bootWallUs`: wall time of monotonic time 0 when the timeline was made; the clock
   * may have been set since.
   */
  constructor(
    context: RecordingContext,
    timeline: SourceTimeline,
    { init, initBytes, bootWallUs }: { init: InitInfo; initBytes: Uint8Array; bootWallUs: number },
  ) {
    this.context = context;
    this.bootWallUs = bootWallUs;
    this.timeline = timeline;
    this.init = init;
    this.initBytes = initBytes;
    this.id = freshId(context.random, 'recording');
  }

  /** Notes that a fragment has arrived; returns whether the mapping to wall time is precise enough to call `next`. */
  arrived(video: readonly [Sample, ...Sample[]]): boolean {
    const { timescale } = this.init.video;
    this.waiting += 1;
    this.noteStep();
    this.timeline.arrived((endOf(video, timescale) * 1_000_000) / timescale, this.context.clock.wallUs());
    return this.timeline.settled;
  }

  private noteStep(): void {
    const bootWallUs = bootWallUsOf(this.context.clock);
    const stepUs = bootWallUs - this.bootWallUs;
    this.bootWallUs = bootWallUs;
    if (Math.abs(stepUs) < CLOCK_STEP_US_MIN) return;
    if (this.timeline.offsetUs !== null) {
      this.stepUs += stepUs;
      return;
    }
    // Earlier arrivals no longer date the recording.
    this.timeline = new ArrivalTimeline(null);
    this.doubtful = this.waiting;
  }

  /** Makes the next segment; `place` is set when it is the first of a recording. `video`: the fragment's frames, at least one. */
  next(
    fragment: Uint8Array,
    video: readonly [Sample, ...Sample[]],
  ): { segment: Segment; place: RecordingPlace | null } {
    const { timescale } = this.init.video;
    const endPts = endOf(video, timescale);
    const renewedUs = this.stepUs === 0 ? this.timeline.renewed() : null;
    if (renewedUs !== null) this.remap(new ArrivalTimeline(renewedUs));
    const wallOffsetUs = this.timeline.fix();
    const segment = {
      recording: this.id,
      index: this.index,
      boot: this.context.boot,
      // If the clock was set while the segment was filmed, no mapping is right for all its frames.
      clockTrusted: this.stepUs === 0 && this.doubtful === 0 && this.context.clockTrusted(),
      startUs: wallTimeUs(video[0].pts, timescale, wallOffsetUs),
      endUs: wallTimeUs(endPts, timescale, wallOffsetUs),
      wallOffsetUs,
      init: this.initBytes,
      fragment,
    };
    this.index += 1;
    const place = segment.index === 0 ? { recording: this.id, sourceStartUs: wallOffsetUs } : null;
    const moved = this.stepUs === 0 ? null : this.timeline.moved(this.stepUs);
    this.stepUs = 0;
    this.waiting -= 1;
    this.doubtful = Math.max(0, this.doubtful - 1);
    if (moved) this.remap(moved);
    return { segment, place };
  }

  private remap(timeline: SourceTimeline): void {
    this.timeline = timeline;
    this.id = freshId(this.context.random, 'recording');
    this.index = 0;
  }

  /** The current mapping. */
  get mapping(): SourceTimeline {
    return this.timeline;
  }
}

/** Wall time of monotonic time 0: it changes when the wall clock is set. */
export function bootWallUsOf(clock: Clock): number {
  return clock.wallUs() - Math.round(clock.monotonicMs() * 1000);
}

/** Where the display of a GOP's last frame ends, in track units. */
export function endOf(video: readonly [Sample, ...Sample[]], timescale: number): number {
  const last = video.at(-1) ?? video[0];
  const before = video.at(-2);
  const guess =
    before && before.duration > 0 ? before.duration : Math.round((FRAME_US_DEFAULT * timescale) / 1_000_000);
  return last.pts + (last.duration > 0 ? last.duration : guess);
}
