import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { type StillAsked, stillPicture } from '../../../device/console/still-picture.ts';
import { failure } from '../../../device/contract/errors.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { descendants } from '../../support/processes.ts';
import { slowFfmpeg } from '../../support/slow-ffmpeg.ts';
import { makeFootage, readFrameNumbers, WIDTH, x264 } from '../clip/support/footage.ts';
import { captureFile, FOOTAGE_START_US } from '../clip/support/segmenter.ts';

const FPS = 15;

let folder: string;
let recorded: Segment[];
/** Footage whose frames are stored in another order than they are shown. */
let reordered: Segment[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-still-'));
  const style = { frames: 3 * FPS, fps: FPS };
  recorded = await captureFile(
    npmFfmpeg.path,
    await makeFootage(npmFfmpeg.path, folder, { ...style, video: x264(FPS) }),
  );
  const video = x264(FPS, '-bf', '2', '-b_strategy', '0');
  const path = await makeFootage(npmFfmpeg.path, folder, { ...style, video, name: 'reordered.mp4' });
  reordered = await captureFile(npmFfmpeg.path, path);
});
afterAll(() => rm(folder, { recursive: true }));

function still(
  ffmpeg: Ffmpeg,
  asked: Partial<StillAsked> & { second: number },
  from = recorded,
  signal = new AbortController().signal,
): Promise<{ jpeg: Uint8Array; atUs: number }> {
  const { second, ...rest } = asked;
  const atUs = FOOTAGE_START_US + Math.round(second * 1_000_000);
  const segments = async function* ({ startUs, endUs }: Window) {
    for (const segment of from) if (segment.startUs < endUs && segment.endUs > startUs) yield segment;
  };
  const full: StillAsked = { atUs, precision: 'exact', widthMax: 1_280, ...rest };
  return stillPicture({ segments, ffmpeg, clock: new SystemClock() }, full, signal);
}

async function numberIn(jpeg: Uint8Array): Promise<number | undefined> {
  const path = join(folder, 'still.jpg');
  await writeFile(path, jpeg);
  // The reader of frame numbers needs the edit list of an MP4.
  const film = join(folder, 'still.mov');
  await promisify(execFile)(npmFfmpeg.path, ['-loglevel', 'error', '-y', '-i', path, '-c', 'copy', film]);
  return (await readFrameNumbers(npmFfmpeg.path, film))[0];
}

describeWithEachFfmpeg('a still by ffmpeg $version', (ffmpeg) => {
  it.each([
    [0, 0],
    [0.5, 7],
    [0.99, 14],
    [1, 15],
    [2.34, 35],
    [2.9999, 44],
  ])('of second %d is the frame shown then', async (second, frame) => {
    const { jpeg, atUs } = await still(ffmpeg, { second });
    expect(await numberIn(jpeg)).toBe(frame);
    expect(Math.abs(atUs - FOOTAGE_START_US - (frame * 1_000_000) / FPS)).toBeLessThan(100);
  });

  it('is the same frame if frames are stored in another order', async () => {
    for (const [second, frame] of [
      [0.41, 6],
      [1.75, 26],
    ] as const) {
      expect(await numberIn((await still(ffmpeg, { second }, reordered)).jpeg)).toBe(frame);
    }
  });

  it('may be the preceding keyframe, which decodes faster', async () => {
    const { jpeg, atUs } = await still(ffmpeg, { second: 1.9, precision: 'key' });
    expect([await numberIn(jpeg), atUs]).toEqual([15, FOOTAGE_START_US + 1_000_000]);
  });

  it('is made smaller, never larger, and contains no metadata', async () => {
    const small = Buffer.from((await still(ffmpeg, { second: 0, widthMax: 64 })).jpeg);
    const large = Buffer.from((await still(ffmpeg, { second: 0, widthMax: 3_840 })).jpeg);
    // SOF0: height and width (ITU-T T.81 §B.2.2).
    const widthOf = (jpeg: Buffer) => jpeg.readUInt16BE(jpeg.indexOf(Uint8Array.of(0xff, 0xc0)) + 7);
    expect([widthOf(small), widthOf(large)]).toEqual([64, WIDTH]);
    expect(large.toString('latin1')).not.toMatch(/Lavc|ffmpeg|Exif/);
  });

  it('is refused without footage', async () => {
    await expect(still(ffmpeg, { second: 3.5 })).rejects.toMatchObject({ code: 'console_no_footage' });
    await expect(still(ffmpeg, { second: -1 })).rejects.toMatchObject({ code: 'console_no_footage' });
  });

  it('ends with its view, and leaves no process behind', async () => {
    const end = new AbortController();
    const making = still(await slowFfmpeg(folder), { second: 1 }, recorded, end.signal);
    const refused = expect(making).rejects.toMatchObject({ code: 'console_privacy_on' });
    await expect.poll(() => descendants(process.pid)).toHaveLength(1);
    end.abort(failure('console_privacy_on'));
    await refused;
    expect(descendants(process.pid)).toEqual([]);
  });

  it('starts no process for a view that has ended', async () => {
    await expect(
      still(ffmpeg, { second: 1 }, recorded, AbortSignal.abort(failure('console_privacy_on'))),
    ).rejects.toMatchObject({
      code: 'console_privacy_on',
    });
  });
});
