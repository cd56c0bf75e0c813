// Runs one odd file through capture, ring and trim in this process. Expected results: support/torture.ts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ffmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import { selfCheck } from '../../../../device/clip/self-check.ts';
import { npmFfmpeg } from '../../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../../support/live-grant.ts';
import { type Shown, shownBy } from '../../../support/torture.ts';
import { Recorder } from '../../camera/support/recorder.ts';
import { cut, depsFor, readerOf, saved } from './cutting.ts';

/** A clip's frames, hidden ones included. */
export interface TortureClip extends Shown {
  method: string;
  frames: number;
}

/** A captured file, from which any window can be cut. */
export class TortureRun {
  private readonly ffmpeg: Ffmpeg;
  private readonly recorder: Recorder;

  private constructor(ffmpeg: Ffmpeg, recorder: Recorder) {
    this.ffmpeg = ffmpeg;
    this.recorder = recorder;
  }

  /** Throws the file's refusal. */
  static async capture(ffmpeg: Ffmpeg, path: string): Promise<TortureRun> {
    const recorder = new Recorder(ffmpeg, `file:${path}?pace=fast`);
    try {
      await recorder.whole();
      const failure = recorder.changes.findLast((change) => change.state === 'failed')?.failure;
      if (failure) throw failure;
      return new TortureRun(ffmpeg, recorder);
    } finally {
      await recorder.capture.stop();
    }
  }

  /** The clip of a window in seconds from the source's start. Throws its refusal. */
  async clip(fromS: number, toS: number): Promise<TortureClip> {
    const startUs = this.recorder.changes.find((change) => change.recording)?.recording?.sourceStartUs ?? 0;
    const window = { startUs: startUs + Math.round(fromS * 1e6), endUs: startUs + Math.round(toS * 1e6) };
    const { live } = liveGrantFor({ window, audio: true });
    const deps = depsFor(this.ffmpeg, this.recorder.segments);
    const { clip, bytes } = await cut(live, deps);
    await selfCheck(live, clip, readerOf(bytes), deps);
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-torture-'));
    try {
      const path = await saved(folder, 'clip.mp4', bytes);
      return {
        ...(await shownBy(path, ['-ignore_editlist', '1'], npmFfmpeg)),
        method: clip.method,
        frames: clip.frames,
      };
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}
