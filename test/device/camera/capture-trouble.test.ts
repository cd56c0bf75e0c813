// @module-tag long
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { failure } from '../../../device/contract/errors.ts';
import { readFrameNumber } from '../../../sim/porch/frame-number.ts';
import { ffmpegChildren, ffmpegsForSlowTests, killFfmpeg, Recorder, recording } from './support/recorder.ts';

const ffmpegs = ffmpegsForSlowTests;
const folder = mkdtempSync(join(tmpdir(), 'doorsill-trouble-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => expect(ffmpegChildren()).toEqual([]));

const SMALL = 'synthetic?size=320x180';

describe.each(ffmpegs)('trouble with ffmpeg $version', (ffmpeg) => {
  it('reports a crash, and continues in a new recording with the next frames', async () => {
    const recorder = new Recorder(ffmpeg, SMALL);
    await recording(recorder);
    killFfmpeg('SIGKILL');
    await recorder.until(() => recorder.changes.filter((change) => change.recording).length === 2);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'lost', 'recording', 'off']);
    expect(recorder.changes[2]?.detail).toContain('SIGKILL');
    const ids = recorder.segments.map((segment) => segment.recording);
    expect(new Set(ids).size).toBe(2);
    const again = recorder.segments.findIndex((segment) => segment.recording !== ids[0]);
    expect(recorder.segments[again]).toMatchObject({ index: 0 });
    expect(recorder.segments[again]?.startUs ?? 0).toBeGreaterThan(recorder.segments[again - 1]?.endUs ?? 0);
    const numbers = recorder.gray.map((frame) => readFrameNumber(frame.pixels, frame.width, frame.height) ?? -1);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.at(-1)).toBeGreaterThan(20);
  });

  it('reports a stall, ends the hanging process, and records on', async () => {
    const recorder = new Recorder(ffmpeg, SMALL, { stallMs: 1_500 });
    await recording(recorder);
    const [hanging] = ffmpegChildren();
    killFfmpeg('SIGSTOP');
    await recorder.until(() => recorder.changes.filter((change) => change.recording).length === 2);
    expect(ffmpegChildren()).not.toContain(hanging);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'stalled', 'lost', 'recording', 'off']);
  });

  it('continues a file after a crash at the same place, without a repeated frame', async () => {
    const whole = await new Recorder(ffmpeg, `${SMALL}&pace=fast&seconds=40`).whole();
    let killed = false;
    const recorder: Recorder = new Recorder(ffmpeg, `${SMALL}&pace=fast&seconds=40`, {
      store: async () => {
        if (killed || recorder.segments.length < 5) return;
        killed = true;
        killFfmpeg('SIGKILL');
      },
      // So that ffmpeg is not done before it is killed.
      queueBytesMax: 1,
    });
    await recorder.whole();
    expect(recorder.states()).toEqual(['starting', 'recording', 'lost', 'recording', 'ended', 'off']);
    const since = (given: Recorder) => given.frameTimesUs().map((us) => us - (given.segments[0]?.startUs ?? 0));
    expect(since(recorder)).toEqual(since(whole));
  });

  it('gives up a program that cannot run, and reports the number of tries', async () => {
    const recorder = new Recorder({ ...ffmpeg, path: join(folder, 'nothing') }, SMALL);
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.states().at(-1) === 'failed');
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'lost', 'failed', 'off']);
    expect(recorder.changes[2]?.failure).toMatchObject({ code: 'camera_failed', facts: { times: 5 } });
  });

  it('stores the unfinished GOP when it is stopped, and leaves no process', async () => {
    const recorder = new Recorder(ffmpeg, SMALL);
    await recording(recorder, 2);
    await recorder.capture.stop();
    const stored = recorder.segments.length;
    expect(ffmpegChildren()).toEqual([]);
    expect(recorder.states().at(-1)).toBe('off');
    expect(stored).toBeGreaterThanOrEqual(2);
    await recorder.capture.stop();
    expect(recorder.segments.length).toBe(stored);
  });

  it('stops with its signal, and can be started again', async () => {
    const recorder = new Recorder(ffmpeg, SMALL);
    const signal = new AbortController();
    await recorder.capture.start(signal.signal);
    await recorder.until(() => recorder.segments.length >= 1);
    signal.abort();
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'off']);
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.states().at(-1) === 'recording');
    await recorder.capture.stop();
    expect(recorder.states().slice(3)).toEqual(['starting', 'recording', 'off']);
  });

  it('can be stopped before it has begun', async () => {
    const recorder = new Recorder(ffmpeg, SMALL);
    const started = recorder.capture.start(new AbortController().signal);
    await recorder.capture.stop();
    await started;
    expect(recorder.states()).toEqual(['starting', 'off']);
  });
});

describe('a store that fails', () => {
  const ffmpeg = ffmpegs[0];
  it('is reported once, recording continues, and its recovery is reported', async () => {
    if (!ffmpeg) throw new Error('no ffmpeg');
    let given = 0;
    const store = async () => {
      given += 1;
      if (given === 2 || given === 3) throw failure('ring_full_disk', { path: 'ring' });
    };
    const recorder = new Recorder(ffmpeg, `${SMALL}&pace=fast&seconds=8`, { store, queueBytesMax: 1 });
    await recorder.whole();
    expect(recorder.segments.map((segment) => segment.index)).toEqual([0, 3, 4, 5, 6, 7]);
    const details = recorder.changes.map((change) => [change.state, change.detail?.slice(0, 24)]);
    expect(details).toEqual([
      ['starting', undefined],
      ['recording', undefined],
      ['recording', 'footage is being lost: N'],
      ['recording', undefined],
      ['ended', undefined],
      ['off', undefined],
    ]);
  });

  it('marks segments with boot and trust in the clock', async () => {
    if (!ffmpeg) throw new Error('no ffmpeg');
    let trusted = false;
    const recorder = new Recorder(ffmpeg, `${SMALL}&pace=fast&seconds=3`, {
      boot: 'boot-7',
      clock: new SystemClock(),
      clockTrusted: () => {
        trusted = !trusted;
        return trusted;
      },
    });
    await recorder.whole();
    expect(recorder.segments.map(({ boot, clockTrusted }) => [boot, clockTrusted])).toEqual([
      ['boot-7', true],
      ['boot-7', false],
      ['boot-7', true],
    ]);
  });
});
