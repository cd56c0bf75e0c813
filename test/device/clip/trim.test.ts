// A clip holds exactly its window's frames, by the numbers drawn into them, decoded by real ffmpeg with the edit list ignored. Every clip
// also passes the self-check.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import type { Grant } from '../../../device/contract/owner-orders.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor, readerOf, saved } from './support/cutting.ts';
import { frameNumbersOf, type Style, x264 } from './support/footage.ts';
import { capturedFootage, frameTimesUs } from './support/segmenter.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-clip-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** From frame `from` up to, not including, frame `to`; null: to the end. */
type Span = readonly [from: number, to: number | null];

interface Case {
  style: Style;
  /** Frames from keyframe to keyframe. */
  gop: number;
  /** How its windows must be cut; `exact`: as a copy or smart cut, depending on their start. */
  cut: 'exact' | 're-encode';
  /** Whether every GOP of a stream that is encoded anew can be decoded alone. */
  closed?: boolean;
  /** The encoder of the capture, if it does not copy. */
  codec?: readonly string[];
  /** Fewer windows, for styles that differ only in their coding. */
  brief?: boolean;
}

/** Windows on and off keyframes, one frame long, across GOPs, inside one, and to the last frame. */
function spansOf({ gop, style, brief }: Case, thorough: boolean): Span[] {
  const few: Span[] = [
    [gop + 2, 2 * gop + 3],
    [gop, gop + 4],
    [2 * gop - 1, null],
  ];
  if (brief || !thorough) return few;
  return [
    ...few,
    [0, style.frames],
    [1, 2],
    [gop, gop + 1],
    [gop - 1, gop + 1],
    [gop + 3, gop + 9],
    [gop - 2, style.frames - 2],
    [style.frames - 1, null],
  ];
}

const SINE = 'sine=r=48000';
const LIVE = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-bf', '0'];

const CASES: Record<string, Case> = {
  'a GOP of 1 s with sound': { gop: 15, cut: 'exact', style: { video: x264(15), frames: 50, sound: SINE } },
  'a GOP of 2 s in main profile': {
    gop: 30,
    cut: 'exact',
    style: { video: x264(30, '-preset', 'veryfast', '-profile:v', 'main'), frames: 80 },
  },
  'a GOP of 4 s in high profile': {
    gop: 60,
    cut: 'exact',
    style: { video: x264(60, '-preset', 'veryfast', '-profile:v', 'high', '-refs', '4'), frames: 140, sound: SINE },
  },
  'frames at uneven times': {
    gop: 15,
    cut: 'exact',
    style: { video: x264(15), frames: 50, setpts: "'(N+mod(N*7,5)/8)/12/TB'" },
  },
  'footage encoded by the capture': {
    gop: 15,
    cut: 'exact',
    codec: [...LIVE, '-g', '15', '-keyint_min', '15', '-sc_threshold', '0', '-c:a', 'aac'],
    style: { video: ['-c:v', 'mpeg4', '-q:v', '3'], frames: 50, sound: SINE },
  },
  'parameter sets in the stream': {
    gop: 15,
    cut: 'exact',
    style: { video: x264(15, '-x264-params', 'repeat-headers=1:aud=1'), frames: 50 },
  },
  'four slices a frame': {
    gop: 15,
    cut: 'exact',
    brief: true,
    style: { video: x264(15, '-x264-params', 'slices=4'), frames: 50 },
  },
  'sets with an id of their own': {
    gop: 15,
    cut: 'exact',
    brief: true,
    style: { video: x264(15, '-x264-params', 'sps-id=0:sps-id=3'), frames: 50 },
  },
  'baseline with several references': {
    gop: 15,
    cut: 'exact',
    brief: true,
    style: { video: x264(15, '-profile:v', 'baseline', '-refs', '3', '-level', '3.1'), frames: 50 },
  },
  'entropy coding without arithmetic in main profile': {
    gop: 15,
    cut: 'exact',
    brief: true,
    style: { video: x264(15, '-preset', 'medium', '-profile:v', 'main', '-x264-params', 'cabac=0'), frames: 50 },
  },
  'a picture that is cropped': {
    gop: 15,
    cut: 'exact',
    brief: true,
    style: { video: ['-vf', 'crop=318:170:0:0', ...x264(15, '-preset', 'veryfast')], frames: 50 },
  },
  'full range colours': {
    gop: 15,
    cut: 'exact',
    brief: true,
    style: { video: x264(15, '-pix_fmt', 'yuvj420p', '-colorspace', 'bt709', '-color_trc', 'bt709'), frames: 50 },
  },
  'reordered frames': {
    gop: 15,
    closed: true,
    cut: 're-encode',
    style: { video: x264(15, '-preset', 'medium', '-bf', '3'), frames: 50 },
  },
  'open GOPs': {
    gop: 15,
    cut: 're-encode',
    style: { video: x264(15, '-preset', 'medium', '-bf', '3', '-x264-params', 'open-gop=1'), frames: 50, sound: SINE },
  },
  'interlaced frames': {
    gop: 15,
    cut: 're-encode',
    brief: true,
    style: { video: x264(15, '-preset', 'veryfast', '-x264-params', 'tff=1'), frames: 50 },
  },
  'ten bits a sample': {
    gop: 15,
    cut: 're-encode',
    brief: true,
    style: { video: x264(15, '-pix_fmt', 'yuv420p10le'), frames: 50 },
  },
};

async function cutAndCheck(ffmpeg: Ffmpeg, segments: readonly Segment[], grant: Partial<Grant>, span: Span) {
  const times = frameTimesUs(segments);
  const startUs = times[span[0]] ?? 0;
  const endUs = span[1] === null ? startUs + 60_000_000 : (times[span[1]] ?? (times.at(-1) ?? 0) + 1);
  const { live } = liveGrantFor({ window: { startUs, endUs }, ...grant });
  const deps = depsFor(ffmpeg, segments);
  const { clip, bytes } = await cut(live, deps);
  expect(bytes.length).toBe(clip.sizeBytes);
  await selfCheck(live, clip, readerOf(bytes), deps);
  return { clip, bytes };
}

// One ffmpeg cuts every window, the others a few of each kind; in the slow suite all cut all.
const slow = process.env['DOORSILL_SLOW'] === '1';

const LONG = [
  ...['open GOPs', 'reordered frames', 'a GOP of 4 s in high profile', 'footage encoded by the capture'],
  ...['a GOP of 2 s in main profile', 'frames at uneven times'],
];

describeWithEachFfmpeg('with ffmpeg $version', (ffmpeg) => {
  const thorough = slow || ffmpeg === npmFfmpeg;
  for (const [name, one] of Object.entries(CASES)) {
    const { style, codec, gop } = one;
    it(`cuts ${name} to the frame`, { tags: LONG.includes(name) ? ['long'] : [] }, async () => {
      const segments = await capturedFootage(ffmpeg.path, style, codec ? { codec } : {});
      const [spans, clips]: [Span[], string[]] = [spansOf(one, thorough), []];
      for (const span of spans) {
        const { clip, bytes } = await cutAndCheck(ffmpeg, segments, { audio: style.sound !== undefined }, span);
        clips.push(await saved(folder, `clip-${clips.length}.mp4`, bytes));
        const onKey = span[0] % gop === 0;
        // One or two frames, such as a keyframe alone, may be in order in any stream.
        const reorders = one.cut === 're-encode' && (!one.closed || clip.frames > 2);
        if (one.closed && !reorders) continue;
        expect(clip.method).toBe(reorders ? 're-encode' : onKey ? 'copy' : 'smart-cut');
        const untilKey = Math.min(gop - (span[0] % gop), clip.frames);
        if (clip.method === 'smart-cut') expect(clip.encodedFrames).toBe(untilKey);
      }
      const numbers = await frameNumbersOf(npmFfmpeg.path, clips);
      expect(numbers).toEqual(spans.map(([from, to]) => range(from, to ?? style.frames)));
    });
  }
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, offset) => from + offset);
}
