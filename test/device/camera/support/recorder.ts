// Runs a real capture in a test and keeps its output.
import { readdirSync, readFileSync } from 'node:fs';
import { SystemClock } from '../../../../device/base/clock.ts';
import { type Log, silentLog } from '../../../../device/base/log.ts';
import { SeededRandom } from '../../../../device/base/random.ts';
import { SystemPrograms } from '../../../../device/base/system-programs.ts';
import { Capture, type CaptureChange, type CaptureDeps, type GrayFrame } from '../../../../device/camera/capture.ts';
import type { Ffmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import { type Segment, wallTimeUs } from '../../../../device/camera/segment.ts';
import { parseCameraSource } from '../../../../device/camera/sources.ts';
import { parseFragment, parseInit } from '../../../../device/contract/media/fragment.ts';
import { ALL_CAMERAS } from '../../../../sim/porch/porch-camera.ts';
import { ffmpegs } from '../../../support/each-ffmpeg.ts';

/** For tests that wait for real time: the ffmpeg that would be chosen; with DOORSILL_SLOW=1 all of them. */
export const ffmpegsForSlowTests = process.env['DOORSILL_SLOW'] === '1' ? ffmpegs : ffmpegs.slice(0, 1);

/** A capture with its output so far, and a way to wait for more. */
export class Recorder {
  readonly segments: Segment[] = [];
  readonly gray: GrayFrame[] = [];
  readonly changes: CaptureChange[] = [];
  /** Number of stored segments at each change of state. */
  readonly storedAtChange: number[] = [];
  readonly presses: { atUs: number; frame: number }[] = [];
  readonly logged: string[] = [];
  readonly capture: Capture;
  private watchers: (() => void)[] = [];

  constructor(ffmpeg: Ffmpeg, source: string, options: Partial<CaptureDeps> & { store?: () => Promise<void> } = {}) {
    const { store, ...deps } = options;
    this.capture = new Capture(
      {
        source: parseCameraSource(source, {}, ALL_CAMERAS),
        ffmpeg,
        clock: new SystemClock(),
        random: new SeededRandom(1),
        log: this.log(),
        programs: new SystemPrograms(),
        boot: 'boot-1',
        clockTrusted: () => true,
        retryMs: 50,
        retryMsMax: 200,
        ...deps,
      },
      {
        segment: async (segment) => {
          await store?.();
          this.segments.push(segment);
          this.wake();
        },
        gray: (frame) => {
          this.gray.push(frame);
          this.wake();
        },
        state: (change) => {
          this.changes.push(change);
          this.storedAtChange.push(this.segments.length);
          this.wake();
        },
        scenePress: (atUs, frame) => void this.presses.push({ atUs, frame }),
      },
    );
  }

  /** Starts, waits for the source's end and stops. */
  async whole(): Promise<this> {
    await this.capture.start(new AbortController().signal);
    await this.until(() => ['ended', 'failed'].includes(this.changes.at(-1)?.state ?? ''));
    await this.capture.stop();
    return this;
  }

  /** Resolves when `condition` holds; checked at every output. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }

  states(): string[] {
    return this.changes.map((change) => change.state);
  }

  /** Wall times of all frames, in microseconds, in order of arrival. */
  frameTimesUs(): number[] {
    return this.segments.flatMap((segment) => {
      const init = parseInit(segment.init);
      const { video } = parseFragment(init, segment.fragment);
      return video.map((sample) => wallTimeUs(sample.pts, init.video.timescale, segment.wallOffsetUs));
    });
  }

  /** Frame times in seconds on the source's own timeline. */
  sourceTimesS(): number[] {
    const startUs = this.changes.find((change) => change.recording)?.recording?.sourceStartUs ?? 0;
    return this.frameTimesUs().map((us) => (us - startUs) / 1e6);
  }

  private wake(): void {
    for (const watcher of this.watchers.splice(0)) watcher();
  }

  private log(): Log {
    const keep = (message: string, facts: object = {}) => void this.logged.push(`${message} ${JSON.stringify(facts)}`);
    return { ...silentLog(), debug: keep, info: keep, warn: keep, error: keep };
  }
}

/** Child processes of ffmpeg that still exist, including zombies. */
export function ffmpegChildren(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        const [, command = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
        return command.startsWith('ffmpeg') && Number(rest.split(' ')[1]) === process.pid ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

/** Starts a recorder, and resolves once it has this many segments. */
export async function recording(recorder: Recorder, segments = 1): Promise<void> {
  if (recorder.changes.length === 0) await recorder.capture.start(new AbortController().signal);
  await recorder.until(() => recorder.segments.length >= segments);
}

/** Sends a signal to the one running ffmpeg. */
export function killFfmpeg(signal: NodeJS.Signals): void {
  const [child] = ffmpegChildren();
  if (child === undefined) throw new Error('ffmpeg does not run');
  process.kill(child, signal);
}
