// Chooses the H.264 encoder: the board's hardware encoder if a trial with it succeeds, else libx264. For libx264 it also measures which
// preset is fast enough. ffmpeg's list of encoders proves nothing: it names `h264_v4l2m2m` on machines without that hardware, too.
import { readdir } from 'node:fs/promises';
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { isFailure } from '@doorsill/contract/errors';
import { type InitInfo, parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { FragmentSplitter } from '@doorsill/contract/media/fragment-splitter';
import { faultOfGop, faultOfTrack } from './copy-rules.ts';
import { encodeArgs, FRAGMENT_ARGS, type Preset, type VideoEncoder } from './ffmpeg-capture-command.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';
import type { Size } from './wired-options.ts';

const TRIAL_FPS = 15;
const TRIAL_FRAMES = 2 * TRIAL_FPS;
const TRIAL_MS_MAX = 20_000;
const TRIAL_BYTES_MAX = 8_000_000;
const TRIAL_SIZE: Size = { width: 640, height: 360 };

/** Results by ffmpeg's path; they do not change while the process lives. */
const chosen = new Map<string, Promise<VideoEncoder>>();

/** The encoder to use. The trial runs once in a process, and its result is logged. Never rejects. */
export function chooseEncoder(ffmpeg: Ffmpeg, seams: { clock: Clock; log: Log }): Promise<VideoEncoder> {
  let choice = chosen.get(ffmpeg.path);
  if (!choice) {
    choice = choose(ffmpeg, seams);
    chosen.set(ffmpeg.path, choice);
  }
  return choice;
}

async function choose(ffmpeg: Ffmpeg, { clock, log }: { clock: Clock; log: Log }): Promise<VideoEncoder> {
  const fault = (await hasVideoNodes())
    ? await faultOfEncoder(ffmpeg, 'h264_v4l2m2m', clock)
    : 'there is no such device';
  const encoder = fault === null ? 'h264_v4l2m2m' : 'libx264';
  log.info('this video encoder is used', { encoder, ...(fault === null ? {} : { h264_v4l2m2m: fault }) });
  return encoder;
}

/** Whether this machine has V4L2 devices: hardware encoders are among them, and so are cameras. */
async function hasVideoNodes(): Promise<boolean> {
  const names = await readdir('/sys/class/video4linux').catch(() => []);
  return names.length > 0;
}

/** Video to be encoded; `rate` in frames a second. */
export interface EncodedPicture extends Size {
  readonly rate: number;
}

/** Encoding may take this share of the video's duration; the rest is for decoding, motion, other programs, and throttling on warm days. */
const SHARE_MAX = 1 / 3;

const measured = new Map<string, Promise<Preset>>();

/** `superfast` if it takes at most `SHARE_MAX`, else `ultrafast`; measured once per size and rate, and logged. Never rejects. */
export function choosePreset(
  ffmpeg: Ffmpeg,
  { width, height, rate }: EncodedPicture,
  { clock, log }: { clock: Clock; log: Log },
): Promise<Preset> {
  const key = `${ffmpeg.path} ${width}x${height} ${rate}`;
  const measure = async (): Promise<Preset> => {
    const startedMs = clock.monotonicMs();
    const fault = await faultOfEncoder(ffmpeg, 'libx264', clock, { size: { width, height }, preset: 'superfast' });
    const share = (clock.monotonicMs() - startedMs) / ((TRIAL_FRAMES / rate) * 1_000);
    const preset = fault === null && share <= SHARE_MAX ? 'superfast' : 'ultrafast';
    log.info('this preset of the encoder is used; share is the time of encoding by the length of the video', {
      preset,
      share: share.toFixed(2),
      ...(fault === null ? {} : { superfast: fault }),
    });
    return preset;
  };
  const choice = measured.get(key) ?? measure();
  measured.set(key, choice);
  return choice;
}

/** Encodes two seconds with a capture's arguments; returns why the result cannot be used, or null if it can. */
export async function faultOfEncoder(
  ffmpeg: Ffmpeg,
  encoder: VideoEncoder,
  clock: Clock,
  { size = TRIAL_SIZE, preset }: { size?: Size; preset?: Preset } = {},
): Promise<string | null> {
  const picture = `testsrc2=size=${size.width}x${size.height}:rate=${TRIAL_FPS}`;
  try {
    const bytes = await runFfmpeg(ffmpeg, {
      doing: 'trying an encoder',
      args: [
        ...['-f', 'lavfi', '-i', picture, '-frames:v', String(TRIAL_FRAMES)],
        ...[...encodeArgs(ffmpeg, encoder, preset), ...FRAGMENT_ARGS],
        'pipe:1',
      ],
      clock,
      timeoutMs: TRIAL_MS_MAX,
      stdoutBytesMax: TRIAL_BYTES_MAX,
    });
    return faultOfTrial(bytes);
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return String(thrown.facts['detail'] ?? thrown.message);
  }
}

/** Why a trial's fragments are unfit, or null: one closed GOP a second, in order, no frame lost. Throws `fragment_malformed`. */
export function faultOfTrial(bytes: Uint8Array): string | null {
  let init: InitInfo | null = null;
  let [frames, gops] = [0, 0];
  for (const part of new FragmentSplitter().push(bytes)) {
    if (part.kind === 'init') {
      init = parseInit(part.bytes);
      const fault = faultOfTrack(init);
      if (fault !== null) return fault;
    } else if (init) {
      const { video } = parseFragment(init, part.bytes);
      const fault = faultOfGop(init, video);
      if (fault !== null) return fault;
      frames += video.length;
      gops += 1;
    }
  }
  const gopsDue = TRIAL_FRAMES / TRIAL_FPS;
  if (gops !== gopsDue) return `it made ${gops} groups of pictures instead of ${gopsDue}`;
  return frames === TRIAL_FRAMES ? null : `it made ${frames} frames instead of ${TRIAL_FRAMES}`;
}
