// Interfaces of a kind of camera: parsing its name, opening and trying it, its help; and of one run of it.
import type { Writable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import type { Programs } from '@doorsill/base/system-programs';
import type { Failure } from '@doorsill/contract/errors';
import type { CaptureFailurePolicy } from './capture-machine.ts';
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

/** Pipes into ffmpeg, for pictures and sound that come from this process. */
export interface FeedPipes {
  readonly video: Writable;
  readonly audio: Writable;
}

/** The inputs of one ffmpeg run, and how they are handled. */
export interface RunInput {
  readonly inputs: readonly Port[];
  readonly plan: CapturePlan;
  /** Called when the process has started, so that its times begin there. */
  readonly timeline: () => SourceTimeline;
  /** Segments that begin before this wall time are skipped: an earlier run delivered them. */
  readonly skipBeforeUs: number;
  /** Writes into ffmpeg until the source ends or the signal is aborted; null if ffmpeg reads the source itself. */
  readonly feed: ((pipes: FeedPipes, signal: AbortSignal) => Promise<void>) | null;
  /** Releases what was opened for this run besides ffmpeg; called whenever the run is over. */
  readonly release?: () => void;
  /** Shortcomings with which it records all the same: no microphone, a refused control. */
  readonly troubles?: readonly Failure[];
  /** Its times count from before the first picture, whose time is reported as the source's time 0. */
  readonly zeroIsFirstPicture?: boolean;
  /** It is read faster than it was filmed, so there is no live view. */
  readonly isReadFast?: boolean;
  /** Clock of footage that does not follow this process's clock, and is never late; absent: footage is passed on as it arrives. */
  readonly reach?: Reach;
  /** One of the clocks that stamp sound and picture jumps when the wall clock is set; a new run aligns them again. */
  readonly endsWhenClockIsSet?: boolean;
  /** Whether damaged and missing pictures are reported; for live sources they always are. */
  readonly mayBeDamaged?: boolean;
  /** A wired camera's video, for which an encoder preset is chosen by measuring; absent: the fastest preset. */
  readonly picture?: EncodedPicture;
  /** Whether the next run would be different; this one then ends with the current GOP. */
  readonly isOutdated?: () => boolean;
  /** Findings about the packets of a network camera. */
  readonly packets?: PacketFacts;
}

/** Something has started or stopped moving in the scene at this wall time. */
export interface SceneMotion {
  readonly moves: boolean;
  readonly atUs: number;
}

/** Dependencies of a driver. */
export interface DriverContext {
  readonly ffmpeg: Ffmpeg;
  readonly clock: Clock;
  readonly programs: Programs;
  /** Lowers the frame rate when the machine is too slow; absent: never. */
  readonly pace?: FramePace;
  /** Called when a drawn visitor presses the button, with the wall time and number of the frame given to ffmpeg. */
  readonly scenePress?: (atUs: number, frame: number) => void;
  /** For a source that knows itself when something moves, and has no gray frames. */
  readonly sceneMotion?: (motion: SceneMotion) => void;
}

/** One source through all its runs. */
export interface SourceDriver {
  readonly policy: CaptureFailurePolicy;
  /** Live footage cannot wait: a full queue drops it. Other sources wait. */
  readonly live: boolean;
  /** Its content does not change: if a run finds no picture, no other run will. */
  readonly unchanging: boolean;
  /** Prepares the next run. `deliveredUntilUs`: wall time of the last segment's end so far, 0 before the first. */
  open(signal: AbortSignal, deliveredUntilUs: number): Promise<RunInput>;
  /** Takes a run's findings; returns whether the next run will be different. */
  learn(evidence: RunEvidence): boolean;
  /** The failure of a run that should not have ended; null if there is nothing to add to `detail`. */
  explain(detail: string): Failure | null;
  /** Why the run must end after this line of ffmpeg's stderr; null if it may go on. */
  endedBy?(line: string): string | null;
}

/** Result of trying a camera: a description of its video for people, and its shortcomings. */
export interface Tried {
  readonly gives: string;
  readonly troubles: readonly Failure[];
}

/** A camera, parsed from its name. */
export interface CameraSource {
  readonly kind: string;
  /** The name for people, logs and events: never holds credentials. */
  readonly shown: string;
  /** The settings in its name; their form depends on the kind. */
  readonly settings: object;
  open(context: DriverContext): SourceDriver;
  /** Tries it once, without recording. Throws the coded failure that prevents recording, or the signal's reason. */
  tryOnce(context: DriverContext, signal?: AbortSignal): Promise<Tried>;
}

/** One kind of camera, implemented in one file. */
export interface SourceKind<Settings extends { kind: string; shown: string }> {
  /** Its lines of the help: name, description, options. */
  readonly help: string;
  /** Parses a name; null for another kind's. Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`. */
  parse(text: string, defaults: SourceDefaults): Settings | null;
  open(settings: Settings, context: DriverContext): SourceDriver;
  tryOnce(settings: Settings, context: DriverContext, signal: AbortSignal): Promise<Tried>;
}

/** A kind of camera, without the type of its settings. */
export interface CameraKind {
  readonly help: string;
  /** The camera that a text names; null if it is another kind's. Throws like `SourceKind.parse`. */
  name(text: string, defaults: SourceDefaults): CameraSource | null;
}

/** Wraps a kind so that the type of its settings is hidden. */
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
