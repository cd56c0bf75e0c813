// A wired camera's runs, with an ffmpeg that reads drawn pictures instead of a node; `npm run check:camera` uses real cameras.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import { FramePace } from '../../../device/camera/frame-pace.ts';
import { wallTimeUs } from '../../../device/camera/segment.ts';
import { V4l2Driver, v4l2Kind } from '../../../device/camera/source-v4l2.ts';
import { parseCameraSource } from '../../../device/camera/sources.ts';

import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { ffmpegChildren, ffmpegsForSlowTests, Recorder } from './support/recorder.ts';
import { WiredCamera } from './support/wired-programs.ts';

const SOURCE = 'v4l2:/dev/null?size=320x180&rate=10';

describe.each(ffmpegsForSlowTests)('a wired camera with ffmpeg $version', (ffmpeg) => {
  let camera: WiredCamera;

  beforeEach(() => {
    camera = new WiredCamera(ffmpeg);
  });

  afterEach(() => {
    camera.dispose();
    expect(ffmpegChildren()).toEqual([]);
  });

  async function recording(source = SOURCE, segments = 2): Promise<Recorder> {
    const recorder = new Recorder(camera.ffmpeg, source);
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length >= segments);
    return recorder;
  }

  const told = (recorder: Recorder) => recorder.changes.map(({ state, failure }) => [state, failure?.code]);
  const soundOf = (recorder: Recorder) =>
    recorder.segments.flatMap(({ init, fragment }) => parseFragment(parseInit(init), fragment).audio);

  it('is listed, and read by its own demuxer alone, without network and file protocols', async () => {
    const recorder = await recording();
    await recorder.capture.stop();
    const [listing, capture] = camera.calls();
    expect(listing).toEqual(expect.arrayContaining(['-list_formats', 'all', '/dev/null']));
    for (const call of [listing, capture]) {
      const text = call?.join(' ');
      expect(text).toContain('-protocol_whitelist pipe -format_whitelist video4linux2,v4l2 -f v4l2');
      expect(call?.filter((argument) => argument === '-i')).toHaveLength(1);
    }
    expect(capture?.join(' ')).toContain('-input_format mjpeg -video_size 320x180 -framerate 10');
  });

  it.each([
    ['whose bus has no room for the size that was taken', 'full', 'No space left on device'],
    [
      'whose driver gives another size than it lists',
      'changed to 640x480',
      'changed the video from 1280x720 to 640x480',
    ],
    ['that is silent in the size that was taken', 'silent', 'stalled'],
  ])('%s is recorded in another size, which is reported', async (_what, how, words) => {
    camera.ungiven({ 'mjpeg 1280x720': how });
    const recorder = new Recorder(camera.ffmpeg, 'v4l2:/dev/null?rate=10', { stallMs: 3_000 });
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length >= 2);
    await recorder.capture.stop();
    const last = recorder.changes.findLast(({ state }) => state === 'recording')?.failure;
    expect(last?.code).toBe('camera_size_ungiven');
    expect(last?.message).toContain('mjpeg 1280x720');
    expect(last?.message).toContain(words);
    expect(last?.message).toContain('mjpeg 640x480 is recorded instead');
    const [segment] = recorder.segments;
    expect(segment && parseInit(segment.init).video).toMatchObject({ width: 640, height: 480 });
    expect(camera.calls().at(-1)?.join(' ')).toContain('-video_size 640x480');
  });

  it('that does not deliver the configured size is not recorded in another one, with advice', async () => {
    camera.ungiven({ 'mjpeg 640x480': 'full', 'yuyv422 640x480': 'changed to 320x180' });
    const recorder = new Recorder(camera.ffmpeg, 'v4l2:/dev/null?rate=10&size=640x480');
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.changes.some(({ failure }) => failure?.code === 'camera_size_ungiven'));
    const asked = () => new Set(camera.calls().flatMap((call) => call[call.indexOf('-video_size') + 1] ?? []));
    await recorder.until(() => camera.calls().length > 8);
    expect(recorder.segments).toEqual([]);
    expect([...asked()].filter((one) => /^\d+x\d+$/.test(one))).toEqual(['640x480']);
    // As soon as the bus has bandwidth, it records.
    camera.ungiven({});
    await recorder.until(() => recorder.segments.length > 0);
    await recorder.capture.stop();
    expect(recorder.changes.findLast(({ state }) => state === 'recording')?.failure).toBeUndefined();
  });

  it('is tried by the doctor in each size until one delivers a picture', async () => {
    camera.ungiven({ 'mjpeg 1280x720': 'full', 'mjpeg 640x480': 'changed to 320x180' });
    const tried = parseCameraSource('v4l2:/dev/null', {}).tryOnce({
      ffmpeg: camera.ffmpeg,
      clock: new SystemClock(),
      programs: new SystemPrograms(),
    });
    await expect(tried).resolves.toMatchObject({
      gives: 'mjpeg 320x180 from /dev/null',
      troubles: [{ code: 'camera_size_ungiven' }],
    });
  });

  it('is asked for a lower rate while the board is throttled, without losing a GOP, and reports it', async () => {
    let isSlowed = false;
    const pace = new FramePace(new SystemClock(), () => isSlowed);
    const recorder = new Recorder(camera.ffmpeg, SOURCE.replace('rate=10', 'rate=20'), { pace });
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length >= 2);
    isSlowed = true;
    await recorder.until(() => recorder.changes.at(-1)?.failure?.code === 'camera_rate_lowered');
    const before = recorder.segments.length;
    await recorder.until(() => recorder.segments.length >= before + 2);
    await recorder.capture.stop();
    const rates = camera.calls().flatMap((call) => call[call.indexOf('-framerate') + 1] ?? []);
    expect(rates.slice(-1)).toEqual(['10']);
    expect(camera.calls().at(-1)).toContain('ultrafast');
    expect(recorder.states()).toEqual(['starting', 'recording', 'recording', 'off']);
    const frames = recorder.segments.map(({ init, fragment }) => parseFragment(parseInit(init), fragment).video.length);
    // Complete GOPs of one rate, then of the other; stopping may cut off the last.
    const whole = frames.slice(0, -1);
    expect([...new Set(whole)]).toEqual([20, 10]);
    expect(whole).toEqual(whole.toSorted((a, b) => b - a));
  });

  it('dates its pictures by the kernel’s stamps, and begins its timeline with the first one', async () => {
    const startedUs = Date.now() * 1000;
    const recorder = await recording();
    await recorder.capture.stop();
    const [first] = recorder.segments;
    expect(camera.calls()).toHaveLength(2);
    expect(camera.calls().at(-1)).toContain('-copyts');
    expect(first?.startUs).not.toBe(first?.wallOffsetUs);
    const place = recorder.changes.find((change) => change.recording)?.recording;
    expect(place?.sourceStartUs).toBe(first?.startUs);
    expect(first?.startUs ?? 0).toBeGreaterThan(startedUs);
    expect(recorder.segments.at(-1)?.endUs ?? Number.POSITIVE_INFINITY).toBeLessThan(Date.now() * 1000 + 200_000);
    expect(recorder.states()).toEqual(['starting', 'recording', 'off']);
  });

  it('is dated by the arrival of its pictures if no clock of this machine stamps them', async () => {
    camera.stamped(false);
    const startedUs = Date.now() * 1000;
    const recorder = await recording();
    await recorder.capture.stop();
    expect(camera.calls().filter((call) => call.includes('-copyts'))).toHaveLength(1);
    expect(camera.calls().at(-1)).not.toContain('-copyts');
    expect(recorder.segments[0]?.startUs ?? 0).toBeGreaterThan(startedUs);
    expect(recorder.segments.at(-1)?.endUs ?? Number.POSITIVE_INFINITY).toBeLessThan(Date.now() * 1000 + 200_000);
  });

  it('is reported as gone when it is unplugged, and recorded again when it is back', async () => {
    const recorder = await recording();
    camera.unplug();
    await recorder.until(() => recorder.states().at(-1) === 'lost');
    expect(recorder.changes.at(-1)?.failure).toMatchObject({ code: 'camera_gone' });
    const before = recorder.segments.length;
    camera.fault(null);
    await recorder.until(() => recorder.segments.length > before + 1);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'lost', 'recording', 'off']);
    expect(recorder.segments.at(-1)?.recording).not.toBe(recorder.segments[0]?.recording);
  });

  it.each([
    ['gone', 'camera_gone'],
    ['busy', 'camera_busy'],
    ['denied', 'camera_denied'],
    ['metadata', 'camera_not_capture'],
  ] as const)('that is %s is told with a code of its own, and tried again', async (fault, code) => {
    camera.fault(fault);
    const recorder = new Recorder(camera.ffmpeg, SOURCE);
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.states().at(-1) === 'lost');
    expect(recorder.changes.at(-1)?.failure).toMatchObject({ code, retryable: true });
    camera.fault(null);
    await recorder.until(() => recorder.segments.length > 0);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'lost', 'recording', 'off']);
  });

  it('that lists nothing, like a metadata node, is reported as not a camera', async () => {
    camera.dispose();
    camera = new WiredCamera(ffmpeg, []);
    const seams = { clock: new SystemClock(), programs: new SystemPrograms(), ffmpeg: camera.ffmpeg };
    const source = parseCameraSource(SOURCE);
    if (source.kind !== 'v4l2') throw new Error('not a wired camera');
    await expect(source.tryOnce(seams)).rejects.toMatchObject({ code: 'camera_not_capture' });
  });

  it('that lacks the configured format reports what it has', async () => {
    const seams = { clock: new SystemClock(), programs: new SystemPrograms(), ffmpeg: camera.ffmpeg };
    const lacks = parseCameraSource('v4l2:/dev/null?size=800x600');
    if (lacks.kind !== 'v4l2') throw new Error('not a wired camera');
    await expect(lacks.tryOnce(seams)).rejects.toMatchObject({
      code: 'camera_format_unsupported',
      message: expect.stringContaining('mjpeg 640x480 320x180 1280x720'),
    });
    const has = parseCameraSource(SOURCE);
    if (has.kind !== 'v4l2') throw new Error('not a wired camera');
    expect(await has.tryOnce(seams)).toEqual({ gives: 'mjpeg 320x180 from /dev/null', troubles: [] });
  });

  it('has its sound on the same clock as the picture', async () => {
    const startedUs = Date.now() * 1000;
    const recorder = await recording(`${SOURCE}&mic=alsa:hw:1,0&mic-rate=16000`, 3);
    await recorder.capture.stop();
    const info = parseInit(recorder.segments[0]?.init ?? new Uint8Array(0));
    expect(info.audio).toMatchObject({ sampleRate: 16_000, channels: 1 });
    const [scale, offsetUs] = [info.audio?.timescale ?? 1, recorder.segments[0]?.wallOffsetUs ?? 0];
    const heardUs = soundOf(recorder).map(({ pts }) => wallTimeUs(pts, scale, offsetUs));
    expect(heardUs.length).toBeGreaterThan(16);
    // With another clock than the pictures it would lie years away or, if both began at 0, before the microphone was opened.
    expect(heardUs[0]).toBeGreaterThan(startedUs);
    expect(heardUs.at(-1)).toBeLessThan(Date.now() * 1000 + 200_000);
    expect(told(recorder)).toEqual([
      ['starting', undefined],
      ['recording', undefined],
      ['off', undefined],
    ]);
  });

  it('records on without a missing microphone, and reports it', async () => {
    camera.microphone('cannot open audio device hw:1,0 (No such file or directory)');
    const recorder = await recording(`${SOURCE}&mic=alsa:hw:1,0`);
    await recorder.capture.stop();
    expect(told(recorder)).toContainEqual(['recording', 'microphone_unusable']);
    expect(soundOf(recorder)).toEqual([]);
  });

  it('records nothing without a required microphone', async () => {
    camera.microphone('cannot open audio device hw:1,0 (No such file or directory)');
    const recorder = new Recorder(camera.ffmpeg, `${SOURCE}&mic=alsa:hw:1,0&audio=required`);
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.states().at(-1) === 'lost');
    expect(recorder.changes.at(-1)?.failure).toMatchObject({ code: 'microphone_unusable' });
    camera.microphone(null);
    await recorder.until(() => recorder.segments.length > 0);
    await recorder.capture.stop();
    expect(soundOf(recorder).length).toBeGreaterThan(0);
  });

  it('records two channels of a microphone that cannot record one', async () => {
    camera.microphone('cannot set channel count to 1 (Invalid argument)');
    const recorder = new Recorder(camera.ffmpeg, `${SOURCE}&mic=alsa:hw:1,0`);
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length > 0);
    await recorder.capture.stop();
    const channels = camera
      .calls()
      .filter((call) => call.includes('-channels'))
      .map((call) => call[call.indexOf('-channels') + 1]);
    expect(channels.slice(0, 2)).toEqual(['1', '2']);
  });
});

describe('where a wired camera is', () => {
  it('follows its lasting name to another node, and uses no other camera instead', async () => {
    const [ffmpeg] = ffmpegsForSlowTests;
    if (!ffmpeg) throw new Error('no ffmpeg');
    const camera = new WiredCamera(ffmpeg);
    const source = v4l2Kind.parse('v4l2:/dev/video0?size=320x180', {});
    if (!source) throw new Error('not a wired camera');
    let nodes = new Map([['/dev/v4l/by-id/usb-Porch-index0', '/dev/video0']]);
    const view = { exists: async (path: string) => [...nodes.values()].includes(path), byId: async () => nodes };
    const seams = { clock: new SystemClock(), programs: new SystemPrograms(), ffmpeg: camera.ffmpeg };
    const driver = new V4l2Driver(source, seams, view);
    const addressNow = async () => (await driver.open(new AbortController().signal, 0)).inputs[0]?.address;
    expect(await addressNow()).toBe('/dev/video0');
    nodes = new Map([['/dev/v4l/by-id/usb-Porch-index0', '/dev/video2']]);
    expect(await addressNow()).toBe('/dev/video2');
    nodes = new Map([['/dev/v4l/by-id/usb-Laptop-index0', '/dev/video0']]);
    await expect(addressNow()).rejects.toMatchObject({
      code: 'camera_gone',
      message: expect.stringContaining('another'),
    });
    camera.dispose();
  });
});
