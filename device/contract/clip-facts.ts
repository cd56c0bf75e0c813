// Whether what a manifest or statement says of its clip can be true at all. Whether the file agrees with it: media/clip-times.ts.
import type { Manifest } from './manifest.ts';
import type { Window } from './shared-claims.ts';

/** The facts that a manifest or statement gives about its clip. */
export type ClipFacts = Pick<
  Manifest,
  'window' | 'frames' | 'coverage' | 'gaps' | 'audioPackets' | 'method' | 'encodedFrames' | 'redacted'
>;

/** A contradiction, with the code by which the bridge refuses the clip. `detail` holds only numbers of the clip. */
export interface FactsFault {
  code:
    | 'intake_frame_count'
    | 'intake_duration'
    | 'intake_method'
    | 'intake_redaction'
    | 'intake_coverage'
    | 'intake_gaps';
  detail: string;
}

/** Above every supported camera; most give 15 to 30 frames a second. */
const FRAMES_PER_S_MAX = 240;
/** Packets of 1024 samples at 96 kHz, the highest rate of AAC-LC. */
const AUDIO_PACKETS_PER_S_MAX = 187.5;
/** A longer pause after the end of a frame's display is a gap (1.5 frames at 10 fps). */
export const GAP_US = 150_000;

/**
 * The first contradiction in a clip's facts, or null. `stepUs`: the step that times are rounded to: 0 in a manifest, STATEMENT_TIME_STEP_US
 * in a statement. A rounded gap reaches up to one step over frames, and two of them over all frames between, if those last under two steps.
 */
export function faultOfFacts(facts: ClipFacts, stepUs: number): FactsFault | null {
  return faultOfCounts(facts) ?? faultOfMethod(facts) ?? faultOfSpans(facts, stepUs);
}

function faultOfCounts({ window, frames, coverage, audioPackets }: ClipFacts): FactsFault | null {
  const most = mostIn(lengthOf(window), FRAMES_PER_S_MAX);
  if (frames > most) return { code: 'intake_frame_count', detail: `${frames} frames in a window for ${most}` };
  const mostPackets = mostIn(lengthOf(window), AUDIO_PACKETS_PER_S_MAX);
  if (audioPackets > mostPackets)
    return {
      code: 'intake_frame_count',
      detail: `${audioPackets} packets of sound in a window for ${mostPackets}`,
    };
  const covered = mostIn(lengthOf(coverage), FRAMES_PER_S_MAX);
  if (frames > covered) return { code: 'intake_coverage', detail: `${frames} frames in ${lengthOf(coverage)} µs` };
  return null;
}

function faultOfMethod({ frames, method, encodedFrames, redacted }: ClipFacts): FactsFault | null {
  const detail = `${method}, ${encodedFrames} of ${frames} frames encoded`;
  // A zone is drawn into pictures: a frame that was not encoded anew shows all of it.
  if (redacted && (method !== 're-encode' || encodedFrames !== frames)) return { code: 'intake_redaction', detail };
  const isTrue = {
    copy: encodedFrames === 0,
    'smart-cut': encodedFrames > 0 && encodedFrames <= frames,
    're-encode': encodedFrames === frames,
  }[method];
  return isTrue ? null : { code: 'intake_method', detail };
}

function faultOfSpans({ window, frames, coverage, gaps }: ClipFacts, stepUs: number): FactsFault | null {
  const fault = (detail: string): FactsFault => ({ code: 'intake_gaps', detail });
  let lastEndUs = window.startUs;
  for (const gap of gaps) {
    if (gap.startUs < lastEndUs || gap.endUs > window.endUs) return fault('they overlap, or leave the window');
    lastEndUs = gap.endUs;
  }
  // Rounded gaps may cover frames, so the time that they leave proves nothing.
  if (stepUs > 0) return null;
  const overFirst = gaps.some((gap) => gap.startUs <= coverage.startUs && gap.endUs > coverage.startUs);
  const overLast = gaps.some((gap) => gap.startUs < coverage.endUs && gap.endUs >= coverage.endUs);
  if (overFirst || overLast) return fault('one lies where the clip begins or ends');
  const gapUs = gaps.reduce((sum, gap) => sum + lengthOf(gap), 0);
  const most = mostIn(lengthOf(window) - gapUs, FRAMES_PER_S_MAX) + gaps.length;
  return frames > most ? fault(`they leave time for ${most} of ${frames} frames`) : null;
}

function lengthOf({ startUs, endUs }: Window): number {
  return endUs - startUs;
}

/** The most samples in a span at a rate of at most `perSecond`. */
function mostIn(spanUs: number, perSecond: number): number {
  return Math.floor((spanUs / 1_000_000) * perSecond) + 1;
}
