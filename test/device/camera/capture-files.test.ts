import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { frameTimes } from '../../support/frame-times.ts';
import { mediaFile } from '../../support/media.ts';
import { ffmpegChildren, Recorder } from './support/recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-capture-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => expect(ffmpegChildren()).toEqual([]));

const picture = (seconds = 6) => ['-f', 'lavfi', '-i', `testsrc2=s=160x120:r=15:d=${seconds}`];
const sine = (seconds = 6) => ['-f', 'lavfi', '-i', `sine=f=440:r=48000:d=${seconds}`];
const x264 = (...options: string[]) => ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', ...options];

/** Makes a file with ffmpeg; once for all tests. */
function make(name: string, ...args: string[]): string {
  const path = join(folder, name);
  execFileSync(npmFfmpeg.path, ['-v', 'error', '-nostdin', '-y', ...args, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return path;
}

const made = {
  gop1: make('gop1.mp4', ...picture(), ...sine(), ...x264('-bf', '0', '-g', '15'), '-c:a', 'aac'),
  gop2: make('gop2.mkv', ...picture(), ...x264('-bf', '0', '-g', '30')),
  gop4: make('gop4.mp4', ...picture(9), ...x264('-bf', '0', '-g', '60')),
  gop6: make('gop6.mp4', ...picture(13), ...x264('-bf', '0', '-g', '90', '-sc_threshold', '0')),
  reordered: make('b.mp4', ...picture(), ...x264('-bf', '2', '-g', '15', '-b_strategy', '0')),
  /** AVI has no presentation times. */
  untimed: make('b.avi', ...picture(), ...x264('-bf', '2', '-g', '15', '-b_strategy', '0')),
  odd: make(
    'odd.webm',
    '-f',
    'lavfi',
    '-i',
    'testsrc=s=321x241:r=15:d=2',
    '-pix_fmt',
    'yuv420p',
    '-c:v',
    'libvpx',
    '-deadline',
    'realtime',
    '-cpu-used',
    '8',
  ),
  deep: make('deep.mp4', ...picture(2), ...x264('-bf', '0', '-g', '15'), '-pix_fmt', 'yuv422p'),
  transport: make('t.ts', ...picture(), ...sine(), ...x264('-bf', '0', '-g', '15'), '-c:a', 'aac'),
  raw: make('raw.h264', ...picture(), ...x264('-bf', '0', '-g', '25')),
  twoSounds: make(
    'two.mp4',
    ...picture(3),
    ...sine(3),
    ...sine(3),
    '-map',
    '0',
    '-map',
    '1',
    '-map',
    '2',
    ...x264('-bf', '0', '-g', '15'),
    '-c:a',
    'aac',
  ),
  foreignSound: make('pcm.avi', ...picture(3), ...sine(3), ...x264('-bf', '0', '-g', '15'), '-c:a', 'pcm_s16le'),
};
const late = make(
  'late.mkv',
  '-itsoffset',
  '0.5',
  '-i',
  made.gop1,
  '-i',
  made.gop1,
  '-map',
  '0:v',
  '-map',
  '1:a',
  '-c',
  'copy',
);
const shifted = make('shifted.mkv', '-i', made.gop2, '-c', 'copy', '-output_ts_offset', '17.8');
/** The option of ffmpeg 6 and newer, and that of older releases. */
const turned =
  npmFfmpeg.release[0] < 6
    ? ['-i', made.gop1, '-c', 'copy', '-metadata:s:v:0', 'rotate=90']
    : ['-display_rotation', '90', '-i', made.gop1, '-c', 'copy'];
const rotated = make('rotated.mp4', ...turned);

/** Real footage and how it must be recorded: all but one is reordered, has keyframes too far apart, or is not H.264. */
const FOOTAGE = [
  ['porch-visit-day.mp4', 'encode'],
  ['porch-man-leaves.mkv', 'encode'],
  ['speech-1940.mp4', 'encode'],
  ['street-exposure-jump.avi', 'encode'],
  ['cars-from-above.mp4', 'copy'],
  ['torture/androidx_h265_bframes.mp4', 'encode'],
  ['torture/androidx_bear-vp9-odd-dimensions.webm', 'encode'],
  ['torture/mediabunny_edts.mp4', 'encode'],
  ['torture/androidx_sample_fragmented_sei.mp4', 'encode'],
] as const;

const known = new Map<string, Promise<number[]>>();
const timesOf = (path: string) => known.get(path) ?? known.set(path, frameTimes(path)).get(path);

/** Times by another decoder, within the rounding of containers. */
async function expectSourceTimes(recorder: Recorder, path: string): Promise<void> {
  const wanted = (await timesOf(path)) ?? [];
  const got = recorder.sourceTimesS();
  expect(got.length).toBe(wanted.length);
  const worst = Math.max(...got.map((time, n) => Math.abs(time - (wanted[n] ?? Number.NaN))));
  // The other decoder prints six digits.
  expect(worst).toBeLessThanOrEqual(0.00101);
}

/** Segments follow each other without overlap, each one GOP that begins with a keyframe. */
function expectWholeGops(recorder: Recorder): void {
  recorder.segments.forEach((segment, n) => {
    const { video } = parseFragment(parseInit(segment.init), segment.fragment);
    expect(video.map((sample) => sample.key)).toEqual(video.map((_, at) => at === 0));
    expect(segment.index).toBe(n);
    expect(segment.startUs).toBeGreaterThanOrEqual(recorder.segments[n - 1]?.endUs ?? 0);
    expect(segment.endUs).toBeGreaterThan(segment.startUs);
  });
}

describeWithEachFfmpeg('a file captured by ffmpeg $version', (ffmpeg) => {
  const capture = (path: string, options = '') => new Recorder(ffmpeg, `file:${path}?pace=fast${options}`).whole();
  const method = (recorder: Recorder) => recorder.changes.find((change) => change.recording)?.recording?.video;

  it.each([
    ['H.264 with a keyframe each second', made.gop1, 'copy', 6],
    ['H.264 with a keyframe every 2 s', made.gop2, 'copy', 3],
    ['H.264 with a keyframe every 4 s', made.gop4, 'copy', 3],
    ['H.264 with a keyframe every 6 s', made.gop6, 'encode', 13],
    ['H.264 with reordered pictures', made.reordered, 'encode', 6],
    ['H.264 with reordered pictures and no times to show it', made.untimed, 'encode', 6],
    ['H.264 that is not 4:2:0', made.deep, 'encode', 2],
    ['VP8 of odd size', made.odd, 'encode', 2],
    ['a picture turned on its side', rotated, 'copy', 6],
    ['a picture that begins after the sound', late, 'copy', 6],
    ['times that begin at 17.8 s', shifted, 'copy', 3],
  ])('records every frame at its time: %s', async (_, path, wanted, segments) => {
    const recorder = await capture(path);
    expect(recorder.states()).toEqual(['starting', 'recording', 'ended', 'off']);
    expect(method(recorder)).toBe(wanted);
    expect(recorder.segments.length).toBe(segments);
    expectWholeGops(recorder);
    await expectSourceTimes(recorder, path);
    const { video } = parseInit(recorder.segments[0]?.init ?? new Uint8Array(0));
    expect([video.width % 2, video.height % 2]).toEqual([0, 0]);
  });

  it('measures a file that does not state its length', async () => {
    const recorder = await capture(made.raw);
    expect(recorder.frameTimesUs().length).toBe(90);
    expect(recorder.segments.at(-1)?.endUs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(Date.now() * 1000);
    expectWholeGops(recorder);
  });

  // The bundled static build crashes on any transport stream that names its service.
  if (ffmpeg.origin === 'bundled' || ffmpeg.version.includes('static')) {
    it('refuses a transport stream on which this ffmpeg crashes, and says to install another one', async () => {
      const recorder = new Recorder(ffmpeg, made.transport);
      await expect(recorder.capture.start(new AbortController().signal)).rejects.toMatchObject({
        code: 'camera_no_video',
        message: expect.stringContaining('install a newer one'),
      });
      await recorder.capture.stop();
      expect(recorder.segments).toEqual([]);
    });
  } else {
    it('records every frame of a transport stream, with its sound encoded anew', async () => {
      const recorder = await capture(made.transport);
      expect(method(recorder)).toBe('copy');
      expect(
        parseInit(recorder.segments[0]?.init ?? new Uint8Array(0)).audio?.audioSpecificConfig?.length,
      ).toBeGreaterThan(1);
      // The other decoder counts from the first picture, the capture from the start of sound.
      const relative = (times: number[]) => times.map((time) => Math.round((time - (times[0] ?? 0)) * 1000));
      expect(relative(recorder.sourceTimesS())).toEqual(relative(await frameTimes(made.transport)));
    });
  }

  for (const [name, wanted] of FOOTAGE) {
    const path = mediaFile(name);
    it.skipIf(path === null)(
      `records every frame of real footage at its time: ${name}`,
      { tags: ['footage', 'long'] },
      async () => {
        const recorder = await capture(path ?? '');
        expect(recorder.states()).toEqual(['starting', 'recording', 'ended', 'off']);
        expect(method(recorder)).toBe(wanted);
        expectWholeGops(recorder);
        await expectSourceTimes(recorder, path ?? '');
      },
    );
  }

  it('dates no footage into the future: it ends when the capture began', async () => {
    const before = Date.now() * 1000;
    const recorder = await capture(made.gop1);
    const endUs = recorder.segments.at(-1)?.endUs ?? 0;
    expect(endUs).toBeLessThanOrEqual(Date.now() * 1000);
    expect(endUs).toBeGreaterThan(before - 100_000);
  });

  it('copies AAC, encodes other sound, takes one of several tracks, and leaves sound out with audio=off', async () => {
    const packets = (recorder: Recorder) =>
      recorder.segments.flatMap((segment) => parseFragment(parseInit(segment.init), segment.fragment).audio);
    for (const path of [made.gop1, made.foreignSound, made.twoSounds, late]) {
      const recorder = await capture(path);
      const init = parseInit(recorder.segments[0]?.init ?? new Uint8Array(0));
      expect(init.audio).toMatchObject({ codec: 'mp4a', sampleRate: 48_000, channels: 1 });
      expect(init.audio?.audioSpecificConfig?.length).toBeGreaterThanOrEqual(2);
      expect(packets(recorder).length).toBeGreaterThan(100);
    }
    const silent = await capture(made.gop1, '&audio=off');
    expect(parseInit(silent.segments[0]?.init ?? new Uint8Array(0)).audio).toBeNull();
  });

  it('keeps sound in step with the picture when one begins later', async () => {
    const recorder = await capture(late);
    const { init, fragment } = recorder.segments[0] ?? { init: new Uint8Array(0), fragment: new Uint8Array(0) };
    const info = parseInit(init);
    const { video, audio } = parseFragment(info, fragment);
    const startS = (samples: typeof video, timescale = 1) => (samples[0]?.pts ?? 0) / timescale;
    const apart = startS(video, info.video.timescale) - startS(audio, info.audio?.timescale);
    // The picture was moved by 0.5 s; AAC's priming packet lies 1024 samples before its sound.
    expect(apart).toBeGreaterThan(0.49);
    expect(apart).toBeLessThan(0.53);
  });

  it('makes five gray frames a second', async () => {
    const recorder = await capture(made.gop1);
    expect(recorder.gray.length).toBeGreaterThanOrEqual(29);
    expect(recorder.gray.length).toBeLessThanOrEqual(31);
    const startUs = recorder.changes.find((change) => change.recording)?.recording?.sourceStartUs ?? 0;
    recorder.gray.forEach((frame, n) => {
      expect(frame).toMatchObject({ width: 160, height: 90, atUs: startUs + n * 200_000 });
      expect(frame.pixels.length).toBe(160 * 90);
    });
    expect(new Set(recorder.gray.map((frame) => frame.pixels.join())).size).toBeGreaterThan(20);
  });

  it('reads only as fast as segments are stored', async () => {
    let stored = 0;
    const store = async () => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      stored += 1;
    };
    const recorder = new Recorder(ffmpeg, `file:${made.gop1}?pace=fast`, { store, queueBytesMax: 1 });
    await recorder.whole();
    expect(stored).toBe(6);
    expect(recorder.segments.map((segment) => segment.index)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('plays a looped file again as a new recording', { tags: ['long'] }, async () => {
    const recorder = new Recorder(
      ffmpeg,
      `file:${make(`short-${ffmpeg.origin}.mp4`, '-i', made.gop1, '-t', '1', '-c', 'copy')}?loop`,
    );
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length >= 2);
    await recorder.capture.stop();
    const [first, second] = recorder.segments;
    expect(second).toMatchObject({ index: 0 });
    expect(second?.recording).not.toBe(first?.recording);
    expect(second?.startUs ?? 0).toBeGreaterThanOrEqual(first?.endUs ?? 0);
    const places = recorder.changes.flatMap((change) => (change.recording ? [change.recording.recording] : []));
    expect(places.slice(0, 2)).toEqual([first?.recording, second?.recording]);
  });
});
