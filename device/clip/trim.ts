// The exact cut: surveys the window's footage, chooses how to cut it, and plans a clip that is streamed from the ring.

import { assert } from '@doorsill/contract/assert';
import { failure } from '@doorsill/contract/errors';
import { PACKET_SAMPLES } from '@doorsill/contract/media/aac';
import { parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import type { Window } from '@doorsill/contract/shared-claims';
import { assertCutPermit, type CutPermit } from '../consent/live-preview.ts';
import { GAP_US } from '../ring/ring-interface.ts';
import type { UsedSets } from './active-parameter-sets.ts';
import { chunksOf, clipBody } from './clip-byte-stream.ts';
import type { ClipDeps } from './clip-deps.ts';
import { nominalDuration } from './clip-timeline.ts';
import type { EncodedSamples } from './encoded-sample-buffer.ts';
import type { Clip } from './finished-clip.ts';
import { layOut, type VideoTrack } from './mp4-layout.ts';
import { assertMayContinue, readRing, ringChanged, stopSignal, widened } from './read-ring.ts';
import type { CutDeps } from './recent-encodings.ts';
import { clipSoundOf, encodeSound, type SoundPacket } from './recode-sound.ts';
import { type Cut, GOP_FRAMES, recodeWindow } from './recode-window.ts';
import { HeadEncoding } from './smart-cut-head.ts';
import { Survey, type SurveyResult } from './survey.ts';

/** Largest distance of sound from its picture in the ring: twice the capture's `-max_interleave_delta`. */
const AUDIO_MARGIN_US = 1_000_000;

/**
 * Cuts the window of a live grant out of the ring, exact to the frame. Frames are copied bit for bit, with two exceptions: if the
 * window starts inside a GOP, the rest of that GOP is encoded again; if the stream is reordered or unusual, zones are to be blacked
 * out, or the setting `recode` says so, all frames are. Sound is always encoded anew. `parts` streams the clip from the ring.
 *
 * Throws `grant_dead`, `clip_no_frames`, `clip_not_exact`, `clip_over_limit`, `clip_stream_changed`,
 * `consent_window_ambiguous`, `fragment_malformed`, `ffmpeg_failed`, or the reason of `deps.signal`.
 */
export async function trim(live: CutPermit, deps: CutDeps): Promise<Clip> {
  assertCutPermit(live);
  const { byteLimit } = live.cut;
  const readWindow = footageWindow(live);
  const heading = new HeadEncoding(live, deps);
  const cut = await cutWindow(live, deps, readWindow, heading).finally(() => heading.stop());
  const sound = await soundOf(live, deps, cut);
  assertMayContinue(live, deps);
  const clip = planClip(live, deps, cut, sound);
  if (clip.sizeBytes > byteLimit)
    throw failure('clip_over_limit', { detail: `${clip.sizeBytes} bytes, ${byteLimit} granted` });
  return clip;
}

/** The window of the ring's footage that a clip is cut from. */
export function footageWindow({ cut: { window, audio } }: CutPermit): Window {
  return audio ? widened(window, AUDIO_MARGIN_US, AUDIO_MARGIN_US) : window;
}

async function cutWindow(live: CutPermit, deps: CutDeps, readWindow: Window, heading: HeadEncoding): Promise<Cut> {
  const zoned = live.cut.zones.length > 0;
  const isAllEncoded = zoned || deps.recode === 'always';
  const survey = await surveyWindow(live, deps, readWindow, null, (soFar) => {
    if (!isAllEncoded) heading.begin(soFar);
  });
  if (isAllEncoded || survey.obstacles.length > 0) {
    const why = survey.obstacles.join(', ') || (zoned ? 'zones' : 'the setting clip.recode');
    deps.log.info('the footage of a clip is encoded anew instead of copied', { why });
    await heading.stop();
    return recodeWindow(live, deps, survey, readWindow, surveyWindow);
  }
  const encoded = await heading.finish(survey);
  return { method: encoded ? 'smart-cut' : 'copy', survey, readWindow, encoded };
}

async function surveyWindow(
  live: CutPermit,
  deps: ClipDeps,
  readWindow: Window,
  zeroUs: number | null = null,
  seen: (soFar: Survey) => void = () => undefined,
): Promise<SurveyResult> {
  const { window, audio } = live.cut;
  const survey = new Survey(window, audio, zeroUs);
  for await (const segment of readRing(live, deps, readWindow)) {
    survey.add(segment);
    seen(survey);
  }
  return survey.finish();
}

/** Maximum time to decode and encode sound: its own duration, on the slowest board, plus start-up. */
const SOUND_TIMEOUT_MS_LEAST = 120_000;

/** Encodes the clip's sound; null if it has none. */
async function soundOf(live: CutPermit, deps: CutDeps, cut: Cut): Promise<EncodedSamples<void> | null> {
  const { window, byteLimit } = live.cut;
  const { audio } = cut.survey;
  if (!audio) return null;
  const timeoutMs = SOUND_TIMEOUT_MS_LEAST + (window.endUs - window.startUs) / 1_000;
  const packets = cut.survey.segments.map(({ recording, index, packets }) => [recording, index, packets]);
  const encoded = await deps.recent.sound.get(
    JSON.stringify([Buffer.from(audio.source.config).toString('hex'), packets]),
    (onSample, signal) =>
      encodeSound(deps, { source: audio.source, packets: soundPackets(live, deps, cut), timeoutMs, signal }, onSample),
    byteLimit,
    stopSignal(live, deps),
  );
  if (encoded.sizes.length !== audio.ticks.length)
    throw failure('clip_not_exact', { detail: 'sound packets are missing' });
  return encoded;
}

/** The packets that the survey chose, from the ring. */
async function* soundPackets(live: CutPermit, deps: ClipDeps, cut: Cut): AsyncGenerator<SoundPacket> {
  const { segments } = cut.survey;
  let next = 0;
  for await (const segment of readRing(live, deps, cut.readWindow)) {
    const surveyed = segments[next];
    if (!surveyed) return;
    next += 1;
    if (surveyed.packets.length === 0) continue;
    const { audio } = parseFragment(parseInit(segment.init), segment.fragment);
    for (const { position, follows } of surveyed.packets) {
      const packet = audio[position];
      if (!packet || surveyed.index !== segment.index || surveyed.recording !== segment.recording) throw ringChanged();
      yield { data: packet.data, follows };
    }
  }
}

function planClip(live: CutPermit, deps: ClipDeps, cut: Cut, sound: EncodedSamples<void> | null): Clip {
  const { window, zones } = live.cut;
  const { survey, encoded } = cut;
  const { coverage, gaps, lastDuration } = coverageOf(window, survey);
  const video = videoTrack(cut, lastDuration);
  const audio =
    survey.audio && sound
      ? {
          sound: clipSoundOf(survey.audio.source),
          ticks: survey.audio.ticks,
          sizes: sound.sizes,
          lastDuration: PACKET_SAMPLES,
        }
      : null;
  const { segments } = survey;
  const soundTimes = audio && { ticks: audio.ticks, timescale: audio.sound.sampleRate };
  const chunks = chunksOf(runsOf(cut), video, soundTimes);
  const { header, sizeBytes } = layOut(video, audio, chunks);
  const plan = { header, sizeBytes, chunks, segments, readWindow: cut.readWindow, encoded, sound };
  return {
    sizeBytes,
    parts: () => clipBody(live, deps, plan),
    frames: video.ticks.length,
    coverage,
    gaps,
    audioPackets: audio?.ticks.length ?? 0,
    method: cut.method,
    encodedFrames: encoded?.sizes.length ?? 0,
    redacted: zones.length > 0,
  };
}

/** Runs of consecutive frames in the file: the ring's GOPs if frames are copied, whose keyframes show them anyway; else of equal length. */
function runsOf({ method, survey }: Cut): number[] {
  if (method !== 're-encode')
    return survey.segments.map(({ framesInside }) => framesInside).filter((frames) => frames > 0);
  const frames = survey.video.ticks.length;
  const runs = Math.ceil(frames / GOP_FRAMES);
  return Array.from({ length: runs }, (_, at) => Math.min(GOP_FRAMES, frames - at * GOP_FRAMES));
}

function videoTrack({ survey, encoded, method }: Cut, lastDuration: number): VideoTrack {
  const { video, timeline, used, picture } = survey;
  const copiedSets = method === 're-encode' ? { sps: [], pps: [] } : setsOf(used);
  const sets = encoded?.facts;
  const count = encoded?.sizes.length ?? 0;
  assert(method !== 're-encode' || count === video.ticks.length, 'a full re-encode leaves no frame to copy');
  return {
    timescale: timeline.timescale,
    ticks: video.ticks,
    sizes: [...(encoded?.sizes ?? []), ...video.sizes.slice(count)],
    lastDuration,
    keys: [...(encoded?.keys ?? []), ...survey.keys.filter((key) => key >= count)],
    sps: sets ? [sets.sps, ...copiedSets.sps] : copiedSets.sps,
    pps: sets ? [sets.pps.bytes, ...copiedSets.pps] : copiedSets.pps,
    rotation: picture.rotation,
  };
}

function setsOf(used: UsedSets) {
  return { sps: [...used.sps.values()], pps: [...used.pps.values()].map((pps) => pps.bytes) };
}

/** Statements about a clip's footage. `lastDuration` is the file's duration of its last frame, in ticks. */
export interface Coverage {
  coverage: Window;
  gaps: Window[];
  lastDuration: number;
}

/** Maximum number of gaps that a manifest can list. */
const GAPS_MAX = 1_000;

/** Computes coverage and gaps of a window from its frames in order. Throws `clip_not_exact` for too many gaps. */
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
  const lastDuration = nominalDuration(video.ticks, timeline.timescale);
  const endUs = Math.min(window.endUs, timeline.wallUs(lastTicks + lastDuration));
  note(endUs, window.endUs);
  return { coverage: { startUs, endUs }, gaps, lastDuration };
}
