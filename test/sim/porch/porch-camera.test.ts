import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { runFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { parseCameraSource } from '../../../device/camera/sources.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { soundOf } from '../../../sim/porch/chime-sound.ts';
import { readFrameNumber } from '../../../sim/porch/frame-number.ts';
import { ALL_CAMERAS, stampText } from '../../../sim/porch/porch-camera.ts';
import { CYCLE_FRAMES, PRESS_FRAME, pressesAt, sceneAt } from '../../../sim/porch/scene.ts';
import { Recorder } from '../../device/camera/support/recorder.ts';
import { describeWithEachFfmpeg } from '../../support/each-ffmpeg.ts';

const clock = new SystemClock();

/** Decodes segments of one recording to gray frames. */
async function decode(
  ffmpeg: Ffmpeg,
  segments: readonly Segment[],
  width: number,
  height: number,
): Promise<Uint8Array[]> {
  const first = segments[0];
  if (!first) return [];
  const bytes = await runFfmpeg(ffmpeg, {
    doing: 'decoding',
    args: [
      '-f',
      'mp4',
      '-i',
      'pipe:0',
      '-map',
      '0:v',
      '-fps_mode',
      'passthrough',
      '-vf',
      `scale=${width}:${height},format=gray`,
      '-f',
      'rawvideo',
      'pipe:1',
    ],
    stdin: concatBytes([first.init, ...segments.map((segment) => segment.fragment)]),
    stdoutBytesMax: 1e9,
    timeoutMs: 20_000,
    clock,
  });
  return Array.from({ length: bytes.length / (width * height) }, (_, n) =>
    bytes.subarray(n * width * height, (n + 1) * width * height),
  );
}

describeWithEachFfmpeg('the drawn porch through ffmpeg $version', (ffmpeg) => {
  it('has every frame number in order, readable after encoding and at any size', { tags: ['long'] }, async () => {
    const recorder = await new Recorder(ffmpeg, 'synthetic?pace=fast&seconds=6').whole();
    expect(recorder.segments.length).toBe(6);
    for (const [width, height] of [
      [1280, 720],
      [320, 180],
      [160, 90],
    ] as const) {
      const frames = await decode(ffmpeg, recorder.segments, width, height);
      const numbers = frames.map((frame) => readFrameNumber(frame, width, height));
      expect(numbers).toEqual(Array.from({ length: 90 }, (_, n) => n));
    }
    const gray = recorder.gray.map((frame) => readFrameNumber(frame.pixels, frame.width, frame.height));
    expect(gray.filter((number) => number === null)).toEqual([]);
    // A frame's wall time is its number / 15.
    const startUs = recorder.changes.find((change) => change.recording)?.recording?.sourceStartUs ?? 0;
    expect(recorder.frameTimesUs()).toEqual(Array.from({ length: 90 }, (_, n) => startUs + Math.round((n * 1e6) / 15)));
  });

  it('reports the visitor’s press with its wall time, and sounds the chime', async () => {
    const recorder = await new Recorder(ffmpeg, 'synthetic?size=320x180&pace=fast&seconds=30').whole();
    const startUs = recorder.changes.find((change) => change.recording)?.recording?.sourceStartUs ?? 0;
    expect(recorder.presses).toEqual(
      [PRESS_FRAME, PRESS_FRAME + CYCLE_FRAMES].map((frame) => ({
        frame,
        atUs: startUs + Math.round((frame * 1e6) / 15),
      })),
    );
    const sound = await runFfmpeg(ffmpeg, {
      doing: 'decoding',
      args: ['-f', 'mp4', '-i', 'pipe:0', '-map', '0:a', '-f', 's16le', '-ac', '1', '-ar', '48000', 'pipe:1'],
      stdin: concatBytes([
        recorder.segments[0]?.init ?? new Uint8Array(0),
        ...recorder.segments.map((segment) => segment.fragment),
      ]),
      stdoutBytesMax: 1e9,
      timeoutMs: 20_000,
      clock,
    });
    const level = (fromS: number, toS: number) => {
      const view = new DataView(sound.buffer, sound.byteOffset, sound.byteLength);
      let most = 0;
      for (let n = Math.round(fromS * 48_000); n < toS * 48_000; n += 1)
        most = Math.max(most, Math.abs(view.getInt16(n * 2, true)));
      return most;
    };
    const pressS = PRESS_FRAME / 15;
    expect(level(0.5, pressS - 0.1)).toBeLessThan(500);
    expect(level(pressS + 0.05, pressS + 0.4)).toBeGreaterThan(5_000);
    expect(level(10, 20)).toBeLessThan(500);
  });

  it('follows the wall clock at its own pace', { tags: ['long'] }, async () => {
    const recorder = new Recorder(ffmpeg, 'synthetic?size=320x180');
    const before = clock.wallUs();
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length === 2);
    const now = clock.wallUs();
    await recorder.capture.stop();
    const [first, second] = recorder.segments;
    expect(first?.startUs ?? 0).toBeGreaterThanOrEqual(before);
    expect(second?.endUs ?? 0).toBeLessThan(now + 100_000);
    expect((second?.endUs ?? 0) - (first?.startUs ?? 0)).toBe(2_000_000);
  });

  it('has no sound with audio=off', async () => {
    const recorder = await new Recorder(ffmpeg, 'synthetic?size=320x180&pace=fast&seconds=2&audio=off').whole();
    const { init, fragment } = recorder.segments[0] ?? { init: new Uint8Array(0), fragment: new Uint8Array(0) };
    expect(parseInit(init).audio).toBeNull();
    expect(parseFragment(parseInit(init), fragment).audio).toEqual([]);
  });
});

describe('the scene', () => {
  it('repeats a visitor who comes, presses within 3 s, waits and leaves', () => {
    const x = (frame: number) => sceneAt(frame).visitor?.x ?? null;
    expect(PRESS_FRAME).toBeLessThan(45);
    expect(x(20) ?? 1).toBeLessThan(x(PRESS_FRAME) ?? 0);
    expect(sceneAt(PRESS_FRAME)).toMatchObject({ visitor: { pose: 'press' }, lit: true });
    expect(sceneAt(100)).toMatchObject({ visitor: { pose: 'stand', facing: 'right' }, lit: false });
    expect(sceneAt(150).visitor).toMatchObject({ facing: 'left' });
    expect(sceneAt(200).visitor).toBeNull();
    for (const frame of [0, 39, 150, 200]) expect(sceneAt(frame + CYCLE_FRAMES)).toEqual(sceneAt(frame));
    expect(Array.from({ length: 720 }, (_, n) => n).filter((frame) => pressesAt(frame))).toEqual([
      PRESS_FRAME,
      PRESS_FRAME + CYCLE_FRAMES,
    ]);
  });

  it('sounds the same for the same frame', () => {
    expect(soundOf(50)).toEqual(soundOf(50));
    expect(soundOf(50)).not.toEqual(soundOf(51));
  });

  it('is stamped with the wall time to the millisecond and the number', () => {
    expect(stampText(1_795_568_573_264_999, 42)).toBe('2026-11-25 01:02:53.264 UTC #000042');
  });
});

describe("the drawn porch's name", () => {
  const settingsOf = (text: string) => parseCameraSource(text, {}, ALL_CAMERAS).settings;

  it('is synthetic, with options', () => {
    expect(settingsOf('synthetic')).toEqual({
      kind: 'synthetic',
      width: 1280,
      height: 720,
      pace: 'own',
      audio: true,
      seconds: null,
      play: 'visitor',
      shown: 'synthetic',
    });
    expect(settingsOf('synthetic?pace=fast&seconds=30&size=640x360&audio=off&play=dog')).toMatchObject({
      width: 640,
      height: 360,
      pace: 'fast',
      seconds: 30,
      audio: false,
      play: 'dog',
    });
  });

  it.each(['pace=slow', 'pace=fast', 'size=641x360', 'size=99999x9', 'seconds=0', 'colour=red', 'play=cat'])(
    'is refused with %s',
    (option) => {
      expect(() => settingsOf(`synthetic?${option}`)).toThrow(
        expect.objectContaining({ code: 'camera_option_invalid' }),
      );
    },
  );
});
