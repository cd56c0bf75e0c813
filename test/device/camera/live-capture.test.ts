// @module-tag long
// Live pictures come before their GOP is complete, and end at once when the camera is stopped, dies, hangs or its file ends.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { runFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { readFrameNumber } from '../../../sim/porch/frame-number.ts';
import { ffmpegs, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { LiveViewer } from './support/live-viewer.ts';
import { ffmpegChildren, ffmpegsForSlowTests, killFfmpeg, Recorder } from './support/recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-viewer-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => expect(ffmpegChildren()).toEqual([]));

const SMALL = 'synthetic?size=320x180';
const clock = new SystemClock();

/** Nine frames of H.264 that a capture copies. */
const moment = join(folder, 'moment.mp4');
execFileSync(npmFfmpeg.path, [
  ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=15:d=0.6', '-c:v', 'libx264'],
  ...['-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-g', '15', moment],
]);

function watched(recorder: Recorder): LiveViewer {
  const viewer = new LiveViewer();
  recorder.capture.live.subscribe(viewer);
  return viewer;
}

const start = (recorder: Recorder) => recorder.capture.start(new AbortController().signal);

describe.each(ffmpegs)('live pictures of the drawn porch with ffmpeg $version', (ffmpeg) => {
  it('come before their GOP is complete, all of them, at the same times as in the recording', async () => {
    const recorder = new Recorder(ffmpeg, SMALL);
    const viewer = watched(recorder);
    await start(recorder);
    await viewer.until(() => viewer.fragments.length >= 2);
    expect(recorder.segments).toEqual([]);
    await recorder.until(() => recorder.segments.length >= 2);
    const late = watched(recorder);
    expect(late.fragments[0]?.key).toBe(true);
    expect(late.fragments.at(-1)).toBe(viewer.fragments.at(-1));
    await recorder.capture.stop();
    expect(viewer.told).toEqual(['init', 'frames', 'ended']);
    const times = recorder.frameTimesUs();
    const shown = viewer.fragments.map(({ startUs }) => startUs);
    expect(shown).toEqual(times.slice(0, shown.length));
    expect(shown.length).toBeGreaterThan(25);
    // The numbers drawn into the pictures confirm it.
    const pixels = await runFfmpeg(ffmpeg, {
      doing: 'decoding the live picture',
      args: [...['-i', 'pipe:0', '-fps_mode', 'passthrough', '-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1']],
      stdin: concatBytes([viewer.inits[0]?.bytes ?? new Uint8Array(0), ...viewer.fragments.map(({ bytes }) => bytes)]),
      stdoutBytesMax: 64 * 1024 * 1024,
      timeoutMs: 20_000,
      clock,
    });
    const frameBytes = 320 * 180;
    const numbers = shown.map((_, n) =>
      readFrameNumber(pixels.subarray(n * frameBytes, (n + 1) * frameBytes), 320, 180),
    );
    expect(numbers).toEqual(shown.map((_, n) => n));
    for (const { durationUs } of viewer.fragments) expect(Math.abs(durationUs - 66_667)).toBeLessThan(100);
  });
});

describe.each(ffmpegsForSlowTests)('live pictures with ffmpeg $version', (ffmpeg) => {
  it('end at once when the camera is stopped, and no frame is held', async () => {
    const recorder = new Recorder(ffmpeg, SMALL);
    const viewer = watched(recorder);
    await start(recorder);
    await viewer.until(() => viewer.fragments.length >= 5);
    expect(recorder.capture.live.holds.fragments).toBeGreaterThanOrEqual(5);
    const stopped = recorder.capture.stop();
    expect(viewer.told.at(-1)).toBe('ended');
    expect(recorder.capture.live.holds).toEqual({ fragments: 0, bytes: 0 });
    const seen = viewer.fragments.length;
    const late = watched(recorder);
    // ffmpeg still finishes its files meanwhile.
    await stopped;
    expect(recorder.segments.length).toBeGreaterThan(0);
    expect(viewer.fragments.length).toBe(seen);
    expect(late.told).toEqual([]);
    expect(recorder.capture.live.holds).toEqual({ fragments: 0, bytes: 0 });
  });

  it('do not begin if the camera is stopped while it is being opened', async () => {
    const slow = join(folder, 'slow-ffmpeg');
    const isThere = join(folder, `is-there-${ffmpeg.origin}`);
    // The capture cannot be ended while it waits, and then delivers all its pictures.
    const wait = `case "$*" in *pipe:5*) trap '' TERM; mkdir ${isThere}; sleep 0.2;; esac`;
    writeFileSync(slow, `#!/bin/sh\n${wait}\nexec ${ffmpeg.path} "$@"\n`);
    chmodSync(slow, 0o755);
    const recorder = new Recorder({ ...ffmpeg, path: slow }, `file:${moment}?once`);
    const viewer = watched(recorder);
    await start(recorder);
    while (!existsSync(isThere)) await clock.sleep(5, new AbortController().signal);
    await recorder.capture.stop();
    // The pictures that nobody may see did arrive.
    expect(recorder.segments.length).toBe(1);
    expect(viewer.told).toEqual([]);
    expect(recorder.capture.live.holds.fragments).toBe(0);
  });

  it('end when ffmpeg dies, and begin again when it is back', async () => {
    const recorder = new Recorder(ffmpeg, SMALL);
    const viewer = watched(recorder);
    await start(recorder);
    await viewer.until(() => viewer.fragments.length >= 5);
    killFfmpeg('SIGKILL');
    await viewer.until(() => viewer.told.at(-1) === 'ended');
    expect(recorder.capture.live.holds.fragments).toBe(0);
    await viewer.until(() => viewer.told.length === 5);
    await recorder.capture.stop();
    expect(viewer.told).toEqual(['init', 'frames', 'ended', 'init', 'frames', 'ended']);
  });

  it('end when the camera hangs', async () => {
    const recorder = new Recorder(ffmpeg, SMALL, { stallMs: 1_000 });
    const viewer = watched(recorder);
    await start(recorder);
    await recorder.until(() => recorder.segments.length >= 1);
    killFfmpeg('SIGSTOP');
    await recorder.until(() => recorder.states().at(-1) === 'stalled');
    expect(viewer.told).toEqual(['init', 'frames', 'ended']);
    await recorder.capture.stop();
  });

  it('continue without an end when a looped file restarts, also for a copied file', async () => {
    const recorder = new Recorder(ffmpeg, `file:${moment}?loop`);
    const viewer = watched(recorder);
    await start(recorder);
    await viewer.until(() => viewer.inits.length === 2 && viewer.told.at(-1) === 'frames');
    expect(viewer.told).toEqual(['init', 'frames', 'init', 'frames']);
    expect(recorder.changes.find((change) => change.recording)?.recording?.video).toBe('copy');
    await recorder.capture.stop();
    expect(viewer.fragments.filter(({ key }) => key).length).toBe(2);
    expect(viewer.fragments.length).toBeGreaterThan(9);
  });

  it('end with a file that ends', async () => {
    const recorder = new Recorder(ffmpeg, `file:${moment}?once`);
    const viewer = watched(recorder);
    await recorder.whole();
    expect(viewer.told).toEqual(['init', 'frames', 'ended']);
    expect(viewer.fragments.length).toBe(9);
  });

  it('are not made of a file that is read fast', async () => {
    for (const source of [`file:${moment}?pace=fast`, `${SMALL}&pace=fast&seconds=1`]) {
      const recorder = new Recorder(ffmpeg, source);
      const viewer = watched(recorder);
      await recorder.whole();
      expect(recorder.segments.length).toBe(1);
      expect(viewer.told).toEqual([]);
    }
  });
});
