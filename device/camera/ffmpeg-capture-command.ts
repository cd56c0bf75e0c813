// The ffmpeg arguments of a capture: inputs, copying or encoding, outputs.

import { PIXELS_MAX } from './ffmpeg-run.ts';
import { type Ffmpeg, threadArgs } from './find-ffmpeg.ts';
import type { Container } from './sniff.ts';
import type { Pace } from './source-options.ts';
import type { CaptureCommand, Port } from './start-ffmpeg.ts';

/** How a source's streams are handled. Streams are ffmpeg's specifiers within input 0, e.g. `0:1`. */
export interface CapturePlan {
  readonly video: 'copy' | 'encode';
  readonly audio: 'copy' | 'encode' | 'none';
  readonly videoStream: string;
  readonly audioStream: string;
}

/** Width of a gray frame for motion, in pixels. */
export const GRAY_WIDTH = 160;
/** Height of a gray frame in pixels. */
export const GRAY_HEIGHT = 90;
/** Gray frames in a second. */
export const GRAY_FPS = 5;

/** Longest silence of a network camera. */
const RTSP_TIMEOUT_US = 10_000_000;

/** Length of the stream that ffmpeg may analyse before it starts: enough for one keyframe every 2 s. */
const RTSP_ANALYSE_US = 3_000_000;

/**
 * Input from a sniffed file at an absolute path. ffmpeg may open only this file, with only this demuxer, nested content included.
 */
export function fileInput(path: string, { demuxer, skipBytes }: Container): Port {
  return {
    options: [
      ...['-protocol_whitelist', 'file', '-format_whitelist', demuxer, '-f', demuxer],
      ...(skipBytes === 0 ? [] : ['-skip_initial_bytes', String(skipBytes)]),
      ...LIMITS,
    ],
    address: `file:${path}`,
  };
}

/** Limits of pixels and streams, for any input. */
export const LIMITS = ['-max_pixels', String(PIXELS_MAX), '-max_streams', '100'];

/** Input from a sniffed file, read at `pace`. */
export function pacedFileInput(path: string, container: Container, pace: Pace, ffmpeg: Ffmpeg): Port {
  const input = fileInput(path, container);
  return { ...input, options: [...input.options, ...(pace === 'own' ? ownPace(ffmpeg) : [])] };
}

/** By default ffmpeg 6.1 and later reads the first half second at once, which would date frames into the future. */
function ownPace(ffmpeg: Ffmpeg): string[] {
  const [major, minor] = ffmpeg.release;
  const bursts = major > 6 || (major === 6 && minor >= 1);
  return bursts ? ['-readrate', '1', '-readrate_initial_burst', '0.001'] : ['-re'];
}

/** A network camera behind its relay. The host in `address` is an IP address: the bundled static build crashes on names. */
export function rtspInput(address: string): Port {
  return {
    options: [
      '-protocol_whitelist',
      'rtsp,rtp,tcp',
      '-rtsp_transport',
      'tcp',
      '-timeout',
      String(RTSP_TIMEOUT_US),
      '-analyzeduration',
      String(RTSP_ANALYSE_US),
      ...LIMITS,
      '-f',
      'rtsp',
    ],
    address,
  };
}

/**
 * The whole command: media as fragmented MP4 on `pipe:1`, gray frames on `pipe:3` and, with `live`, the same video with one frame a
 * fragment on `pipe:5`, encoded once for both. `unhurried`: for footage without a real-time deadline.
 */
export function captureCommand(
  inputs: readonly Port[],
  plan: CapturePlan,
  ffmpeg: Ffmpeg,
  encoder: VideoEncoder,
  { live = false, unhurried = false, preset }: { live?: boolean; unhurried?: boolean; preset?: Preset } = {},
): CaptureCommand {
  const audio = {
    // Without `copyinkf` ffmpeg 7.1 drops the sound of RTSP cameras and holds fragments back to the end.
    copy: ['-c:a', 'copy', '-copyinkf:a'],
    encode: ['-c:a', 'aac', '-b:a', '96k', '-ac', '1'],
    none: ['-an'],
  }[plan.audio];
  const maps = ['-map', plan.videoStream, ...(plan.audio === 'none' ? [] : ['-map', plan.audioStream])];
  const gray = { options: ['-map', plan.videoStream, ...GRAY_ARGS], address: 'pipe:3' };
  if (plan.video === 'encode' && live) {
    const options = [...maps, ...codecArgs(ffmpeg, encoder, preset), ...audio, ...TEE_ARGS];
    return { inputs, outputs: [{ options, address: teeAddress(encoder) }, gray] };
  }
  const video = plan.video === 'copy' ? ['-c:v', 'copy'] : encodeArgs(ffmpeg, encoder, preset);
  const fragments = unhurried ? FRAGMENT_ARGS_UNHURRIED : FRAGMENT_ARGS;
  const media = { options: [...maps, ...video, ...audio, ...fragments], address: 'pipe:1' };
  const again = { options: ['-map', plan.videoStream, '-c:v', 'copy', '-an', ...LIVE_ARGS], address: LIVE_PIPE };
  return { inputs, outputs: live ? [media, again, gray] : [media, gray] };
}

const NO_METADATA = ['-map_metadata', '-1', '-map_chapters', '-1'] as const;

/** How long sound and picture may wait for each other when they are interleaved. */
const INTERLEAVE_US_MAX = '500000';

/**
 * The same without a real-time deadline: the interleaving then depends on the file alone, not on whether this machine had sound or
 * picture ready first.
 */
const INTERLEAVE_UNHURRIED_US_MAX = '60000000';

/**
 * One GOP a fragment, with the source's times. Without `frag_discont` the MP4 writer shifts each track's first time to zero by a
 * different amount: sound would be shifted against the picture, and AAC's priming would be hidden.
 */
const GOP_FLAGS = '+frag_keyframe+empty_moov+default_base_moof+frag_discont';

/** Arguments for MP4 with one GOP a fragment. */
export const FRAGMENT_ARGS = fragmentArgs(INTERLEAVE_US_MAX);

/** The same without a real-time deadline. */
export const FRAGMENT_ARGS_UNHURRIED = fragmentArgs(INTERLEAVE_UNHURRIED_US_MAX);

function fragmentArgs(interleaveUsMax: string): string[] {
  return [
    ...NO_METADATA,
    ...['-max_interleave_delta', interleaveUsMax, '-avoid_negative_ts', 'disabled', '-flush_packets', '1'],
    ...['-movflags', GOP_FLAGS, '-f', 'mp4'],
  ];
}

/** One frame a fragment. Without `skip_trailer` the MP4 writer keeps an index of all fragments for the trailer, 100 MB a day. */
const FRAME_FLAGS = '+frag_every_frame+empty_moov+default_base_moof+frag_discont+skip_trailer';

const LIVE_PIPE = 'pipe:5';

/** Arguments for MP4 with one frame a fragment, written without delay. */
export const LIVE_ARGS = [
  ...NO_METADATA,
  ...['-avoid_negative_ts', 'disabled', '-flush_packets', '1', '-movflags', FRAME_FLAGS, '-f', 'mp4'],
] as const;

/**
 * Two MP4 outputs of one encoder. Behind `tee` ffmpeg does not know that they are MP4, so `global_header` keeps the parameter sets out
 * of the stream. Each output interleaves for itself; `tee` must not, or pictures would wait for sound.
 */
const TEE_ARGS = [
  ...NO_METADATA,
  ...['-flags', '+global_header', '-max_interleave_delta', '1', '-avoid_negative_ts', 'disabled', '-f', 'tee'],
] as const;

/** Outputs of `tee`: the recording, and single frames, whose failure does not affect the recording. */
function teeAddress(encoder: VideoEncoder): string {
  const late = LATE_HEADER[encoder];
  const slave = (options: readonly string[], pipe: string) => `[${options.join(':')}]${pipe}`;
  const common = ['f=mp4', 'avoid_negative_ts=disabled', 'flush_packets=1'];
  const whole = [...common, `max_interleave_delta=${INTERLEAVE_US_MAX}`, `movflags=${GOP_FLAGS}${late}`];
  const frames = [...common, 'select=v', 'onfail=ignore', `movflags=${FRAME_FLAGS}${late}`];
  return `${slave(whole, 'pipe:1')}|${slave(frames, LIVE_PIPE)}`;
}

/** Make the gray frames for motion, of live and of recorded footage. */
export const GRAY_ARGS = [
  '-an',
  '-vf',
  `fps=${GRAY_FPS}:start_time=0,scale=${GRAY_WIDTH}:${GRAY_HEIGHT}:flags=fast_bilinear,format=gray`,
  '-fps_mode',
  'passthrough',
  '-flush_packets',
  '1',
  '-f',
  'rawvideo',
] as const;

/** A keyframe at the first frame that is a second after the last keyframe, for any frame rate. */
export const KEY_EACH_SECOND = 'expr:if(isnan(prev_forced_t),gte(t,0.999),gte(t,prev_forced_t+0.999))';

/** `libx264`: software. `h264_v4l2m2m`: a board's hardware behind V4L2 (Raspberry Pi up to 4, many others). */
export type VideoEncoder = 'libx264' | 'h264_v4l2m2m';

/** libx264 presets; `superfast` is the slower one and makes better pictures at the same bit rate. */
export type Preset = 'superfast' | 'ultrafast';

const ENCODERS: Record<VideoEncoder, (preset: Preset) => readonly string[]> = {
  libx264: (preset) => [
    ...['-preset', preset, '-tune', 'zerolatency', '-maxrate', '2M', '-bufsize', '2M', '-sc_threshold', '0'],
  ],
  h264_v4l2m2m: () => [],
};

/** MP4 flags by encoder. A hardware encoder knows its parameter sets only with the first picture, so the header must wait for it. */
const LATE_HEADER: Record<VideoEncoder, string> = { libx264: '', h264_v4l2m2m: '+delay_moov' };

/** H.264 for MP4, in closed GOPs of 1 s without reordering; frames keep their times. */
export function encodeArgs(ffmpeg: Ffmpeg, encoder: VideoEncoder, preset?: Preset): string[] {
  const late = LATE_HEADER[encoder];
  return [...codecArgs(ffmpeg, encoder, preset), ...(late === '' ? [] : ['-movflags', late])];
}

function codecArgs(ffmpeg: Ffmpeg, encoder: VideoEncoder, preset: Preset = 'ultrafast'): string[] {
  return [
    '-c:v',
    encoder,
    '-pix_fmt',
    'yuv420p',
    // 4:2:0 has no odd sizes.
    '-vf',
    'crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0',
    '-b:v',
    '2M',
    '-bf',
    '0',
    '-g',
    '600',
    '-force_key_frames',
    KEY_EACH_SECOND,
    '-fps_mode',
    'passthrough',
    '-enc_time_base',
    ffmpeg.release[0] >= 7 ? 'demux' : '-1',
    ...ENCODERS[encoder](preset),
    ...threadArgs(ffmpeg),
  ];
}
