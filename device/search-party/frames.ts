// Owns: small pictures out of this home's own ring, for comparing alone: never more than a few of one event, and none that is
// kept. Not here: what they show (likeness.ts), clips (clip/), which need a grant.

import { concatBytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { Ffmpeg } from '../camera/ffmpeg.ts';
import { runFfmpeg } from '../camera/ffmpeg-run.ts';
import { type InitInfo, parseFragment, parseInit } from '../camera/fragment.ts';
import { type Segment, wallTimeUs } from '../camera/segment.ts';
import { H264_FROM_PIPE } from '../clip/encode.ts';
import { joinAnnexB, splitSample } from '../clip/nal.ts';
import type { Window } from '../protocol/claims.ts';
import type { Frame } from './likeness.ts';

/** Longest side of a picture in pixels. */
const SIDE_MAX = 320;
/** Pictures of a second, and of one event. */
const PER_S = 3;
const FRAMES_MAX = 90;
const DECODE_MS_MAX = 20_000;

export interface FramesDeps {
  segments(window: Window): AsyncIterable<Segment>;
  ffmpeg: Ffmpeg;
  clock: Clock;
}

/**
 * Frames of a window, some of each second, in order of time. Footage that is not H.264, or whose time is not trusted, gives none.
 * Throws `ffmpeg_failed`, `fragment_malformed`, or the signal's reason.
 */
export async function framesOf(deps: FramesDeps, window: Window, signal: AbortSignal): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const segment of deps.segments(window)) {
    signal.throwIfAborted();
    if (!segment.clockTrusted) continue;
    for (const frame of await decode(deps, segment, signal)) {
      const isInside = frame.atUs >= window.startUs && frame.atUs < window.endUs;
      if (isInside && frames.length < FRAMES_MAX) frames.push(frame);
    }
    if (frames.length >= FRAMES_MAX) break;
  }
  return frames;
}

async function decode({ ffmpeg, clock }: FramesDeps, segment: Segment, signal: AbortSignal): Promise<Frame[]> {
  const info = parseInit(segment.init);
  const { avc, timescale } = info.video;
  if (!avc) return [];
  const { video } = parseFragment(info, segment.fragment);
  const times = video.map(({ pts }) => wallTimeUs(pts, timescale, segment.wallOffsetUs)).sort((a, b) => a - b);
  const lengthS = (segment.endUs - segment.startUs) / 1_000_000;
  const step = Math.max(1, Math.round(video.length / (lengthS * PER_S)));
  const { width, height } = sizeOf(info);
  const picked = times.filter((_atUs, at) => at % step === 0);
  const bytes = width * height * 3;
  const rgb = await runFfmpeg(ffmpeg, {
    doing: 'looking at an event',
    args: [
      ...[...H264_FROM_PIPE, '-map', '0:v:0', '-an', '-vf', `select='not(mod(n,${step}))',scale=${width}:${height}`],
      ...['-fps_mode', 'passthrough', '-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'],
    ],
    stdin: concatBytes([
      joinAnnexB([...avc.sps, ...avc.pps]),
      ...video.map(({ data }) => joinAnnexB(splitSample(data, avc.nalLengthSize))),
    ]),
    stdoutBytesMax: bytes * picked.length,
    timeoutMs: DECODE_MS_MAX,
    clock,
    signal,
  });
  return picked.flatMap((atUs, at) => {
    const part = rgb.subarray(at * bytes, (at + 1) * bytes);
    return part.length === bytes ? [{ width, height, rgb: part, atUs }] : [];
  });
}

/** The picture's own shape, with a longest side that comparing needs; even, as the scaler likes it. */
function sizeOf({ video: { width, height } }: InitInfo): { width: number; height: number } {
  const by = Math.min(1, SIDE_MAX / Math.max(width, height));
  const even = (side: number) => Math.max(2, 2 * Math.round((side * by) / 2));
  return { width: even(width), height: even(height) };
}
