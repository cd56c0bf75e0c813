// Owns: what a kind of camera is to the rest: how its name is read, how it is opened and tried, its line of help; and what a capture
// needs to know of one, run by run. Not here: the kinds (source-*.ts), which there are (sources.ts), running ffmpeg (capture-run.ts).
import type { Writable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import type { Programs } from '@doorsill/base/system-programs';
import type { Failure } from '@doorsill/contract/errors';
import type { CapturePolicy } from './capture-machine.ts';
import type { EncodedPicture } from './choose-encoder.ts';
import type { CapturePlan } from './ffmpeg-capture-command.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';
import type { Reach } from './footage-in-step.ts';
import type { FramePace } from './frame-pace.ts';
import type { RunEvidence } from './replan-capture.ts';
import type { PacketFacts } from './rtp-watch.ts';
import type { SourceDefaults } from './source-options.ts';
import type { SourceTimeline } from './source-timeline.ts';
import type { Port } from './start-ffmpeg.ts';

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
  readonly timeline: () => SourceTimeline;
  /** Segments that begin before this wall time were delivered by an earlier run. */
  readonly skipBeforeUs: number;
  /** Writes into ffmpeg until the source ends or the signal is aborted; null when ffmpeg reads by itself. */
  readonly feed: ((pipes: FeedPipes, signal: AbortSignal) => Promise<void>) | null;
  /** Ends what was opened for this run beside ffmpeg; called when the run is over, however it ended. */
  readonly release?: () => void;
  /** What is lacking while it records all the same: a microphone, a control. */
  readonly troubles?: readonly Failure[];
  /** Its times count from before its first picture, which is the source's time 0 for people. */
  readonly beginsLate?: boolean;
  /** Read faster than it was shot: there is nothing that one could watch live. */
  readonly isReadFast?: boolean;
  /** Footage of another time than this process's; absent: it comes when it comes. Then nothing of it counts as late. */
  readonly reach?: Reach;
  /** Sound and picture are stamped by clocks of which one jumps when the wall clock is set: a new run puts them together again. */
  readonly endsWhenClockIsSet?: boolean;
  /** Its pictures may come damaged, or not at all, and that is told; of live footage it always is. */
  readonly mayBeDamaged?: boolean;
  /** What a wired camera gives, for which a preset that keeps up is measured; absent: the fastest. */
  readonly picture?: EncodedPicture;
  /** Whether the next run would be another one by now: this one ends with the GOP at hand. */
  readonly isOutdated?: () => boolean;
  /** What the packets tell that it comes in. */
  readonly packets?: PacketFacts;
}

/** Something begins to move before the camera, or has stopped moving, at this wall time. */
export interface SceneMotion {
  readonly moves: boolean;
  readonly atUs: number;
}

/** What a driver may use. */
export interface DriverContext {
  readonly ffmpeg: Ffmpeg;
  readonly clock: Clock;
  readonly programs: Programs;
  /** How many pictures this machine can take; absent: as many as are wished for. */
  readonly pace?: FramePace;
  /** A drawn visitor presses the button: the frame's wall time and number, as it is handed to ffmpeg. */
  readonly scenePress?: (atUs: number, frame: number) => void;
  /** For a camera that knows by itself when something moves, and gives no gray frames in which it could be seen. */
  readonly sceneMotion?: (motion: SceneMotion) => void;
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
  /** Learns from what a run has shown; true when the next run would be another one. */
  learn(evidence: RunEvidence): boolean;
  /** Why a run ended that should have gone on, given `detail`; null when there is nothing to add to it. */
  explain(detail: string): Failure | null;
  /** What a line of ffmpeg's means if the run must not continue after it; null when it may. */
  endedBy?(line: string): string | null;
}

/** What a camera gives, for people, and what it lacks. */
export interface Tried {
  readonly gives: string;
  readonly troubles: readonly Failure[];
}

/** A camera that was named: what it is called, and how it is opened and tried. */
export interface CameraSource {
  readonly kind: string;
  /** The name for people, logs and events: never holds credentials. */
  readonly shown: string;
  /** What its name said, by its kind. */
  readonly settings: object;
  open(context: DriverContext): SourceDriver;
  /** Tries it once, without recording. Throws the coded failure that keeps it from recording, or the signal's reason. */
  tryOnce(context: DriverContext, signal?: AbortSignal): Promise<Tried>;
}

/** One kind of camera, as one file makes it. */
export interface SourceKind<Settings extends { kind: string; shown: string }> {
  /** Its lines of the help: a name, what it is, its options. */
  readonly help: string;
  /** Reads a name; null for one of another kind. Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`. */
  parse(text: string, defaults: SourceDefaults): Settings | null;
  open(settings: Settings, context: DriverContext): SourceDriver;
  tryOnce(settings: Settings, context: DriverContext, signal: AbortSignal): Promise<Tried>;
}

/** A kind of camera among others. */
export interface CameraKind {
  readonly help: string;
  /** The camera that a text names; null when it is another kind's. Throws as `SourceKind.parse`. */
  name(text: string, defaults: SourceDefaults): CameraSource | null;
}

/** Makes a `CameraKind` of a kind. */
export function cameraKind<Settings extends { kind: string; shown: string }>(kind: SourceKind<Settings>): CameraKind {
  return {
    help: kind.help,
    name: (text, defaults) => {
      const settings = kind.parse(text, defaults);
      return (
        settings && {
          kind: settings.kind,
          shown: settings.shown,
          settings,
          open: (context) => kind.open(settings, context),
          tryOnce: (context, signal = new AbortController().signal) => kind.tryOnce(settings, context, signal),
        }
      );
    },
  };
}
