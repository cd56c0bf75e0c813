// The leak that the exact cut avoids: ffmpeg's own `-ss -to -c copy` hides frames behind an edit list.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { countFrames } from '../../../device/clip/hidden-frame-count.ts';
import { describeWithEachFfmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor, saved } from './support/cutting.ts';
import { makeFootage, readFrameNumbers, x264 } from './support/footage.ts';
import { captureFile, FOOTAGE_START_US } from './support/segmenter.ts';

const run = promisify(execFile);

describeWithEachFfmpeg('with ffmpeg $version', (ffmpeg) => {
  it('a copy by timestamps hides frames, our clip of the same span none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-leak-'));
    const deps = { ffmpeg, clock: new SystemClock() };
    const source = await makeFootage(ffmpeg.path, folder, { video: x264(15), frames: 75 });
    const leaky = join(folder, 'leaky.mp4');
    await run(ffmpeg.path, ['-loglevel', 'error', '-ss', '1.4', '-to', '4', '-i', source, '-c', 'copy', leaky]);
    const theirs = await countFrames(leaky, deps);
    expect(theirs).toEqual({ shown: 39, held: 45 });
    // Six frames from before the cut are in the file.
    expect((await readFrameNumbers(ffmpeg.path, leaky)).filter((number) => number < 21)).toEqual([
      15, 16, 17, 18, 19, 20,
    ]);

    const segments = await captureFile(ffmpeg.path, source);
    const window = { startUs: FOOTAGE_START_US + 1_400_000, endUs: FOOTAGE_START_US + 4_000_000 };
    const { bytes } = await cut(liveGrantFor({ window }).live, depsFor(ffmpeg, segments));
    const ours = await countFrames(await saved(folder, 'ours.mp4', bytes), deps);
    expect(ours).toEqual({ shown: 39, held: 39 });
    await rm(folder, { recursive: true });
  });
});
