// Decodes H.264 and encodes some of its frames again, one for one: the head of a smart cut, or a whole window. Splits Annex B streams
// (ITU-T H.264) into NAL units.

import { failure } from '@doorsill/contract/errors';
import { joinSample, NAL, nalType } from '@doorsill/contract/media/nal';
import { type Pps, parsePps, parseSps, type Sps } from '@doorsill/contract/media/parameter-sets';
import { type FfmpegJob, PIXELS_MAX, runFfmpeg } from '../camera/ffmpeg-run.ts';
import { threadArgs } from '../camera/find-ffmpeg.ts';
import type { ClipDecoder, ClipDeps } from './clip-deps.ts';
import type { Rectangle } from './display-rotation.ts';
import type { EncodedSample, EncodedSamples } from './encoded-sample-buffer.ts';
import { frameOf } from './strip-frame-to-slices.ts';

const START_CODE = Buffer.from([0, 0, 1]);

/** Splits an Annex B stream that arrives in parts into NAL units (§B.1). Holds at most one unit. */
export class AnnexBSplitter {
  /** The unfinished unit, from its start code. */
  private held: Buffer = Buffer.alloc(0);

  /** Takes the next part; returns the units that it completes. */
  push(part: Uint8Array): Uint8Array[] {
    // Held bytes were searched before; a start code may straddle the join by two bytes.
    const open = this.held.indexOf(START_CODE) === 0;
    const search = open ? Math.max(START_CODE.length, this.held.length - 2) : 0;
    const all = Buffer.concat([this.held, part]);
    const units: Uint8Array[] = [];
    let from = open ? 0 : -1;
    for (let next = all.indexOf(START_CODE, search); next >= 0; next = all.indexOf(START_CODE, next + 3)) {
      if (from >= 0) addUnit(units, all, from + 3, next);
      from = next;
    }
    this.held = from >= 0 ? all.subarray(from) : all.subarray(Math.max(0, all.length - 2));
    return units;
  }

  /** The last unit, after the end of the stream. */
  end(): Uint8Array[] {
    const units: Uint8Array[] = [];
    if (this.held.indexOf(START_CODE) === 0) addUnit(units, this.held, 3, this.held.length);
    this.held = Buffer.alloc(0);
    return units;
  }
}

function addUnit(units: Uint8Array[], bytes: Uint8Array, from: number, to: number): void {
  // trailing_zero_8bits and the zero_byte of a four-byte start code belong to no unit (§B.1.1).
  let end = to;
  while (end > from && bytes[end - 1] === 0) end -= 1;
  if (end > from) units.push(Uint8Array.from(bytes.subarray(from, end)));
}

/** The required output format. */
export interface EncodeTarget {
  profile: 'baseline' | 'main' | 'high';
  /** level_idc of the source; null leaves it to the encoder. */
  levelIdc: number | null;
  /** Id to use for both parameter sets. */
  setsId: number;
  /** Maximum keyframe interval in frames; null: only the first frame is a keyframe. */
  gopFrames: number | null;
  /** Whether pixels must be converted to 8 bits 4:2:0 first. */
  convert: boolean;
  blackOut: readonly Rectangle[];
}

export interface EncodeJob {
  doing: string;
  /** H.264 in Annex B, parameter sets first. */
  source: Uint8Array | AsyncIterable<Uint8Array>;
  /** Frames, in order of display, to leave out at the start. */
  skip: number;
  /** Frames to encode after them. */
  take: number;
  /** Whether the source has more frames than `skip + take`; if not, the number of decoded frames is checked. */
  more: boolean;
  target: EncodeTarget;
  timeoutMs: number;
  bytesMax: number;
  signal: AbortSignal;
  /** Called with each encoded frame in order, awaited. */
  onFrame: (sample: EncodedSample) => void | Promise<void>;
}

/** The parameter sets of one encoding job. */
export interface EncodedSets {
  sps: Sps;
  pps: Pps;
}

/** The encoded frames of a clip, starting with its first. */
export type EncodedFrames = EncodedSamples<EncodedSets>;

/** Levels that x264 knows by number (ITU-T H.264 Table A-1). */
const LEVELS = new Set([10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62]);

/** Constant quality, visually close to the source. */
const QUALITY = 20;

/**
 * Quality offset for blocks that a zone touches, as a share of the whole range: finer blocks smear the surroundings less into the zone.
 * Measured on noise, 2,400 frames: 2 levels instead of 24 four pixels inside, 5 instead of 29 on average along an edge; clips grow by a
 * tenth to a quarter.
 */
const ZONE_QUALITY = -0.5;

/**
 * Input arguments for H.264 from a pipe: ffmpeg opens nothing else, and does not rotate. The parameter sets at the start describe the
 * stream, so ffmpeg need not probe it by decoding a part twice.
 */
export const H264_FROM_PIPE = [
  ...['-protocol_whitelist', 'pipe', '-format_whitelist', 'h264', '-max_pixels', String(PIXELS_MAX)],
  ...['-probesize', '32', '-analyzeduration', '0'],
  ...['-flags', '+output_corrupt', '-noautorotate', '-f', 'h264', '-framerate', '25', '-i', 'pipe:0'],
] as const;

/**
 * Decodes the source and encodes exactly `take` frames after the first `skip`. Throws `clip_not_exact` for another number of frames,
 * `ffmpeg_failed`, or the signal's reason.
 */
export async function encodeFrames(deps: ClipDeps, job: EncodeJob): Promise<EncodedSets> {
  const output = new EncodedOutput(job.onFrame);
  const run: FfmpegJob = {
    doing: job.doing,
    args: [...H264_FROM_PIPE, ...encodeArgs(job), ...threadArgs(deps.ffmpeg), 'pipe:1'],
    stdin: job.source,
    onStdout: (part) => output.push(part),
    stdoutBytesMax: job.bytesMax,
    timeoutMs: job.timeoutMs,
    clock: deps.clock,
    signal: job.signal,
  };
  await runFfmpeg(deps.ffmpeg, run);
  await output.end();
  if (output.frames !== job.take) {
    throw failure('clip_not_exact', { detail: `${output.frames} frames were encoded instead of ${job.take}` });
  }
  return output.sets();
}

function encodeArgs(job: EncodeJob): string[] {
  const { target } = job;
  const last = job.skip + job.take - 1;
  // Without `more`, every frame after the skipped ones is taken, so that a missing or extra frame is noticed.
  const select = job.more ? `between(n,${job.skip},${last})` : `gte(n,${job.skip})`;
  const filters = [
    `select='${select}'`,
    ...(target.convert ? ['format=yuv420p'] : []),
    ...target.blackOut.flatMap(({ left, top, width, height }) => {
      const box = `x=${left}:y=${top}:w=${width}:h=${height}`;
      return [`drawbox=${box}:color=black:t=fill`, `addroi=${box}:qoffset=${ZONE_QUALITY}`];
    }),
    'setpts=N/25/TB',
  ];
  const level = target.levelIdc !== null && LEVELS.has(target.levelIdc) ? [`level=${target.levelIdc}`] : [];
  const gop =
    target.gopFrames === null ? ['keyint=infinite', 'scenecut=0'] : [`keyint=${target.gopFrames}`, 'min-keyint=1'];
  const x264 = [`sps-id=${target.setsId}`, 'aud=1', 'open-gop=0', ...gop, ...level];
  return [
    ...['-map', '0:v:0', '-an', '-vf', filters.join(','), '-fps_mode', 'passthrough'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(QUALITY), '-profile:v', target.profile, '-bf', '0'],
    ...['-x264-params', x264.join(':'), '-f', 'h264'],
  ];
}

/** Splits the encoder's Annex B output into frames: each begins with an access unit delimiter (`aud=1`). */
class EncodedOutput {
  frames = 0;
  private readonly onFrame: EncodeJob['onFrame'];
  private readonly splitter = new AnnexBSplitter();
  private units: Uint8Array[] = [];
  private spsUnit: Uint8Array | null = null;
  private ppsUnit: Uint8Array | null = null;

  constructor(onFrame: EncodeJob['onFrame']) {
    this.onFrame = onFrame;
  }

  async push(part: Uint8Array): Promise<void> {
    for (const unit of this.splitter.push(part)) await this.add(unit);
  }

  async end(): Promise<void> {
    for (const unit of this.splitter.end()) await this.add(unit);
    await this.flush();
  }

  sets(): EncodedSets {
    if (!this.spsUnit || !this.ppsUnit)
      throw failure('clip_not_exact', { detail: 'the encoder wrote no parameter sets' });
    const sps = parseSps(this.spsUnit);
    return { sps, pps: parsePps(this.ppsUnit, () => sps.chromaFormat) };
  }

  private async add(unit: Uint8Array): Promise<void> {
    const type = nalType(unit);
    if (type === NAL.delimiter) await this.flush();
    this.units.push(unit);
    if (type === NAL.sps) this.spsUnit = only(this.spsUnit, unit);
    if (type === NAL.pps) this.ppsUnit = only(this.ppsUnit, unit);
  }

  private async flush(): Promise<void> {
    const { units } = this;
    this.units = [];
    if (units.length === 0) return;
    const frame = frameOf(units);
    this.frames += 1;
    await this.onFrame({ bytes: joinSample(frame.slices), key: frame.idr });
  }
}

function only(known: Uint8Array | null, unit: Uint8Array): Uint8Array {
  if (known && Buffer.compare(known, unit) !== 0) {
    throw failure('clip_not_exact', { detail: 'the encoder changed its parameter sets' });
  }
  return unit;
}

/**
 * The number of frames that decoding H.264 in Annex B gives; `strict` refuses a stream with decoding errors. Throws `ffmpeg_failed` or
 * the signal's reason.
 */
export async function countDecoded(
  deps: ClipDeps,
  job: { source: EncodeJob['source']; strict: boolean; timeoutMs: number; signal: AbortSignal },
): Promise<number> {
  const frames = new LineCounter();
  await runFfmpeg(deps.ffmpeg, {
    doing: 'counting frames',
    args: [
      ...(job.strict ? ['-xerror', '-err_detect', 'explode'] : []),
      ...[...H264_FROM_PIPE, '-map', '0:v:0', '-an', '-fps_mode', 'passthrough', '-f', 'framecrc', 'pipe:1'],
    ],
    stdin: job.source,
    onStdout: (part) => frames.push(part),
    stdoutBytesMax: 1_000_000_000,
    timeoutMs: job.timeoutMs,
    clock: deps.clock,
    signal: job.signal,
  });
  return frames.lines;
}

export interface DecodeJob {
  doing: string;
  /** H.264 in Annex B, parameter sets first. */
  source: AsyncIterable<Uint8Array>;
  /** Whether a stream with decoding errors is refused. */
  strict: boolean;
  /** Whether pixels must be converted to 8 bits 4:2:0 first. */
  convert: boolean;
  width: number;
  height: number;
  /** The job fails if there are more pictures. */
  picturesMax: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * The pictures of a stream in order of display, 8 bits 4:2:0, planes one after the other. Each is valid until the next is requested:
 * only one is held, and ffmpeg waits meanwhile. Throws `ffmpeg_failed`, the source's error, or the signal's reason; ffmpeg is gone when
 * it ends.
 */
export async function* decodedPictures(deps: ClipDecoder, job: DecodeJob): AsyncGenerator<Uint8Array> {
  // A foreign clip may claim any size.
  if (job.width * job.height > PIXELS_MAX)
    throw failure('ffmpeg_failed', { doing: job.doing, detail: 'the picture is too large' });
  const picture = new Uint8Array(pictureBytes(job.width, job.height));
  const stopped = new AbortController();
  const state = { filled: 0, isEnded: false, failed: null as unknown };
  let wakeReader = () => {};
  let wakeDecoder = () => {};
  const take = async (part: Uint8Array) => {
    for (let at = 0; at < part.length && !stopped.signal.aborted; ) {
      const room = Math.min(part.length - at, picture.length - state.filled);
      picture.set(part.subarray(at, at + room), state.filled);
      at += room;
      state.filled += room;
      if (state.filled < picture.length) continue;
      await new Promise<void>((resolve) => {
        wakeDecoder = resolve;
        wakeReader();
      });
    }
  };
  const running = runFfmpeg(deps.ffmpeg, {
    doing: job.doing,
    args: [
      ...(job.strict ? ['-xerror', '-err_detect', 'explode'] : []),
      ...[...H264_FROM_PIPE, '-map', '0:v:0', '-an', ...(job.convert ? ['-vf', 'format=yuv420p'] : [])],
      ...['-fps_mode', 'passthrough', '-f', 'rawvideo', 'pipe:1'],
    ],
    stdin: job.source,
    onStdout: take,
    stdoutBytesMax: job.picturesMax * picture.length,
    timeoutMs: job.timeoutMs,
    clock: deps.clock,
    signal: AbortSignal.any([job.signal, stopped.signal]),
  })
    .catch((thrown: unknown) => {
      state.failed = thrown;
    })
    .finally(() => {
      state.isEnded = true;
      wakeReader();
    });
  try {
    for (;;) {
      if (state.filled < picture.length && !state.isEnded) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
      }
      if (state.filled < picture.length) break;
      yield picture;
      state.filled = 0;
      wakeDecoder();
    }
    if (state.failed !== null) throw state.failed;
    if (state.filled > 0) throw failure('ffmpeg_failed', { doing: job.doing, detail: 'a picture of another size' });
  } finally {
    stopped.abort(failure('ffmpeg_failed', { doing: job.doing, detail: 'decoding was cancelled' }));
    wakeDecoder();
    await running;
  }
}

/** Bytes of a picture of 8 bits 4:2:0. */
function pictureBytes(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
}

/** Counts frames in ffmpeg's framecrc output: the non-empty lines that do not begin with #. */
export class LineCounter {
  lines = 0;
  private atStart = true;

  push(part: Uint8Array): void {
    for (const byte of part) {
      if (this.atStart && byte !== HASH && byte !== NEWLINE) this.lines += 1;
      this.atStart = byte === NEWLINE;
    }
  }
}

const HASH = 0x23;
const NEWLINE = 0x0a;
