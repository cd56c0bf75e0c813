// Small pictures from the ring, only for comparison: a few per event, and none is stored.
import type { Clock } from '@doorsill/base/clock';
import { concatBytes } from '@doorsill/contract/bytes';
import { type InitInfo, parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { joinAnnexB, splitSample } from '@doorsill/contract/media/nal';
import type { Window } from '@doorsill/contract/shared-claims';
import { runFfmpeg } from '../camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import { type Segment, wallTimeUs } from '../camera/segment.ts';
import { H264_FROM_PIPE } from '../clip/encode-frames.ts';
import type { Frame } from './likeness-interfaces.ts';

/** Longest side of a picture in pixels. */
const SIDE_MAX = 320;
/** Maximum number of pictures per second, and per event. */
const PER_S = 3;
const FRAMES_MAX = 90;
const DECODE_MS_MAX = 60_000;
/** Maximum compressed footage per event; the rest is ignored. */
const STREAM_BYTES_MAX = 96 * 1024 * 1024;

export interface FramesDeps {
  segments(window: Window): AsyncIterable<Segment>;
  ffmpeg: Ffmpeg;
  clock: Clock;
}

/** Consecutive GOPs of one recording, for one run of ffmpeg. */
interface Run {
  recording: string;
  info: InitInfo;
  /** Parameter sets, then each GOP. */
  stream: Uint8Array[];
  /** Wall times of its frames, in presentation order. */
  times: number[];
  lengthUs: number;
}

/**
 * Some frames of each second of a window, in order of time; none of footage that is not H.264 or whose time is not trusted.
 * Throws `ffmpeg_failed`, `fragment_malformed`, or the signal's reason.
 */
export async function framesOf(deps: FramesDeps, window: Window, signal: AbortSignal): Promise<Frame[]> {
  const runs: Run[] = [];
  let bytes = 0;
  for await (const segment of deps.segments(window)) {
    signal.throwIfAborted();
    bytes += segment.fragment.length;
    if (bytes > STREAM_BYTES_MAX) break;
    if (segment.clockTrusted) addTo(runs, segment);
  }
  const frames: Frame[] = [];
  for (const run of runs) frames.push(...(await decode(deps, run, signal)));
  return frames.filter(({ atUs }) => atUs >= window.startUs && atUs < window.endUs).slice(0, FRAMES_MAX);
}

function addTo(runs: Run[], segment: Segment): void {
  const info = parseInit(segment.init);
  const { avc, timescale } = info.video;
  if (!avc) return;
  let run = runs.at(-1);
  if (run?.recording !== segment.recording) {
    run = {
      recording: segment.recording,
      info,
      stream: [joinAnnexB([...avc.sps, ...avc.pps])],
      times: [],
      lengthUs: 0,
    };
    runs.push(run);
  }
  const { video } = parseFragment(info, segment.fragment);
  const times = video.map(({ pts }) => wallTimeUs(pts, timescale, segment.wallOffsetUs)).sort((a, b) => a - b);
  run.times.push(...times);
  run.stream.push(...video.map(({ data }) => joinAnnexB(splitSample(data, avc.nalLengthSize))));
  run.lengthUs += segment.endUs - segment.startUs;
}

async function decode({ ffmpeg, clock }: FramesDeps, run: Run, signal: AbortSignal): Promise<Frame[]> {
  const step = Math.max(1, Math.round(run.times.length / ((run.lengthUs / 1_000_000) * PER_S)));
  const { width, height } = sizeOf(run.info);
  const picked = run.times.filter((_atUs, at) => at % step === 0);
  const bytes = width * height * 3;
  const rgb = await runFfmpeg(ffmpeg, {
    doing: 'looking at an event',
    args: [
      ...[...H264_FROM_PIPE, '-map', '0:v:0', '-an', '-vf', `select='not(mod(n,${step}))',scale=${width}:${height}`],
      ...['-fps_mode', 'passthrough', '-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'],
    ],
    stdin: concatBytes(run.stream),
    stdoutBytesMax: bytes * picked.length,
    timeoutMs: DECODE_MS_MAX,
    clock,
    signal,
  });
  // After a lost frame the times no longer match the pictures.
  if (rgb.length !== bytes * picked.length) return [];
  return picked.map((atUs, at) => ({ width, height, rgb: rgb.subarray(at * bytes, (at + 1) * bytes), atUs }));
}

/** The video's size scaled down to `SIDE_MAX`, with even sides for the scaler. */
function sizeOf({ video: { width, height } }: InitInfo): { width: number; height: number } {
  const by = Math.min(1, SIDE_MAX / Math.max(width, height));
  const even = (side: number) => Math.max(2, 2 * Math.round((side * by) / 2));
  return { width: even(width), height: even(height) };
}
