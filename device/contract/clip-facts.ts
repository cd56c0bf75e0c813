// Owns: whether what a manifest or a statement says of its clip can be true at all: no more frames than its window can hold, a way to
// cut that goes with what was encoded, coverage and gaps that go together. Pure: whoever reads such a document asks the same.
// Not here: whether the file is as it says (media/clip-times.ts), signatures and grants.
import type { Manifest } from './manifest.ts';
import type { Window } from './shared-claims.ts';

/** What is said of a clip, by its manifest or its statement. */
export type ClipFacts = Pick<
  Manifest,
  'window' | 'frames' | 'coverage' | 'gaps' | 'audioPackets' | 'method' | 'encodedFrames' | 'redacted'
>;

/** What cannot be true, by the code that the bridge refuses it with. `detail` holds nothing but numbers of the clip. */
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

/** No camera that is used here gives more frames in a second; most give 15 to 30. */
export const FRAMES_PER_S_MAX = 240;
/** Packets of 1024 samples at 96 kHz, the highest rate of AAC-LC. */
const AUDIO_PACKETS_PER_S_MAX = 187.5;
/** Two frames further apart than this, beyond what the first is shown, have a gap between them (1.5 frames at 10 fps). */
export const GAP_US = 150_000;

/**
 * The first thing that cannot be true of a clip, or null. `stepUs`: to which times are rounded: 0 in a manifest, STATEMENT_TIME_STEP_US in
 * a statement, whose gaps reach up to a step over frames, and over all frames between two gaps where those are fewer than two steps.
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
  const told = `${method}, ${encodedFrames} of ${frames} frames encoded`;
  // A zone is drawn into pictures: a frame that was not encoded anew shows all of it.
  if (redacted && (method !== 're-encode' || encodedFrames !== frames))
    return { code: 'intake_redaction', detail: told };
  const isTrue = {
    copy: encodedFrames === 0,
    'smart-cut': encodedFrames > 0 && encodedFrames <= frames,
    're-encode': encodedFrames === frames,
  }[method];
  return isTrue ? null : { code: 'intake_method', detail: told };
}

function faultOfSpans({ window, frames, coverage, gaps }: ClipFacts, stepUs: number): FactsFault | null {
  const fault = (detail: string): FactsFault => ({ code: 'intake_gaps', detail });
  let lastEndUs = window.startUs;
  for (const gap of gaps) {
    if (gap.startUs < lastEndUs || gap.endUs > window.endUs) return fault('they overlap, or leave the window');
    lastEndUs = gap.endUs;
  }
  // Rounded gaps may cover frames: what they leave says nothing then.
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

/** How many moments a time holds that are no closer to each other than so many a second allow. */
function mostIn(spanUs: number, perSecond: number): number {
  return Math.floor((spanUs / 1_000_000) * perSecond) + 1;
}
