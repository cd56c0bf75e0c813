// The time of a simulated world. It jumps from one event to the next as soon as there is nothing left to do, at most at a given speed.
import { type Clock, SystemClock, sleepOn, type Timer } from '@doorsill/base/clock';
import { assert } from '@doorsill/contract/assert';
import { quiet } from './quiet.ts';

interface Waiting {
  readonly dueUs: number;
  readonly order: number;
  readonly call: () => void;
}

/** A course of events in this world, such as a camera's footage: time waits until it says when its next part is due. */
export interface Track {
  /** Resolves at `atUs`, in microseconds since the world's start; at once if that has passed or `signal` is aborted. */
  reach(atUs: number, signal?: AbortSignal): Promise<void>;
  /** Ends the track: time no longer waits for it. */
  end(): void;
}

class OpenTrack implements Track {
  next: { atUs: number; go: () => void } | null = null;
  private readonly changed: () => void;
  private readonly close: (track: OpenTrack) => void;

  constructor(changed: () => void, close: (track: OpenTrack) => void) {
    this.changed = changed;
    this.close = close;
  }

  reach(atUs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.next = null;
        signal?.removeEventListener('abort', go);
        resolve();
      };
      if (signal?.aborted) return resolve();
      signal?.addEventListener('abort', go, { once: true });
      // Frames at 15 fps have fractions of microseconds; wall time has none.
      this.next = { atUs: Math.round(atUs), go };
      this.changed();
    });
  }

  end(): void {
    this.next?.go();
    this.close(this);
  }
}

interface VirtualClockOptions {
  /** Wall time at which the world begins, in microseconds. */
  startUs: number;
  /** The highest speed relative to the machine's time; absent: as fast as possible. */
  speed?: number;
  /** Resolves when nothing is left to do; absent: `quiet`, for a world with files, connections or programs of the machine. */
  quiet?: (programs: () => number) => Promise<void>;
}

const machine = new SystemClock();

/** Shorter waits at a given speed are skipped. */
const LAG_MS = 2;

/** The world's own time. It passes during `run`. */
export class VirtualClock implements Clock {
  private startUs: number;
  private readonly speed: number | null;
  private readonly quiet: (programs: () => number) => Promise<void>;
  private nowUs = 0;
  private timers: Waiting[] = [];
  private nextOrder = 0;
  private readonly tracks = new Set<OpenTrack>();
  private holds = 0;
  /** Running programs that never end by themselves: see `quiet`. */
  private programs = 0;
  private wake: (() => void) | null = null;
  private isOver = false;

  constructor({ startUs, speed, quiet: isQuiet }: VirtualClockOptions) {
    this.startUs = startUs;
    this.speed = speed ?? null;
    this.quiet = isQuiet ?? quiet;
  }

  /** Moves the world's start to another wall time; to be called before time passes. */
  startAt(wallUs: number): void {
    assert(this.nowUs === 0, 'a world begins once');
    this.startUs = wallUs;
  }

  /** Microseconds since the world's start. */
  get passedUs(): number {
    return this.nowUs;
  }

  wallUs(): number {
    return this.startUs + this.nowUs;
  }

  monotonicMs(): number {
    return this.nowUs / 1_000;
  }

  synchronised(): boolean {
    return true;
  }

  after(delayMs: number, call: () => void): Timer {
    // A wait that is left, however short, takes time: who looks too early waits again, and would do so for ever.
    const dueUs = this.nowUs + (delayMs > 0 ? Math.max(1, Math.round(delayMs * 1_000)) : 0);
    const waiting = { dueUs, order: this.nextOrder++, call };
    insert(this.timers, waiting);
    this.changed();
    return {
      cancel: () => {
        const at = this.timers.indexOf(waiting);
        if (at >= 0) this.timers.splice(at, 1);
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Opens a track: from now on time waits until it says when its next part is due. */
  open(): Track {
    const track = new OpenTrack(
      () => this.changed(),
      (ended) => {
        this.tracks.delete(ended);
        this.changed();
      },
    );
    this.tracks.add(track);
    return track;
  }

  /** Counts a program that never ends by itself; call the returned function when it has ended. */
  running(): () => void {
    this.programs += 1;
    let isRunning = true;
    return () => {
      if (isRunning) this.programs -= 1;
      isRunning = false;
    };
  }

  /** Runs `work` while time stands still. */
  async holding<Result>(work: () => Promise<Result>): Promise<Result> {
    this.holds += 1;
    try {
      return await work();
    } finally {
      this.holds -= 1;
      this.changed();
    }
  }

  /** Lets time pass until `stop`. */
  async run(): Promise<void> {
    const startedMs = machine.monotonicMs();
    const fromUs = this.nowUs;
    while (!this.isOver) {
      await this.quiet(() => this.programs);
      if (this.isOver) return;
      const next = this.next();
      if (next === null) {
        await this.change();
        continue;
      }
      if (await this.isEarly(next.atUs, startedMs, fromUs)) continue;
      if (this.isOver) return;
      this.nowUs = Math.max(this.nowUs, next.atUs);
      next.go();
    }
  }

  /** Stops time for good; calls that wait for it are never made. */
  stop(): void {
    this.isOver = true;
    this.changed();
  }

  /** The next event; null while it is not known. */
  private next(): { atUs: number; go: () => void } | null {
    if (this.holds > 0) return null;
    let first: { atUs: number; go: () => void } | null = null;
    for (const { next } of this.tracks) {
      if (next === null) return null;
      if (first === null || next.atUs < first.atUs) first = next;
    }
    const [timer] = this.timers;
    if (!timer || (first !== null && first.atUs <= timer.dueUs)) return first;
    return {
      atUs: timer.dueUs,
      go: () => {
        this.timers.shift();
        timer.call();
      },
    };
  }

  /** If a speed is given, waits for the machine's time; true when the next event may have changed meanwhile. */
  private async isEarly(atUs: number, startedMs: number, fromUs: number): Promise<boolean> {
    if (this.speed === null) return false;
    const waitMs = startedMs + (atUs - fromUs) / 1_000 / this.speed - machine.monotonicMs();
    if (waitMs < LAG_MS) return false;
    await this.change(waitMs);
    return true;
  }

  /** Resolves when the events that are due may have changed, or after `withinMs` of the machine's time. */
  private change(withinMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = withinMs === undefined ? null : machine.after(withinMs, () => this.wake?.());
      this.wake = () => {
        timer?.cancel();
        this.wake = null;
        resolve();
      };
    });
  }

  private changed(): void {
    this.wake?.();
  }
}

/** Inserts by due time; equal times stay in the order in which they were added. */
function insert(list: Waiting[], waiting: Waiting): void {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle];
    if (other && other.dueUs <= waiting.dueUs) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, waiting);
}
