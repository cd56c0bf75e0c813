// Owns: what a finished clip is to the rest of the firmware. Not here: how it is cut (trim.ts) and checked (self-check.ts).

import type { Window } from '../protocol/claims.ts';
import type { CUT_METHODS } from '../protocol/manifest.ts';

/** A clip cut exactly to its grant and checked; still on the device, in memory or a private file. */
export interface Clip {
  /** The whole MP4 file. */
  bytes: Uint8Array;
  sha256: string;
  frames: number;
  /** Wall time of the first frame and where the last one's display ends, clamped to the window. */
  coverage: Window;
  /** Spans of the window without footage. */
  gaps: Window[];
  audioPackets: number;
  method: (typeof CUT_METHODS)[number];
  encodedFrames: number;
  redacted: boolean;
}
