// A doorbell's camera that films a shared loop. Its capture is given the loop's fragments, each at the end of its time, instead of an
// ffmpeg process; every other ffmpeg is the real one.
import { Readable, Writable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { startFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import type { CameraKind, RunInput, SceneMotion } from '@doorsill/device/camera/source-interfaces';
import { KnownTimeline } from '@doorsill/device/camera/source-timeline';
import { GOP_US, type Loop } from './loop.ts';
import type { Due, DueQueue } from './loop-schedule.ts';

export const LOOP_CAMERA = 'loop:';

/**
 * Fragments that a doorbell has not read yet. Beyond this its camera drops fragments, as a network camera does, so that a machine that is
 * too slow for its fleet does not fill its memory.
 */
const BACKLOG_FRAGMENTS_MAX = 8;

/** The time that all loops of a process share. */
export interface LoopTimebase {
  readonly queue: DueQueue;
  /** The clock of the queue and the process, whatever the time is at a doorbell. */
  readonly clock: Clock;
  /** Monotonic milliseconds at position 0 of every loop. */
  readonly beganMs: number;
}

/** Counts since the camera was made. */
export interface LoopCounts {
  /** Fragments that were due while it filmed. */
  due: number;
  /** Due fragments that were dropped. */
  lost: number;
}

type ProcessEnd = Awaited<FfmpegProcess['ended']>;

/** The camera of one doorbell. Its loop is `startAtUs` ahead of the timebase. */
export class LoopCamera {
  readonly kind: CameraKind;
  readonly counts: LoopCounts = { due: 0, lost: 0 };
  private readonly loop: Loop;
  private readonly timebase: LoopTimebase;
  private readonly startAtUs: number;
  private readonly reports: 'all' | 'some';
  /** The doorbell's clock and its listener for motions, once its camera is opened. */
  private doorbell: { clock: Clock; sceneMotion: ((motion: SceneMotion) => void) | undefined } | null = null;
  /** The doorbell's wall time at presentation time 0 of the run. */
  private offsetUs = 0;
  /** Motions of the loop that are still to be reported, with `some`. */
  private motionsToReport = 0;

  /** `reports`: `all` motions of the loop, or `some`: one for each call of `reportNextMotion`. */
  constructor(
    loop: Loop,
    timebase: LoopTimebase,
    { startAtUs, reports = 'all' }: { startAtUs: number; reports?: 'all' | 'some' },
  ) {
    this.loop = loop;
    this.timebase = timebase;
    this.startAtUs = startAtUs;
    this.reports = reports;
    this.kind = this.makeKind();
  }

  /** Makes the doorbell notice the next motion in the loop. */
  reportNextMotion(): void {
    this.motionsToReport += 1;
  }

  /** An ffmpeg that gives this camera's capture the loop, and is the real one for everything else. */
  ffmpeg(real: Ffmpeg): Ffmpeg {
    return {
      ...real,
      start: (args, options) =>
        args[args.indexOf('-i') + 1] === LOOP_CAMERA ? this.film() : startFfmpeg(real, args, options),
    };
  }

  private makeKind(): CameraKind {
    return {
      help: '',
      name: (text) =>
        text !== LOOP_CAMERA
          ? null
          : {
              kind: 'loop',
              shown: LOOP_CAMERA,
              settings: {},
              open: ({ clock, sceneMotion }) => {
                this.doorbell = { clock, sceneMotion };
                return {
                  policy: { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 },
                  live: true,
                  unchanging: false,
                  open: async () => this.input(),
                  learn: () => false,
                  explain: () => null,
                };
              },
              tryOnce: async () => ({ gives: 'a loop', troubles: [] }),
            },
    };
  }

  private input(): RunInput {
    return {
      inputs: [{ options: [], address: LOOP_CAMERA }],
      plan: {
        video: 'copy',
        audio: this.loop.info.audio ? 'copy' : 'none',
        videoStream: '0:v:0',
        audioStream: '0:a:0',
      },
      timeline: () => new KnownTimeline(this.offsetUs, true),
      skipBeforeUs: 0,
      feed: null,
    };
  }

  /** This doorbell's present position in the endlessly repeated loop. */
  private get nowUs(): number {
    return this.startAtUs + (this.timebase.clock.monotonicMs() - this.timebase.beganMs) * 1_000;
  }

  /** Monotonic time at a position of the endlessly repeated loop. */
  private dueMs(atUs: number): number {
    return this.timebase.beganMs + (atUs - this.startAtUs) / 1_000;
  }

  /** Gives the loop from the next GOP on, until it is ended. */
  private film(): FfmpegProcess {
    const { loop, timebase } = this;
    // In object mode, because otherwise waiting fragments are copied together and no longer shared by all doorbells.
    const media = new Readable({ objectMode: true, highWaterMark: BACKLOG_FRAGMENTS_MAX + 1, read: () => undefined });
    const outputs = [media, silent(), silent(), silent()] as const;
    const [, stderr, gray, live] = outputs;
    const stdin = nowhere();
    let finish: (end: ProcessEnd) => void = () => undefined;
    const over = new Promise<ProcessEnd>((resolve) => {
      finish = resolve;
    });
    const { nowUs } = this;
    this.offsetUs = Math.round((this.doorbell?.clock.wallUs() ?? 0) - nowUs - loop.firstUs);
    media.push(loop.init);
    const playing = new GopPlayback(timebase.queue, (gop) => this.give(media, gop), {
      gop: Math.ceil(nowUs / GOP_US),
      dueMs: (us) => this.dueMs(us),
    });
    const motions = this.followMotions(nowUs);
    const stop = (end: Omit<ProcessEnd, 'words'>) => {
      playing.stop();
      motions.stop();
      for (const output of outputs) if (!output.readableEnded) output.push(null);
      finish({ ...end, words: '' });
    };
    return {
      child: { stdin, stdout: media, stdio: [stdin, media, stderr, gray, nowhere(), live] },
      ended: over,
      kill: () => stop({ status: null, signal: 'SIGKILL' }),
      end: () => {
        stop({ status: 0, signal: null });
        return over;
      },
    };
  }

  private give(media: Readable, gop: number): void {
    this.counts.due += 1;
    // The init segment may still wait before the first fragment.
    if (media.readableLength > BACKLOG_FRAGMENTS_MAX) this.counts.lost += 1;
    else media.push(this.loop.fragment(gop));
  }

  /** Reports motions of the loop to the doorbell, from a position on. */
  private followMotions(fromUs: number): { stop(): void } {
    const { motions, lengthUs } = this.loop;
    const { queue } = this.timebase;
    if (motions.length === 0) return { stop: () => undefined };
    let pass = Math.floor(fromUs / lengthUs);
    let at = motions.findIndex(({ atUs }) => pass * lengthUs + atUs >= fromUs);
    let due: Due | null = null;
    let isReported = false;
    const arm = () => {
      if (at < 0 || at >= motions.length) {
        at = 0;
        pass += 1;
      }
      due = queue.at(this.dueMs(pass * lengthUs + (motions[at]?.atUs ?? 0)), () => {
        const moves = motions[at]?.moves === true;
        if (moves) isReported = this.takeReport();
        // The end of a motion is reported if its beginning was.
        if (isReported) this.doorbell?.sceneMotion?.({ moves, atUs: this.doorbell.clock.wallUs() });
        at += 1;
        arm();
      });
    };
    arm();
    return { stop: () => due?.cancel() };
  }

  private takeReport(): boolean {
    if (this.reports === 'all') return true;
    if (this.motionsToReport === 0) return false;
    this.motionsToReport -= 1;
    return true;
  }
}

/** Gives one GOP after the other, each at its end. */
class GopPlayback {
  private due: Due | null = null;
  private isOver = false;

  constructor(
    queue: DueQueue,
    give: (gop: number) => void,
    { gop, dueMs }: { gop: number; dueMs: (atUs: number) => number },
  ) {
    const next = (number: number) => {
      this.due = queue.at(dueMs((number + 1) * GOP_US), () => {
        give(number);
        if (!this.isOver) next(number + 1);
      });
    };
    next(gop);
  }

  stop(): void {
    this.isOver = true;
    this.due?.cancel();
  }
}

/** An output without data. */
function silent(): Readable {
  return new Readable({ read: () => undefined });
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
