// @module-tag footage
// @module-tag long
// Exact clips of real cameras' footage, if installed: as many frames as the source has in the window.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { countFrames } from '../../../device/clip/hidden-frame-count.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import { ffmpegs } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { mediaFile } from '../../support/media.ts';
import { cut, depsFor, readerOf, saved } from './support/cutting.ts';
import { captureFile, frameTimesUs } from './support/segmenter.ts';

const [ffmpeg] = ffmpegs;
const ENCODE = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-bf', '0'];
const ONE_SECOND_GOPS = [
  ...ENCODE,
  '-g',
  '15',
  '-keyint_min',
  '15',
  '-sc_threshold',
  '0',
  '-c:a',
  'copy',
  '-copyinkf:a',
];

/** Windows as parts of the footage's frames. */
const PARTS: [number, number][] = [
  [0.11, 0.2],
  [0.5, 0.51],
  [0.93, 1],
];

it.skipIf(mediaFile('porch-visit-day.mp4') === null).each([
  { file: 'porch-man-leaves.mkv', codec: null },
  { file: 'porch-visit-day.mp4', codec: null },
  { file: 'speech-1940.mp4', codec: null },
  { file: 'persons-one-by-one.mp4', codec: null },
  { file: 'street-exposure-jump.avi', codec: ONE_SECOND_GOPS },
])('cuts $file to the frame', async ({ file, codec }) => {
  const path = mediaFile(file);
  if (!path || !ffmpeg) throw new Error('no footage');
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-real-'));
  const segments = await captureFile(ffmpeg.path, path, codec ? { codec } : {});
  const times = frameTimesUs(segments);
  for (const [from, to] of PARTS) {
    const [first, last] = [Math.floor(times.length * from), Math.ceil(times.length * to) - 1];
    const window = { startUs: times[first] ?? 0, endUs: (times[last] ?? 0) + 1 };
    const { live } = liveGrantFor({ window, audio: true });
    const deps = depsFor(ffmpeg, segments);
    const { clip, bytes } = await cut(live, deps);
    await selfCheck(live, clip, readerOf(bytes), deps);
    const counts = await countFrames(await saved(folder, 'clip.mp4', bytes), { ffmpeg, clock: new SystemClock() });
    expect(counts).toEqual({ shown: last - first + 1, held: last - first + 1 });
  }
  await rm(folder, { recursive: true });
});
