// Whether the times in a clip's file agree with its manifest or statement: frames within the coverage, none in a gap, no sound beyond the
// window.
import { type ClipFacts, type FactsFault, GAP_US } from '../clip-facts.ts';
import { type FileAudio, type FileTables, type FileTrack, type FileVideo, MOVIE_TIMESCALE } from './clip-file-check.ts';

/** Both ends of an interval are rounded to microseconds of wall time. */
const ROUNDING_US = 2;
/** How far the display of a clip's only frame may exceed its coverage: the file does not tell the length of a frame. */
const FRAME_US_MAX = 10_000_000;

/**
 * The first contradiction between a clip's file and its facts, or null. Call `faultOfFacts` first. `stepUs`: the step that the facts' times
 * are rounded to. The last frame may be shown until the end of coverage, or less than a frame longer.
 */
export function faultOfTimes({ video, audio }: FileTables, facts: ClipFacts, stepUs: number): FactsFault | null {
  return (
    faultOfCoverage(video, facts, stepUs) ??
    faultOfGaps(video, facts, stepUs) ??
    (audio && faultOfSound(audio, video, facts))
  );
}

function faultOfCoverage(video: FileVideo, { coverage }: ClipFacts, stepUs: number): FactsFault | null {
  const coveredUs = coverage.endUs - coverage.startUs;
  const lastUs = microseconds(video.times.at(-1) ?? 0, video);
  const endUs = lastUs + microseconds(video.lastDuration, video);
  const toleranceUs = tickUs(video) + ROUNDING_US;
  const beyondUs = video.times.length > 1 ? microseconds(longestFrame(video), video) : FRAME_US_MAX;
  const comparison = `they end after ${Math.round(endUs)} µs, its coverage after ${coveredUs}`;
  if (lastUs > coveredUs + toleranceUs || endUs > coveredUs + beyondUs + toleranceUs)
    return { code: 'intake_duration', detail: `its frames go on for too long: ${comparison}` };
  if (endUs + 2 * stepUs + toleranceUs < coveredUs)
    return { code: 'intake_coverage', detail: `its frames are fewer than that: ${comparison}` };
  return null;
}

/** Ticks of the longest frame, leaving out the last. */
function longestFrame({ times }: FileVideo): number {
  let longest = 0;
  for (let at = 1; at < times.length; at += 1) longest = Math.max(longest, (times[at] ?? 0) - (times[at - 1] ?? 0));
  return longest;
}

/** No frame lies in a gap. In a rounded gap frames in a row may last less than two steps, as if they lay between two merged gaps. */
function faultOfGaps(video: FileVideo, { coverage, gaps }: ClipFacts, stepUs: number): FactsFault | null {
  const toleranceUs = tickUs(video) + ROUNDING_US;
  let at = 0;
  for (const gap of gaps) {
    // A frame's wall time is the start of coverage plus its own time, or up to a step later.
    const fromUs = gap.startUs + stepUs - coverage.startUs + toleranceUs;
    const toUs = gap.endUs - 2 * stepUs - coverage.startUs - toleranceUs;
    const frameUs = () => microseconds(video.times[at] ?? Number.POSITIVE_INFINITY, video);
    while (frameUs() < fromUs) at += 1;
    let [runUs, beforeUs] = [frameUs(), frameUs()];
    for (; frameUs() < toUs; at += 1) {
      if (frameUs() - beforeUs > GAP_US) runUs = frameUs();
      beforeUs = frameUs();
      if (beforeUs - runUs >= 2 * stepUs) return { code: 'intake_gaps', detail: `frame ${at} lies in one` };
    }
  }
  return null;
}

function faultOfSound(audio: FileAudio, video: FileVideo, { window, coverage }: ClipFacts): FactsFault | null {
  const delayUs = (audio.delay / MOVIE_TIMESCALE) * 1_000_000;
  const endUs = delayUs + microseconds((audio.times.at(-1) ?? 0) + audio.lastDuration, audio);
  const toleranceUs = tickUs(audio) + tickUs(video) + tickUs({ timescale: MOVIE_TIMESCALE }) + ROUNDING_US;
  if (endUs <= window.endUs - coverage.startUs + toleranceUs) return null;
  return { code: 'intake_duration', detail: `its sound goes on for ${Math.round(endUs)} µs, beyond its window` };
}

function microseconds(ticks: number, { timescale }: Pick<FileTrack, 'timescale'>): number {
  return (ticks / timescale) * 1_000_000;
}

function tickUs(track: Pick<FileTrack, 'timescale'>): number {
  return microseconds(1, track);
}
