// Owns: a doorbell's camera that films a shared loop: the camera kind, and the ffmpeg seam at which its capture is given the loop's fragments,
// each at the end of its time, and not a process. Every other ffmpeg is the real one. Not here: the loop (loop.ts), when to press the button.
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
 * Fragments that a doorbell has not taken yet: beyond this its camera loses some, as one on the network does. So a machine that is too slow
 * for its fleet holds no more and more of it in memory.
 */
const BACKLOG_FRAGMENTS_MAX = 8;

/** What the loops of a process share. */
export interface LoopDeck {
  readonly queue: DueQueue;
  /** The clock of the queue: the process's own, whatever the time is at a doorbell. */
  readonly clock: Clock;
  /** Where every loop would have begun: monotonic milliseconds. */
  readonly beganMs: number;
}

/** What is counted of a camera since it was made. */
export interface LoopCounts {
  /** Fragments that were due while it filmed. */
  due: number;
  /** Those of them that found no room. */
  lost: number;
}

type ProcessEnd = Awaited<FfmpegProcess['ended']>;

/** The camera of one doorbell. Its loop is `startAtUs` ahead of the deck's beginning. */
export class LoopCamera {
  readonly kind: CameraKind;
  readonly counts: LoopCounts = { due: 0, lost: 0 };
  private readonly loop: Loop;
  private readonly deck: LoopDeck;
  private readonly startAtUs: number;
  private readonly tells: 'all' | 'some';
  /** The doorbell's clock and ear, from when its camera is opened. */
  private doorbell: { clock: Clock; sceneMotion: ((motion: SceneMotion) => void) | undefined } | null = null;
  /** Wall time, at the doorbell, of presentation time 0 of the run. */
  private offsetUs = 0;
  /** How many of the loop's motions the doorbell still notices, where it does not notice all. */
  private motionsToTell = 0;

  /** `tells`: `all` motions of the loop, or `some`: one for each call of `tellNextMotion`. */
  constructor(loop: Loop, deck: LoopDeck, { startAtUs, tells = 'all' }: { startAtUs: number; tells?: 'all' | 'some' }) {
    this.loop = loop;
    this.deck = deck;
    this.startAtUs = startAtUs;
    this.tells = tells;
    this.kind = this.makeKind();
  }

  /** The next time that something moves in the loop, the doorbell notices. */
  tellNextMotion(): void {
    this.motionsToTell += 1;
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

  /** Where the loop is now for this doorbell, in an endless showing: microseconds. */
  private get nowUs(): number {
    return this.startAtUs + (this.deck.clock.monotonicMs() - this.deck.beganMs) * 1_000;
  }

  /** When a place of the showing comes: monotonic milliseconds. */
  private dueMs(atUs: number): number {
    return this.deck.beganMs + (atUs - this.startAtUs) / 1_000;
  }

  /** Gives the loop from the next GOP on, until it is ended. */
  private film(): FfmpegProcess {
    const { loop, deck } = this;
    // Of objects: else what waits is joined, and no longer shared by all doorbells.
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
    const playing = new Playing(deck.queue, (gop) => this.give(media, gop), {
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
    // In front of the first fragment waits the header of the file.
    if (media.readableLength > BACKLOG_FRAGMENTS_MAX) this.counts.lost += 1;
    else media.push(this.loop.fragment(gop));
  }

  /** Tells the doorbell when something moves in the loop, from this place of the showing on. */
  private followMotions(fromUs: number): { stop(): void } {
    const { motions, lengthUs } = this.loop;
    const { queue } = this.deck;
    if (motions.length === 0) return { stop: () => undefined };
    let pass = Math.floor(fromUs / lengthUs);
    let at = motions.findIndex(({ atUs }) => pass * lengthUs + atUs >= fromUs);
    let due: Due | null = null;
    let isTold = false;
    const arm = () => {
      if (at < 0 || at >= motions.length) {
        at = 0;
        pass += 1;
      }
      due = queue.at(this.dueMs(pass * lengthUs + (motions[at]?.atUs ?? 0)), () => {
        const moves = motions[at]?.moves === true;
        if (moves) isTold = this.isNextTold();
        // An end of what was not told is left out.
        if (isTold) this.doorbell?.sceneMotion?.({ moves, atUs: this.doorbell.clock.wallUs() });
        at += 1;
        arm();
      });
    };
    arm();
    return { stop: () => due?.cancel() };
  }

  private isNextTold(): boolean {
    if (this.tells === 'all') return true;
    if (this.motionsToTell === 0) return false;
    this.motionsToTell -= 1;
    return true;
  }
}

/** One GOP after the other, each at its end. */
class Playing {
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

/** An output on which nothing comes until it ends. */
function silent(): Readable {
  return new Readable({ read: () => undefined });
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
