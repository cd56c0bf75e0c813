// Dependencies of cutting and checking a clip.
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import type { Segment } from '../camera/segment.ts';

/** When a window is encoded anew: only if it cannot be copied exactly, or always. */
export const CLIP_RECODE = ['when-needed', 'always'] as const;
export type ClipRecode = (typeof CLIP_RECODE)[number];

export interface ClipDecoder {
  ffmpeg: Ffmpeg;
  clock: Clock;
}

export interface ClipDeps extends ClipDecoder {
  /** Segments that touch a window, by start time: `ring.read`. Called several times; must return the same footage each time. */
  segments: (window: Window) => AsyncIterable<Segment>;
  log: Log;
  /** `always`: no frame is copied, for owners who suspect that their camera hides data in its slices. */
  recode: ClipRecode;
  /** Lets the caller abort the work; the grant's own signal aborts it as well. */
  signal?: AbortSignal;
}
