// Owns: the exact cut: looks at the window's footage, chooses how to cut it, and plans a clip that streams.
// Not here: writing MP4 (mp4-file.ts), encoding (encode.ts), the check before a clip may leave (self-check.ts).
import { assert } from '../base/assert.ts';
import { assertLiveGrant, type LiveGrant } from '../consent/live-grant.ts';
import type { Window } from '../protocol/claims.ts';
import { failure } from '../protocol/errors.ts';
import type { Clip } from './clip.ts';
import { chunksOf, clipBody } from './clip-body.ts';
import { assertGoingOn, type ClipDeps, readRing, stopSignal, widened } from './clip-deps.ts';
import { coverageOf } from './coverage.ts';
import { encodeFrames } from './encode.ts';
import { encodeOnce } from './encoded-frames.ts';
import { layOut, type VideoTrack } from './mp4-file.ts';
import { joinAnnexB } from './nal.ts';
import { type Cut, recodeWindow } from './recode.ts';
import type { UsedSets } from './sets.ts';
import { type Head, type Picture, Survey, type SurveyResult } from './survey.ts';

/** Audio lies up to this far from its video in the ring: what the capture's `-max_interleave_delta` allows, doubled. */
const AUDIO_MARGIN_US = 1_000_000;

/** One GOP, however slow the machine. The owner waits for it: what a slower preset saves in less than a GOP is nothing. */
const HEAD_TIMEOUT_MS = 120_000;

/**
 * Cuts the window of a live grant out of the ring, to the frame: everything in it, nothing else. Frames are copied bit for
 * bit; only where the window starts inside a GOP are that GOP's remaining frames encoded again, and all of them only where
 * the stream is reordered or unusual or zones are to be blacked out. The clip streams from the ring when `parts` is read.
 *
 * Throws `grant_dead`, `clip_no_frames`, `clip_not_exact`, `clip_over_limit`, `clip_stream_changed`,
 * `consent_window_ambiguous`, `fragment_malformed`, `ffmpeg_failed`, or the reason of `deps.signal`.
 */
export async function trim(live: LiveGrant, deps: ClipDeps): Promise<Clip> {
  assertLiveGrant(live);
  const { window, audio, zones, byteLimit } = live.facts.grant;
  const readWindow = audio ? widened(window, AUDIO_MARGIN_US, AUDIO_MARGIN_US) : window;
  const survey = await look(live, deps, readWindow);
  const plain = survey.obstacles.length === 0 && zones.length === 0;
  if (!plain) deps.log.info('the window is encoded anew', { why: survey.obstacles.join(', ') || 'zones' });
  const cut = plain
    ? await smartCut(live, deps, survey, readWindow)
    : await recodeWindow(live, deps, survey, readWindow, look);
  assertGoingOn(live, deps);
  const clip = planClip(live, deps, cut);
  if (clip.sizeBytes > byteLimit)
    throw failure('clip_over_limit', { detail: `${clip.sizeBytes} bytes, ${byteLimit} granted` });
  return clip;
}

async function look(
  live: LiveGrant,
  deps: ClipDeps,
  readWindow: Window,
  zeroUs: number | null = null,
): Promise<SurveyResult> {
  const { window, audio } = live.facts.grant;
  const survey = new Survey(window, audio, zeroUs);
  for await (const segment of readRing(live, deps, readWindow)) survey.add(segment);
  return survey.finish();
}

async function smartCut(live: LiveGrant, deps: ClipDeps, survey: SurveyResult, readWindow: Window): Promise<Cut> {
  const { head, picture, used } = survey;
  if (!head) return { method: 'copy', survey, readWindow, encoded: null };
  const setsId = used.freeId();
  if (setsId === null) throw failure('clip_not_exact', { detail: 'no parameter set id is free' });
  const signal = stopSignal(live, deps);
  const encoded = await encodeOnce(
    (onFrame, stop) =>
      encodeFrames(deps, {
        doing: "encoding the window's first GOP",
        source: joinAnnexB([...head.sets, ...head.frames.flat()]),
        skip: head.skip,
        take: head.frames.length - head.skip,
        more: false,
        target: { ...likeSource(picture), preset: 'ultrafast', setsId, gopFrames: null, convert: false, blackOut: [] },
        timeoutMs: HEAD_TIMEOUT_MS,
        bytesMax: headBytesMax(head),
        signal: stop,
        onFrame,
      }),
    live.facts.grant.byteLimit,
    signal,
  );
  const { sps } = encoded.sets;
  if (
    sps.width !== picture.sps.width ||
    sps.height !== picture.sps.height ||
    sps.profileIdc !== picture.sps.profileIdc
  ) {
    throw failure('clip_not_exact', { detail: 'the encoded frames are of another kind than the copied ones' });
  }
  return { method: 'smart-cut', survey, readWindow, encoded };
}

/** Profile and level of the source, so that one decoder configuration serves both. */
function likeSource({ sps }: Picture): { profile: 'baseline' | 'main' | 'high'; levelIdc: number | null } {
  const profile = sps.profileIdc === 66 ? 'baseline' : sps.profileIdc === 77 ? 'main' : 'high';
  // Level 1b is spelt as 11 with a flag in these profiles (ITU-T H.264 §A.3.1): leave it to the encoder.
  const levelIdc = sps.levelIdc === 11 && (sps.constraints & 0x10) !== 0 ? null : sps.levelIdc;
  return { profile, levelIdc };
}

/** Encoded frames are never many times larger than their source; a runaway encoder is stopped. */
function headBytesMax(head: Head): number {
  const sourceBytes = head.frames.flat().reduce((bytes, unit) => bytes + unit.length, 0);
  return 64 * 1024 * 1024 + sourceBytes * 8;
}

function planClip(live: LiveGrant, deps: ClipDeps, cut: Cut): Clip {
  const { window, zones } = live.facts.grant;
  const { survey, encoded } = cut;
  const { coverage, gaps, lastDuration } = coverageOf(window, survey);
  const video = videoTrack(cut, lastDuration);
  const table = survey.audio?.table;
  const audio =
    survey.audio && table && table.ticks.length > 0
      ? { sound: survey.audio.sound, ...table, lastDuration: table.durations.at(-1) ?? 0 }
      : null;
  const segments = survey.segments;
  const { header, sizeBytes } = layOut(video, audio, chunksOf(segments));
  const plan = { header, sizeBytes, segments, readWindow: cut.readWindow, encoded };
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

function videoTrack({ survey, encoded, method }: Cut, lastDuration: number): VideoTrack {
  const { video, timeline, used, picture } = survey;
  const copiedSets = method === 're-encode' ? { sps: [], pps: [] } : setsOf(used);
  const sets = encoded?.sets;
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
