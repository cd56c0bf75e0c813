// The unit that travels from camera to ring to clip.

/** One closed GOP of video with the audio captured beside it. It can be read without any other segment. */
export interface Segment {
  /** The recording it belongs to: every start of ffmpeg begins a new one, with its own timestamps and init segment. */
  recording: string;
  /** Number of the GOP in its recording, from 0. */
  index: number;
  /** The device's boot. While the clock is untrusted, wall times are comparable only within one boot. */
  boot: string;
  /** Whether the wall time was trusted while it was recorded. */
  clockTrusted: boolean;
  /** Wall time of the first video frame, in integer microseconds since 1970. */
  startUs: number;
  /** Wall time at which the last video frame's display ends. */
  endUs: number;
  /** A frame of presentation time p (its track's units) is at wall time `round(p * 1e6 / timescale) + wallOffsetUs`. */
  wallOffsetUs: number;
  /** `ftyp` + `moov`: codec parameters of video and, if there is any, audio. */
  init: Uint8Array;
  /** `moof` + `mdat` of this GOP, as ffmpeg wrote it. */
  fragment: Uint8Array;
}

/** Wall time in microseconds of a presentation time in a track's units. All wall times of frames are computed here. */
export function wallTimeUs(pts: number, timescale: number, wallOffsetUs: number): number {
  return Math.round((pts * 1_000_000) / timescale) + wallOffsetUs;
}
