// Owns: the time of a simulated world: it passes from one thing that happens to the next, as soon as nothing is left to do before, at most at
// a given speed. Not here: what happens, a device's own clock, which may be wrong (device-clock.ts), when there is nothing to do (quiet.ts).

import { type Clock, SystemClock, sleepOn, type Timer } from '@doorsill/base/clock';
import { assert } from '@doorsill/contract/assert';
import { quiet } from './quiet.ts';

interface Waiting {
  readonly dueUs: number;
  readonly order: number;
  readonly call: () => void;
}

/** Something that goes on in this world, such as a camera's footage: time waits for it to say when its next part is due. */
export interface Track {
  /** Resolves when time has come to `atUs`, microseconds since the world's start; at once for a time that has passed, or when aborted. */
  reach(atUs: number, signal?: AbortSignal): Promise<void>;
  /** It has no part any more; time no longer waits for it. */
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
      // Pictures of 15 a second lie between microseconds; wall time does not.
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
  /** How many times as fast as the machine's time it may pass; absent: as fast as everything can be done. */
  speed?: number;
  /** Resolves when there is nothing left to do; absent: `quiet`, for a world with files, connections or programs of the machine. */
  quiet?: (programs: () => number) => Promise<void>;
}

const machine = new SystemClock();

/** The least time that is waited for at a given speed: less is done at once. */
const LAG_MS = 2;

/** The world's own time. It passes while `run` does. */
export class VirtualClock implements Clock {
  private startUs: number;
  private readonly speed: number | null;
  private readonly quiet: (programs: () => number) => Promise<void>;
  private nowUs = 0;
  private timers: Waiting[] = [];
  private nextOrder = 0;
  private readonly tracks = new Set<OpenTrack>();
  private holds = 0;
  /** Programs that run for as long as they like: see `quiet`. */
  private programs = 0;
  private wake: (() => void) | null = null;
  private isOver = false;

  constructor({ startUs, speed, quiet: isQuiet }: VirtualClockOptions) {
    this.startUs = startUs;
    this.speed = speed ?? null;
    this.quiet = isQuiet ?? quiet;
  }

  /** Moves the world's start to another wall time; before anything has happened in it. */
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
    const dueUs = this.nowUs + Math.round(Math.max(0, delayMs) * 1_000);
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

  /** A program was started that ends when it likes; call what is returned when it has ended. */
  running(): () => void {
    this.programs += 1;
    let isRunning = true;
    return () => {
      if (isRunning) this.programs -= 1;
      isRunning = false;
    };
  }

  /** Does something during which no time passes. */
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

  /** Time stands still from now on; what waits for it waits for ever. */
  stop(): void {
    this.isOver = true;
    this.changed();
  }

  /** What happens next; null while that is not known. */
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

  /** Waits for the machine's time where a speed is given; true when something may have become due before. */
  private async isEarly(atUs: number, startedMs: number, fromUs: number): Promise<boolean> {
    if (this.speed === null) return false;
    const waitMs = startedMs + (atUs - fromUs) / 1_000 / this.speed - machine.monotonicMs();
    if (waitMs < LAG_MS) return false;
    await this.change(waitMs);
    return true;
  }

  /** Resolves at the next change of what is due, or after `withinMs` of the machine's time. */
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

/** Keeps the list in the order in which its members are due; those due at the same time in the order in which they were added. */
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
