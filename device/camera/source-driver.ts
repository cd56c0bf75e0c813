// Owns: what a capture needs to know of any kind of source, run by run. One file each implements it: source-file.ts,
// source-rtsp.ts, source-synthetic.ts. Not here: running ffmpeg (capture-run.ts), states (capture-machine.ts).
import type { Writable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { Port } from './capture-command.ts';
import type { CapturePolicy } from './capture-machine.ts';
import type { CapturePlan } from './capture-plan.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import type { RunEvidence } from './replan.ts';
import type { Timeline } from './timeline.ts';

/** The pipes of a run that takes its pictures and sound from this process. */
export interface FeedPipes {
  readonly video: Writable;
  readonly audio: Writable;
}

/** What one run of ffmpeg reads and how. */
export interface RunInput {
  readonly inputs: readonly Port[];
  readonly plan: CapturePlan;
  /** Made when the process has started, so that its times begin there. */
  readonly timeline: () => Timeline;
  /** Segments that begin before this wall time were delivered by an earlier run. */
  readonly skipBeforeUs: number;
  /** Writes into ffmpeg until the source ends or the signal is aborted; null when ffmpeg reads by itself. */
  readonly feed: ((pipes: FeedPipes, signal: AbortSignal) => Promise<void>) | null;
}

/** What a driver may use. */
export interface DriverContext {
  readonly ffmpeg: Ffmpeg;
  readonly clock: Clock;
}

/** One source through all its runs. */
export interface SourceDriver {
  readonly policy: CapturePolicy;
  /** Live footage cannot wait: a full queue drops. Other sources are made to wait. */
  readonly live: boolean;
  /** What it holds does not change: a run that finds no picture in it will never find one. */
  readonly unchanging: boolean;
  /** Prepares the next run. `deliveredUntilUs`: wall time of the last segment's end so far, 0 before the first. */
  open(signal: AbortSignal, deliveredUntilUs: number): Promise<RunInput>;
  /** Takes what a run has shown; true when the next run would be another one. */
  learn(evidence: RunEvidence): boolean;
}
