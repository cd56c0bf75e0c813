// Odd and broken media from other projects' test suites: what is odd about each file, the window that is cut out of it and what must come
// of it; and what a stranger's decoder sees in a file.
import { spawn } from 'node:child_process';
import { ffmpegs, npmFfmpeg } from './each-ffmpeg.ts';
import { mediaFile } from './media.ts';

type Method = 'copy' | 'smart-cut' | 're-encode';

/** A file with an exact clip: the window in seconds from the source's start, the frames in it, how they are cut. */
export interface ExactRow {
  name: string;
  odd: string;
  window: readonly [fromS: number, toS: number];
  frames: number;
  method: Method;
}

/** A file that is refused: the code, and why that is right. */
export interface RefusedRow {
  name: string;
  odd: string;
  window: readonly [fromS: number, toS: number];
  code: 'camera_no_video';
  because: 'no video track' | 'no picture in the file' | 'encrypted';
  /** What the message says of it. */
  says: RegExp;
}

const exact = (
  name: string,
  odd: string,
  window: readonly [number, number],
  frames: number,
  method: Method,
): ExactRow => ({ name, odd, window, frames, method });

/** Every file with pictures that can be decoded. */
export const EXACT: readonly ExactRow[] = [
  exact(
    'androidx_bbb_800x640_768kbps_30fps_avc_non_reference_3b.mp4',
    'B-frames, SAR 64:45',
    [1.2, 3.2],
    60,
    'smart-cut',
  ),
  exact('androidx_bear-vp9-odd-dimensions.webm', 'VP9, 161 by 121 pixels', [0.3, 0.8], 15, 'smart-cut'),
  exact('androidx_h265_bframes.mp4', 'HEVC with B-frames', [0.31, 0.81], 15, 'smart-cut'),
  exact('androidx_iibbibb_editlist_videoonly.mp4', 'edit list, 4:4:4, one frame a second', [2.5, 8.5], 6, 'copy'),
  exact('androidx_sample-with-large-length.avi', 'a chunk longer than the file', [0.65, 1.64], 30, 'smart-cut'),
  exact('androidx_sample.mp4', 'nothing', [0.31, 0.81], 15, 'smart-cut'),
  exact('androidx_sample_18byte_nclx_colr.mp4', 'a colr box of the wrong length', [0.31, 0.81], 15, 'smart-cut'),
  exact('androidx_sample_android_slow_motion.mp4', '13 frames a second that jump', [0.3, 0.47], 5, 'smart-cut'),
  exact('androidx_sample_av1.mp4', 'AV1', [0.31, 0.81], 15, 'smart-cut'),
  exact(
    'androidx_sample_edit_list_only_preroll_sync_sample.mp4',
    'the only keyframe is before the edit',
    [0.14, 0.39],
    7,
    'smart-cut',
  ),
  exact('androidx_sample_fragmented.mp4', 'fragmented, begins late', [0.37, 0.87], 15, 'smart-cut'),
  exact('androidx_sample_fragmented_sei.mp4', 'fragmented, user data in SEI', [0.37, 0.87], 15, 'smart-cut'),
  exact('androidx_sample_malformed_free_box.mp4', 'a box shorter than its header', [0.31, 0.81], 15, 'smart-cut'),
  exact('androidx_sample_missing_stsd.mp4', 'sound without a description', [0.31, 0.81], 15, 'smart-cut'),
  exact('androidx_sample_portrait.mp4', 'portrait', [0.31, 0.81], 15, 'smart-cut'),
  exact('androidx_sample_shorter_audio.mp4', 'sound ends before the picture', [0.34, 0.94], 36, 'smart-cut'),
  exact('androidx_sample_video_only.mp4', 'no sound', [0.31, 0.81], 15, 'smart-cut'),
  exact(
    'androidx_sample_with_increasing_timestamps_320w_240h_5s.mp4',
    '60 frames a second',
    [1.49, 3.99],
    150,
    'smart-cut',
  ),
  exact('androidx_sample_without_stss.mp4', 'nothing says what a keyframe is', [0.31, 0.81], 15, 'copy'),
  exact('mdn_flower-fragmented.mp4', 'fragmented', [1.55, 4.06], 75, 'smart-cut'),
  exact('mediabunny_annex-b.mp4', 'cut off in its sixth frame', [0, 1], 6, 'copy'),
  exact('mediabunny_edts.mp4', 'edit list, SAR 1280:1281', [2.66, 7.18], 113, 'smart-cut'),
  exact('mediabunny_hevc.ts', 'HEVC, 5.1 sound, starts at 1.48 s', [1.49, 3.99], 60, 'smart-cut'),
  exact('mediabunny_no-initial-keyframe.ts', 'two seconds before the first keyframe', [0, 2.5], 11, 'copy'),
  exact('mediabunny_sar_2x1.mp4', 'SAR 2:1', [1.49, 3.99], 75, 'smart-cut'),
  exact('mp4ff_prog_8s.mp4', 'sound before picture', [2.45, 6.45], 120, 'smart-cut'),
  exact('mp4ff_v300_multiple_segments.mp4', 'says it lasts an hour', [2.38, 6.38], 120, 'smart-cut'),
  exact('mp4parse_hevc_white_frame.mp4', 'HEVC, one frame', [0, 0.03], 1, 'copy'),
  exact('mp4parse_minimal.mp4', 'one frame', [0, 1], 1, 'copy'),
];

const refused = (
  name: string,
  odd: string,
  because: RefusedRow['because'],
  says: RegExp,
  window: readonly [number, number] = [0, 0.5],
): RefusedRow => ({ name, odd, window, code: 'camera_no_video', because, says });

const NO_PICTURE = /no picture can be read/;

/** Every file without. */
export const REFUSED: readonly RefusedRow[] = [
  refused('androidx_sample_opus.mp4', 'Opus', 'no video track', /it has no video stream/),
  refused('mediabunny_multiple-aac-tracks.mp4', 'two tracks of sound', 'no video track', /it has no video stream/),
  refused('mp4ff_bbb5s_aac_sidx.mp4', 'sound with an index', 'no video track', /it has no video stream/),
  refused('mp4ff_init.mp4', 'an init segment alone', 'no picture in the file', NO_PICTURE),
  refused('mp4parse_bipbop_nonfragment_header.mp4', 'a header alone', 'no picture in the file', NO_PICTURE),
  refused('mp4parse_test_case_1185230.mp4', 'two headers', 'no picture in the file', NO_PICTURE),
  refused('mp4parse_zero_empty_stsc.mp4', 'a header alone', 'no picture in the file', NO_PICTURE),
  refused('mp4ff_cbcs.mp4', 'Common Encryption', 'encrypted', /it is encrypted/, [2, 6]),
];

export const torturePath = (name: string): string | null => mediaFile(`torture/${name}`);

/** What a stranger's decoder must be told to open a file: it gives up on a malformed filler box, unless it begins behind it. */
export function strangersOptions(name: string): string[] {
  return name === 'androidx_sample_malformed_free_box.mp4' ? ['-skip_initial_bytes', '40'] : [];
}

/** What a player shows of a video: when, and roughly what. */
export interface Shown {
  /** Seconds from the container's start. */
  times: number[];
  /** Each picture, upright, in gray, `THUMB_WIDTH` by `THUMB_HEIGHT`. */
  thumbs: Uint8Array[];
  /** Width over height as displayed. */
  aspect: number;
}

const [THUMB_WIDTH, THUMB_HEIGHT] = [32, 18];
const [newest = npmFfmpeg] = ffmpegs;
const THUMB_BYTES = THUMB_WIDTH * THUMB_HEIGHT;

/** Decodes all of a file, by default with the newest ffmpeg here, whichever is under test; `options` go before the input. */
export async function shownBy(path: string, options: readonly string[] = [], decoder = newest): Promise<Shown> {
  const filter = `showinfo,scale=${THUMB_WIDTH}:${THUMB_HEIGHT}:flags=area,format=gray`;
  const args = ['-v', 'info', '-nostdin', ...options, '-i', path, '-map', '0:v:0', '-an', '-fps_mode', 'passthrough'];
  const child = spawn(decoder.path, [...args, '-vf', filter, '-f', 'rawvideo', '-'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: Buffer[] = [];
  let words = '';
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.stderr.on('data', (part: Buffer) => {
    words += part.toString();
  });
  await new Promise((resolve) => child.on('close', resolve));
  const pixels = Buffer.concat(parts);
  const times = [...words.matchAll(/pts_time:\s*(-?[\d.]+)/g)].map((match) => Number(match[1]));
  const sample = /\bs:(\d+)x(\d+)\b/.exec(words)?.slice(1).map(Number) ?? [];
  const sar = /\bsar:(\d+)\/(\d+)\b/.exec(words)?.slice(1).map(Number) ?? [];
  const [[width = 0, height = 1], [across = 0, up = 1]] = [sample, sar];
  return {
    times,
    thumbs: times.map((_, at) => pixels.subarray(at * THUMB_BYTES, (at + 1) * THUMB_BYTES)),
    aspect: (width / height) * (across === 0 ? 1 : across / up),
  };
}

/**
 * The most that two pictures of one frame may differ, as a mean over the thumbnail: what encoding twice at a camera's bit rate
 * does to a scene that changes at once.
 */
const DIFFERENCE_MAX = 12;

/** What times are rounded to on the way, in seconds: Matroska has milliseconds, and the other decoder prints six digits. */
const TIME_ERROR_S = 0.00102;

/** Which frames of `clip` are not, in picture and time, the frames of `source` from `fromS` on; none when the clip is right. */
export function strangers(source: Shown, fromS: number, clip: Shown): number[] {
  const first = source.times.findIndex((time) => time >= fromS);
  const since = ({ times }: Shown, from: number, at: number) => (times[from + at] ?? 0) - (times[from] ?? 0);
  return clip.thumbs.flatMap((thumb, at) => {
    const wanted = source.thumbs[first + at];
    const timeErrorS = Math.abs(since(source, first, at) - since(clip, 0, at));
    return wanted && difference(wanted, thumb) <= DIFFERENCE_MAX && timeErrorS <= TIME_ERROR_S ? [] : [at];
  });
}

function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < THUMB_BYTES; at += 1) sum += Math.abs((a[at] ?? 0) - (b[at] ?? 255));
  return sum / THUMB_BYTES;
}

/** Other windows on a file: at its start, across its end, all of it, one frame; their borders lie between frames. */
export function otherWindows(times: readonly number[]): { kind: string; fromS: number; toS: number }[] {
  const before = (at: number) =>
    ((times[at - 1] ?? (times[0] ?? 0) - 0.02) + (times[at] ?? (times.at(-1) ?? 0) + 0.02)) / 2;
  const part = (share: number) => Math.floor(times.length * share);
  return [
    { kind: 'at its start', fromS: Math.min(0, before(0)), toS: before(Math.max(1, part(0.4))) },
    { kind: 'across its end', fromS: before(part(0.6)), toS: before(times.length) + 1 },
    { kind: 'all of it', fromS: Math.min(0, before(0)), toS: before(times.length) + 1 },
    { kind: 'one frame', fromS: before(part(0.7)), toS: before(part(0.7) + 1) },
  ];
}
