// The full re-encode of a window, for reordered and unusual streams and for zones to be blacked out. Decodes from the last
// independently decodable frame before the window, so that the window's first frame is complete.

import { failure } from '@doorsill/contract/errors';
import { parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { joinAnnexB } from '@doorsill/contract/media/nal';
import type { Window } from '@doorsill/contract/shared-claims';
import type { CutPermit } from '../consent/live-preview.ts';
import type { ClipDeps } from './clip-deps.ts';
import { ClipTimeline } from './clip-timeline.ts';
import { zonePixels } from './display-rotation.ts';
import { countDecoded, type EncodedFrames, type EncodeTarget, encodeFrames } from './encode-frames.ts';
import type { Clip } from './finished-clip.ts';
import { readRing, ringChanged, stopSignal, widened } from './read-ring.ts';
import type { CutDeps } from './recent-encodings.ts';
import { readFrame } from './strip-frame-to-slices.ts';
import type { SurveyedSegment, SurveyResult } from './survey.ts';

/** Search range before the window for an independently decodable frame, and after it for frames displayed earlier. */
const BEFORE_US = 12_000_000;
const AFTER_US = 5_000_000;

/** Enough for one second of footage on the slowest board. */
const TIMEOUT_MS_PER_S = 30_000;
const TIMEOUT_MS_LEAST = 120_000;

/** Largest keyframe interval in frames, so that players can seek. */
export const GOP_FRAMES = 60;

type SurveyWindow = (live: CutPermit, deps: ClipDeps, window: Window, zeroUs?: number | null) => Promise<SurveyResult>;

/** A survey with its encoded frames. */
export interface Cut {
  method: Clip['method'];
  survey: SurveyResult;
  readWindow: Window;
  encoded: EncodedFrames | null;
}

/** The decoder's input: segments `from` to `to`. */
interface Feed {
  readWindow: Window;
  segments: readonly SurveyedSegment[];
  from: number;
  to: number;
  /** Frames of the last segment, in decoding order. */
  framesOfLast: number;
  frames: number;
  /** Frames displayed before the window's first. */
  skip: number;
}

/** Encodes the whole window. Throws `clip_not_exact` when its first frame cannot be decoded or decoding loses frames. */
export async function recodeWindow(
  live: CutPermit,
  deps: CutDeps,
  first: SurveyResult,
  readWindow: Window,
  surveyWindow: SurveyWindow,
): Promise<Cut> {
  const { window, byteLimit, zones } = live.cut;
  const needsMargin =
    first.obstacles.includes('reordered frames') || first.obstacles.includes('a GOP that does not stand alone');
  const wide = needsMargin ? widened(window, BEFORE_US, AFTER_US) : readWindow;
  const survey = inOrder(needsMargin ? await surveyInOrder(live, deps, wide, surveyWindow) : first);
  const feed = planFeed(survey, wide);
  const signal = stopSignal(live, deps);
  const timeoutMs = TIMEOUT_MS_LEAST + ((window.endUs - window.startUs) / 1e6) * TIMEOUT_MS_PER_S;
  const take = survey.video.ticks.length;
  const more = feed.frames > feed.skip + take;
  const { sps, rotation } = survey.picture;
  const blackOut = zones.map((zone) => zonePixels(zone, rotation, sps.width, sps.height));
  const convert = sps.chromaFormat !== 1 || sps.bitDepthLuma !== 8 || sps.bitDepthChroma !== 8;
  const target: EncodeTarget = { profile: 'high', levelIdc: null, setsId: 0, gopFrames: GOP_FRAMES, convert, blackOut };
  let isCounted = false;
  const what = { skip: feed.skip, take, more, target };
  const encoded = await deps.recent.video.get(
    JSON.stringify([feed.framesOfLast, fedSegments(feed), what]),
    async (onFrame, stop) => {
      if (more && !isCounted) await countFed(live, deps, feed, { timeoutMs, signal: stop });
      isCounted = true;
      return encodeFrames(deps, {
        doing: 'encoding the window',
        source: fedBytes(live, deps, feed),
        ...what,
        timeoutMs,
        bytesMax: byteLimit * 2,
        signal: stop,
        onFrame,
      });
    },
    byteLimit,
    signal,
  );
  if (encoded.facts.sps.width !== sps.width || encoded.facts.sps.height !== sps.height) {
    throw failure('clip_not_exact', { detail: 'the picture changed its size' });
  }
  return { method: 're-encode', survey, readWindow: wide, encoded };
}

/** In a reordered stream the first frame read need not be the first displayed; then surveys again with the right zero. */
async function surveyInOrder(
  live: CutPermit,
  deps: ClipDeps,
  wide: Window,
  surveyWindow: SurveyWindow,
): Promise<SurveyResult> {
  const rough = await surveyWindow(live, deps, wide);
  return rough.earliestUs === rough.timeline.zeroUs ? rough : surveyWindow(live, deps, wide, rough.earliestUs);
}

/** The survey with its frames in display order. Throws `clip_not_exact` when two have the same display time. */
function inOrder(survey: SurveyResult): SurveyResult {
  const { video } = survey;
  const order = video.ticks.map((_, at) => at).sort((a, b) => (video.ticks[a] ?? 0) - (video.ticks[b] ?? 0));
  const base = video.ticks[order[0] ?? 0] ?? 0;
  const ticks = order.map((at) => (video.ticks[at] ?? 0) - base);
  if (ticks.some((value, at) => at > 0 && value === ticks[at - 1])) {
    throw failure('clip_not_exact', { detail: 'two frames have the same time' });
  }
  return {
    ...survey,
    timeline: new ClipTimeline(survey.timeline.timescale, survey.earliestUs),
    video: {
      ticks,
      durations: order.map((at) => video.durations[at] ?? 0),
      sizes: order.map((at) => video.sizes[at] ?? 0),
    },
  };
}

function planFeed(survey: SurveyResult, readWindow: Window): Feed {
  const { segments } = survey;
  const firstInside = segments.findIndex((segment) => segment.framesInside > 0);
  const to = segments.findLastIndex((segment) => segment.framesInside > 0);
  const alone = segments.slice(0, firstInside + 1).findLastIndex((segment) => segment.startsAlone);
  // Without an independently decodable frame (periodic intra refresh), decoding recovers within the first segment.
  const from = Math.max(alone, 0);
  if (alone < 0 && firstInside === 0) {
    throw failure('clip_not_exact', { detail: 'decoding cannot start anywhere before the window' });
  }
  const framesOfLast = (segments[to]?.lastShown ?? 0) + 1;
  const fed = segments.slice(from, to + 1);
  const frames = fed.slice(0, -1).reduce((sum, segment) => sum + segment.frames, 0) + framesOfLast;
  const skip = fed.reduce((sum, segment) => sum + segment.framesBefore, 0);
  return { readWindow, segments, from, to, framesOfLast, frames, skip };
}

/**
 * Counts the decoded frames: when more are decoded than taken, the output alone cannot show that a skipped one was lost. Throws
 * `clip_not_exact`.
 */
async function countFed(
  live: CutPermit,
  deps: ClipDeps,
  feed: Feed,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const decoded = await countDecoded(deps, { source: fedBytes(live, deps, feed), strict: false, ...limits });
  if (decoded !== feed.frames) throw failure('clip_not_exact', { detail: 'frames got lost in decoding' });
}

/** Key of the fed segments: a segment of a recording never changes. */
function fedSegments({ segments, from, to }: Feed): unknown {
  return segments.slice(from, to + 1).map(({ recording, index }) => [recording, index]);
}

/** The fed segments as Annex B, parameter sets before each. */
async function* fedBytes(live: CutPermit, deps: ClipDeps, feed: Feed): AsyncGenerator<Uint8Array> {
  let position = -1;
  for await (const segment of readRing(live, deps, feed.readWindow)) {
    position += 1;
    if (position < feed.from) continue;
    if (position > feed.to) return;
    const surveyed = feed.segments[position];
    const info = parseInit(segment.init);
    const { avc } = info.video;
    if (!avc || surveyed?.recording !== segment.recording || surveyed.index !== segment.index) throw ringChanged();
    const { video } = parseFragment(info, segment.fragment);
    const fed = position === feed.to ? video.slice(0, feed.framesOfLast) : video;
    const frames = fed.map((sample) => readFrame(sample.data, avc.nalLengthSize));
    yield joinAnnexB([...avc.sps, ...avc.pps, ...frames.flatMap((frame) => [...frame.sets, ...frame.slices])]);
  }
}
