// @module-tag long
// Odd media made by ffmpeg, through capture, ring and trim: an exact clip of each, for windows inside, at the start and of one frame.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/command-line.ts';
import { ffmpegs, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { otherWindows, shownBy, strangers } from '../../support/torture.ts';
import { TortureRun } from './support/torture-run.ts';

const folder = temporaryFolder('made-media');
afterAll(() => folder.dispose());
const [ffmpeg = npmFfmpeg] = ffmpegs;

const drawn = (size = '320x180', rate = 15, seconds = 3) => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`],
];
const sound = (seconds = 3) => ['-f', 'lavfi', '-i', `sine=440:duration=${seconds}`, '-c:a', 'aac'];
const h264 = (...options: string[]) => [
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-sc_threshold', '0'],
  ...options,
];
const reordered = h264('-bf', '3', '-b_strategy', '0', '-b-pyramid', 'normal', '-g', '15');
const h265 = [
  '-c:v',
  'libx265',
  '-preset',
  'ultrafast',
  '-pix_fmt',
  'yuv420p',
  '-x265-params',
  'log-level=none:bframes=3',
];
const vp9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-pix_fmt', 'yuv420p', '-g', '15'];
const uneven = ['-vf', 'select=not(eq(mod(n\\,5)\\,1)+eq(mod(n\\,5)\\,2))', '-fps_mode', 'passthrough'];

/** The oddity, the file's name, and ffmpeg's arguments. */
const MADE: readonly (readonly [odd: string, name: string, args: readonly string[]])[] = [
  ['B-frames that others refer to', 'reordered.mp4', [...drawn(), ...sound(), ...reordered]],
  [
    'an edit list, pixels that are not square',
    'edits.mp4',
    [...drawn(), ...h264('-bf', '2', '-g', '15'), '-vf', 'setsar=2/1'],
  ],
  [
    'fragments',
    'fragments.mp4',
    [...drawn(), ...h264('-g', '15'), '-movflags', 'frag_keyframe+empty_moov+default_base_moof'],
  ],
  ['one keyframe alone', 'one-keyframe.mp4', [...drawn(), ...h264('-bf', '0', '-g', '900')]],
  ['keyframes alone', 'keyframes.mp4', [...drawn(), ...h264('-bf', '0', '-g', '1')]],
  [
    'several slices a frame, fields',
    'slices.mp4',
    [...drawn(), ...h264('-bf', '0', '-g', '15', '-x264-params', 'slices=4:interlaced=1')],
  ],
  ['a frame rate that varies', 'uneven.mkv', [...drawn('320x180', 30), ...uneven, ...h264('-bf', '0', '-g', '20')]],
  [
    'a start at 17.8 s, sound that ends early',
    'late.mkv',
    [...drawn(), ...sound(1), ...h264('-g', '15'), '-output_ts_offset', '17.811'],
  ],
  ['60 frames a second', 'fast.mp4', [...drawn('320x180', 60), ...h264('-g', '60')]],
  ['a frame a second', 'slow.mp4', [...drawn('320x180', 1, 8), ...h264('-bf', '0', '-g', '1')]],
  ['portrait, odd dimensions, VP9', 'odd.webm', [...drawn('181x321'), ...vp9]],
  ['HEVC with B-frames', 'hevc.mp4', [...drawn(), ...h265]],
  ['Motion JPEG in AVI', 'jpeg.avi', [...drawn(), '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p']],
  ['4:2:2', 'deep.mp4', [...drawn(), ...h264('-bf', '0', '-g', '15'), '-pix_fmt', 'yuv422p']],
];

describe('odd media that is made here', () => {
  it.each(MADE)('gives exact clips: %s', { timeout: 120_000 }, async (_, name, args) => {
    const path = join(folder.path, name);
    execFileSync(npmFfmpeg.path, ['-v', 'error', '-nostdin', '-y', ...args, path]);
    const source = await shownBy(path);
    expect(source.times.length).toBeGreaterThan(7);
    const run = await TortureRun.capture(ffmpeg, path);
    const [atStart, , , oneFrame] = otherWindows(source.times);
    const inside = { kind: 'inside', fromS: (atStart?.toS ?? 0) - 0.001, toS: oneFrame?.toS ?? 0 };
    for (const window of [inside, atStart, oneFrame]) {
      if (!window) throw new Error('no window');
      const { kind, fromS, toS } = window;
      const wanted = source.times.filter((time) => time >= fromS && time < toS).length;
      const clip = await run.clip(fromS, toS);
      expect([clip.frames, clip.times.length], kind).toEqual([wanted, wanted]);
      expect(strangers(source, fromS, clip), kind).toEqual([]);
      expect(clip.aspect / source.aspect, kind).toBeCloseTo(1, 1);
    }
  });
});
