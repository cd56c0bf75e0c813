// Owns: the unit that travels from camera to ring to trim: one closed GOP of video with the audio captured beside it.
// Not here: reading what is inside a fragment (fragment.ts), sealing (base/seal.ts).

/** One recorded GOP. Self-contained: it can be read without any other segment. */
export interface Segment {
  /** The capture run that made it: every start of ffmpeg is a new recording with its own time stamps and init segment. */
  recording: string;
  /** Counts the GOPs of its recording from 0. */
  index: number;
  /** The boot of the device in which it was recorded; wall time can only be compared within one if the clock was untrusted. */
  boot: string;
  /** Whether the wall time was trusted while it was recorded. */
  clockTrusted: boolean;
  /** Wall time of the first video frame, in integer microseconds since 1970. */
  startUs: number;
  /** Wall time at which the last video frame's display ends. */
  endUs: number;
  /** A frame of presentation time p (its track's units) is at wall time `round(p * 1e6 / timescale) + wallOffsetUs`. */
  wallOffsetUs: number;
  /** `ftyp` + `moov`: codec parameters of video and, where there is any, audio. */
  init: Uint8Array;
  /** `moof` + `mdat` of this GOP, as ffmpeg wrote it. */
  fragment: Uint8Array;
}

/** Wall time in microseconds of a presentation time in a track's units: the one place where frames get their wall time. */
export function wallTimeUs(pts: number, timescale: number, wallOffsetUs: number): number {
  return Math.round((pts * 1_000_000) / timescale) + wallOffsetUs;
}
