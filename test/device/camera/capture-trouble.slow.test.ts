// A proven camera is never given up, however often it hangs. Each hang takes the time until a stall is detected.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { ffmpegChildren, ffmpegsForSlowTests, killFfmpeg, Recorder, recording } from './support/recorder.ts';

const ffmpegs = ffmpegsForSlowTests;
const folder = mkdtempSync(join(tmpdir(), 'doorsill-stalls-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => expect(ffmpegChildren()).toEqual([]));

const SMALL = 'synthetic?size=320x180';

describe.each(ffmpegs)('trouble with ffmpeg $version', (ffmpeg) => {
  it.each(['synthetic', 'file'])(
    'records on after more stalls of its %s than the retries of an unproven one',
    async (kind) => {
      const looped = join(folder, 'looped.mp4');
      if (kind === 'file') {
        const drawn = '-f lavfi -i testsrc=size=160x90:rate=15:duration=30 -g 15 -pix_fmt yuv420p'.split(' ');
        execFileSync(ffmpeg.path, ['-v', 'error', '-y', ...drawn, looped]);
      }
      const recorder = new Recorder(ffmpeg, kind === 'file' ? `file:${looped}?pace=own&loop` : SMALL, {
        stallMs: 1_000,
      });
      await recording(recorder);
      for (let times = 1; times <= 5; times += 1) {
        killFfmpeg('SIGSTOP');
        await recorder.until(() => recorder.changes.filter((change) => change.recording).length === times + 1);
      }
      await recorder.capture.stop();
      expect(recorder.states()).not.toContain('failed');
      expect(recorder.states().filter((state) => state === 'stalled')).toHaveLength(5);
    },
    120_000,
  );
});
