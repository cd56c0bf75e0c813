// Owns: what cutting and checking a clip need from outside. Not here: reading the ring (read-ring.ts), the work itself (trim.ts,
// self-check.ts).
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Ffmpeg } from '../camera/ffmpeg.ts';
import type { Segment } from '../camera/segment.ts';
import type { Window } from '../protocol/claims.ts';

/** When a window is encoded anew: only where it cannot be copied exactly, or each time. */
export const CLIP_RECODE = ['when-needed', 'always'] as const;
export type ClipRecode = (typeof CLIP_RECODE)[number];

/** What the device passes in. */
export interface ClipDeps {
  /** Segments that touch a window, by start time: `ring.read`. Called several times; must give the same footage each time. */
  segments: (window: Window) => AsyncIterable<Segment>;
  ffmpeg: Ffmpeg;
  clock: Clock;
  log: Log;
  /** `always`: no frame is copied, for owners who distrust what their camera may hide in its slices. */
  recode: ClipRecode;
  /** Ends the work from outside; the grant's own signal ends it in any case. */
  signal?: AbortSignal;
}
