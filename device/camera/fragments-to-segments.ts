// Owns: turning the fragments of one run of ffmpeg into segments: number, wall time, boot, trust in the clock.
// Not here: running ffmpeg (capture-run.ts), where the segments go (segment-queue.ts).
import type { Clock } from '@doorsill/base/clock';
import { freshId, type Random } from '@doorsill/base/random';
import type { InitInfo, Sample } from '@doorsill/contract/media/fragment';
import { type Segment, wallTimeUs } from './segment.ts';
import { ArrivalTimeline, type SourceTimeline, STEP_US_MIN } from './source-timeline.ts';

/** What every segment of this boot carries. */
export interface RecordingContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly boot: string;
  clockTrusted(): boolean;
}

/** Where a recording lies: its id and the wall time of its source's time 0. */
export interface RecordingPlace {
  readonly recording: string;
  readonly sourceStartUs: number;
}

/** Assumed when an encoder does not say how long its last frame is shown: 25 fps. */
const FRAME_US_DEFAULT = 40_000;

/** One recording, or several in a row when the mapping to wall time has to be given up in between. */
export class Recording {
  private readonly context: RecordingContext;
  private readonly init: InitInfo;
  private readonly initBytes: Uint8Array;
  private timeline: SourceTimeline;
  private id: string;
  private index = 0;
  /** Wall time of monotonic time 0, as of the last fragment. */
  private bootWallUs: number;
  /** The clock was set while the next fragment was shot, by this much. */
  private stepUs = 0;
  /** Fragments that have arrived and have no place yet, and how many of the first of them were shot before the clock was set. */
  private waiting = 0;
  private doubtful = 0;

  /**
   * `timeline` is the run's: others may tell it of arrivals too. `bootWallUs`: wall time of monotonic time 0 when the timeline was
   * made; the clock may have been set since.
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

  /** Takes note that a fragment has arrived; returns whether its place in wall time can be told well yet. */
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
    if (Math.abs(stepUs) < STEP_US_MIN) return;
    if (this.timeline.offsetUs !== null) {
      this.stepUs += stepUs;
      return;
    }
    // What has arrived no longer tells where the recording begins.
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
      // Some of its frames were shot before the clock was set and some after: no mapping is right for all.
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

  /** The mapping as it stands. */
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
