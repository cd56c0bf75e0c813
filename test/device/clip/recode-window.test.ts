// Full re-encodes: streams without independently decodable keyframes, and zones that are black to their edges.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { selfCheck } from '../../../device/clip/self-check.ts';
import type { Zone } from '../../../device/contract/shared-claims.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor, readerOf, saved } from './support/cutting.ts';
import { HEIGHT, makeFootage, readFrameNumbers, WIDTH, x264 } from './support/footage.ts';
import { capturedFootage, captureFile, FOOTAGE_START_US, frameTimesUs } from './support/segmenter.ts';
import { Surgery } from './support/surgery.ts';

const run = promisify(execFile);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-recode-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Luma of a file's frames, in order. */
async function lumaOf(ffmpeg: string, path: string, options: readonly string[] = []): Promise<Buffer[]> {
  const args = ['-loglevel', 'error', ...options, '-i', path, '-map', '0:v:0', '-fps_mode', 'passthrough'];
  const { stdout } = await run(ffmpeg, [...args, '-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1'], {
    encoding: 'buffer',
    maxBuffer: 512 * 1024 * 1024,
  });
  const bytes = WIDTH * HEIGHT;
  return Array.from({ length: stdout.length / bytes }, (_, at) => stdout.subarray(at * bytes, (at + 1) * bytes));
}

describeWithEachFfmpeg('with ffmpeg $version', (ffmpeg) => {
  it('a stream of periodic intra refresh is decoded from before the window and cut to the frame', async () => {
    const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-g', '15', '-x264-params', 'intra-refresh=1'];
    const segments = await capturedFootage(ffmpeg.path, { video, frames: 80 });
    const times = frameTimesUs(segments);
    const { live } = liveGrantFor({ window: { startUs: times[33] ?? 0, endUs: times[70] ?? 0 } });
    const deps = depsFor(ffmpeg, segments);
    const { clip, bytes } = await cut(live, deps);
    await selfCheck(live, clip, readerOf(bytes), deps);
    expect(clip.method).toBe('re-encode');
    const numbers = await readFrameNumbers(npmFfmpeg.path, await saved(folder, 'clip.mp4', bytes));
    expect(numbers).toEqual(Array.from({ length: 37 }, (_, at) => 33 + at));
  });

  it('a file does not reveal the ring’s groups of pictures', async () => {
    const segments = await capturedFootage(ffmpeg.path, { video: x264(15), frames: 90, sound: 'sine=r=48000' });
    const times = frameTimesUs(segments);
    const chunksFrom = async (first: number) => {
      const window = { startUs: times[first] ?? 0, endUs: times[first + 70] ?? 0 };
      const deps = depsFor(ffmpeg, segments, { recode: 'always' });
      const file = new Surgery((await cut(liveGrantFor({ window, audio: true }).live, deps)).bytes);
      const { content } = file.find('0/mdia/minf/stbl/stsc');
      return Array.from({ length: content.length / 4 }, (_, at) => file.number('0/mdia/minf/stbl/stsc', at * 4));
    };
    // Two entries: from the first chunk on 60 frames each, from the second on 10.
    expect(await chunksFrom(4)).toEqual([0, 2, 1, 60, 1, 2, 10, 1]);
    expect(await chunksFrom(11)).toEqual(await chunksFrom(4));
  });

  it('exactly the zones are black, to their edges, in every frame', async () => {
    const source = await makeFootage(ffmpeg.path, folder, { video: x264(15, '-crf', '10'), frames: 45 });
    const segments = await captureFile(ffmpeg.path, source);
    // 320 by 176: pixels 100 to 149 and 80 to 131; the second edges cut through a pixel and are rounded outwards.
    const zone: Zone = { left: 3_125, top: 4_546, width: 1_555, height: 2_925 };
    const window = { startUs: FOOTAGE_START_US + 300_000, endUs: FOOTAGE_START_US + 2_000_000 };
    const { live } = liveGrantFor({ window, zones: [zone] });
    const deps = depsFor(ffmpeg, segments);
    const { clip, bytes } = await cut(live, deps);
    await selfCheck(live, clip, readerOf(bytes), deps);
    expect(clip).toMatchObject({ method: 're-encode', redacted: true, frames: 25, encodedFrames: 25 });
    const path = await saved(folder, 'clip.mp4', bytes);
    expect(await readFrameNumbers(npmFfmpeg.path, path)).toEqual(Array.from({ length: 25 }, (_, at) => 5 + at));
    const frames = await lumaOf(npmFfmpeg.path, path);
    const originals = await lumaOf(npmFfmpeg.path, source);
    frames.forEach((frame, at) => {
      const original = originals[at + 5] ?? Buffer.alloc(0);
      const inside = difference(
        frame,
        Buffer.alloc(frame.length, 16),
        (x, y) => x >= 100 && x < 150 && y >= 80 && y < 132,
      );
      // Two pixels around are not compared: the codec smooths block edges.
      const outside = difference(frame, original, (x, y) => x < 98 || x >= 152 || y < 78 || y >= 134);
      expect(inside.most).toBeLessThan(24);
      expect(outside.mean).toBeLessThan(6);
    });
  });
});

function difference(a: Buffer, b: Buffer, where: (x: number, y: number) => boolean): { mean: number; most: number } {
  let [sum, count, most] = [0, 0, 0];
  for (let at = 0; at < a.length; at += 1) {
    if (!where(at % WIDTH, Math.floor(at / WIDTH))) continue;
    const off = Math.abs((a[at] ?? 0) - (b[at] ?? 0));
    sum += off;
    count += 1;
    most = Math.max(most, off);
  }
  return { mean: sum / count, most };
}
