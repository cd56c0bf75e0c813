// A Pi's camera module, with a substitute program of the same name and arguments that makes real H.264.
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import { FramePace } from '../../../device/camera/frame-pace.ts';
import { parseCameraSource } from '../../../device/camera/sources.ts';

import { parseInit } from '../../../device/contract/media/fragment.ts';
import { ffmpegChildren, ffmpegsForSlowTests, Recorder } from './support/recorder.ts';
import { CameraModule } from './support/wired-programs.ts';

const SOURCE = 'rpicam:?size=320x180&rate=10';

describe.each(ffmpegsForSlowTests)("a Pi's camera module with ffmpeg $version", (ffmpeg) => {
  let module: CameraModule;

  beforeEach(() => {
    module = new CameraModule(ffmpeg);
  });

  afterEach(() => {
    module.dispose();
    expect(ffmpegChildren()).toEqual([]);
  });

  const programs = () => new SystemPrograms(module.environment);

  /** Process ids of the stand-in: its H.264 is drawn in this size. */
  const running = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('testsrc2=size=320x180:rate=10\0-c:v');
        } catch {
          return false;
        }
      })
      .map(Number);

  async function recording(segments = 2): Promise<Recorder> {
    const recorder = new Recorder(ffmpeg, SOURCE, { programs: programs() });
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length >= segments);
    return recorder;
  }

  it('is run as documented, copied, and dated by the arrival of its pictures', async () => {
    module.install('rpicam-vid');
    const startedUs = Date.now() * 1000;
    const recorder = await recording(3);
    await recorder.capture.stop();
    expect(module.calls()).toEqual([
      '--camera 0 --width 320 --height 180 --framerate 10 --codec h264 --profile baseline --bitrate 2000000 --intra 10 --inline --flush --nopreview --timeout 0 --output -',
    ]);
    expect(recorder.changes.find((change) => change.recording)?.recording?.video).toBe('copy');
    expect(recorder.segments[0]?.startUs ?? 0).toBeGreaterThan(startedUs);
    expect(recorder.segments.at(-1)?.endUs ?? Number.POSITIVE_INFINITY).toBeLessThan(Date.now() * 1000 + 500_000);
    const { width, height } = parseInit(recorder.segments[0]?.init ?? new Uint8Array(0)).video;
    expect([width, height]).toEqual([320, 180]);
    expect(running()).toEqual([]);
  });

  it('is run with a lower rate while the board is throttled, which is reported', async () => {
    module.install('rpicam-vid');
    let isSlowed = false;
    const pace = new FramePace(new SystemClock(), () => isSlowed);
    const recorder = new Recorder(ffmpeg, SOURCE, { programs: programs(), pace });
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length >= 1);
    isSlowed = true;
    await recorder.until(() => recorder.changes.at(-1)?.failure?.code === 'camera_rate_lowered');
    await recorder.capture.stop();
    expect(module.calls().map((call) => /--framerate (\d+) .*--intra (\d+)/.exec(call)?.slice(1))).toEqual([
      ['10', '10'],
      ['5', '5'],
    ]);
    expect(running()).toEqual([]);
  });

  it('is lost when its program dies, and recorded again by the next run', async () => {
    module.install('rpicam-vid');
    const recorder = await recording(1);
    module.plugged(false);
    for (const pid of running()) process.kill(pid, 'SIGKILL');
    await recorder.until(() => recorder.states().at(-1) === 'lost');
    expect(recorder.changes.at(-1)?.failure).toMatchObject({ code: 'camera_gone' });
    const before = recorder.segments.length;
    module.plugged(true);
    await recorder.until(() => recorder.segments.length > before);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'lost', 'recording', 'off']);
    expect(running()).toEqual([]);
  });

  it('is run by its older name if the newer one is missing', async () => {
    module.install('libcamera-vid');
    const recorder = await recording(1);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'off']);
  });

  it('names the package to install if both are missing', async () => {
    const recorder = new Recorder(ffmpeg, SOURCE, { programs: programs() });
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.states().at(-1) === 'lost');
    await recorder.capture.stop();
    expect(recorder.changes.find(({ state }) => state === 'lost')?.failure).toMatchObject({
      code: 'hardware_tool_missing',
      facts: { tool: 'rpicam-vid', package: 'rpicam-apps' },
    });
  });

  it('is listed for the doctor, or reported as missing', async () => {
    const source = parseCameraSource(SOURCE);
    if (source.kind !== 'rpicam') throw new Error('not a camera module');
    const seams = { clock: new SystemClock(), programs: programs(), ffmpeg };
    await expect(source.tryOnce(seams)).rejects.toMatchObject({ code: 'hardware_tool_missing' });
    module.install('rpicam-vid');
    expect(await source.tryOnce(seams)).toMatchObject({ gives: expect.stringContaining('imx708'), troubles: [] });
    module.plugged(false);
    await expect(source.tryOnce(seams)).rejects.toMatchObject({ code: 'camera_gone' });
    const withoutSetpriv = new SystemPrograms({ PATH: module.folder });
    await expect(source.tryOnce({ ...seams, programs: withoutSetpriv })).rejects.toThrow(/setpriv, which is not inst/);
  });
});
