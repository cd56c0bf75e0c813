// Owns: what of a window the footage covers: where it ends, and the gaps, which are named and never bridged.
// Not here: which frames there are (survey.ts).
import type { Window } from '../protocol/claims.ts';
import { failure } from '../protocol/errors.ts';
import { GAP_US } from '../ring/ring.ts';
import type { SurveyResult } from './survey.ts';

/** What a clip says of its footage. `lastDuration` is in ticks: the last frame's, cut off at the window's end. */
export interface Coverage {
  coverage: Window;
  gaps: Window[];
  lastDuration: number;
}

/** As many as a manifest can name. */
const GAPS_MAX = 1_000;

/** Works out coverage and gaps of a window from its frames in order. Throws `clip_not_exact` for too many gaps. */
export function coverageOf(window: Window, survey: SurveyResult): Coverage {
  const { timeline, video } = survey;
  const startUs = timeline.wallUs(video.ticks[0] ?? 0);
  const gaps: Window[] = [];
  const note = (fromUs: number, toUs: number) => {
    if (toUs - fromUs > GAP_US) gaps.push({ startUs: fromUs, endUs: toUs });
    if (gaps.length > GAPS_MAX) throw failure('clip_not_exact', { detail: `more than ${GAPS_MAX} gaps` });
  };
  note(Math.max(window.startUs, survey.shownBeforeUs ?? 0), startUs);
  const last = video.ticks.length - 1;
  for (let at = 0; at < last; at += 1) {
    const shownUntil = (video.ticks[at] ?? 0) + (video.durations[at] ?? 0);
    note(timeline.wallUs(shownUntil), timeline.wallUs(video.ticks[at + 1] ?? 0));
  }
  const lastTicks = video.ticks[last] ?? 0;
  const roomTicks = Math.floor(((window.endUs - timeline.wallUs(lastTicks)) / 1e6) * timeline.timescale);
  const lastDuration = Math.max(1, Math.min(lastShown(survey), roomTicks));
  // A frame that starts less than a tick before the end still needs a tick; the window is the word that counts.
  const endUs = Math.min(window.endUs, timeline.wallUs(lastTicks + lastDuration));
  note(endUs, window.endUs);
  return { coverage: { startUs, endUs }, gaps, lastDuration };
}

/** How long the last frame would be shown; where its encoder does not say, as long as the one before, or 1/25 s. */
function lastShown({ video, timeline }: SurveyResult): number {
  const own = video.durations.at(-1) ?? 0;
  const before = (video.ticks.at(-1) ?? 0) - (video.ticks.at(-2) ?? 0);
  return own || before || Math.round(timeline.timescale / 25);
}
