// Owns: doing something again and again, one at a time, and now on request. Not here: what is done.
import type { Clock, Timer } from './clock.ts';
import { CodedError } from './coded-error.ts';
import type { Log } from './log.ts';

/**
 * Runs `work` again and again, never twice at once; a failure is logged and the next turn comes all the same. From the end of a turn to
 * the next one it is `periodMs`, or what that returns then.
 */
export class Repeater {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly name: string;
  private readonly periodMs: number | (() => number);
  private readonly work: () => Promise<void>;
  private timer: Timer | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = true;

  constructor(
    deps: { clock: Clock; log: Log },
    name: string,
    periodMs: number | (() => number),
    work: () => Promise<void>,
  ) {
    this.clock = deps.clock;
    this.log = deps.log;
    this.name = name;
    this.periodMs = periodMs;
    this.work = work;
  }

  /** Starts the turns; the first comes after one period, or at the first `now`. */
  start(): void {
    this.stopped = false;
    this.schedule();
  }

  /** Runs the work at once, or once more after the turn under way; resolves when that turn has ended. Never rejects. */
  async now(): Promise<void> {
    if (this.stopped) return;
    if (this.running) {
      this.again = true;
      await this.running;
      return;
    }
    this.timer?.cancel();
    this.running = this.turns();
    await this.running;
  }

  /** Ends the turns; resolves when none is under way any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.again = false;
    this.timer?.cancel();
    await this.running;
  }

  private schedule(): void {
    if (this.stopped) return;
    const delayMs = typeof this.periodMs === 'number' ? this.periodMs : this.periodMs();
    this.timer = this.clock.after(delayMs, () => void this.now());
  }

  private async turns(): Promise<void> {
    do {
      this.again = false;
      try {
        await this.work();
      } catch (thrown) {
        const code = thrown instanceof CodedError ? thrown.code : 'internal';
        const detail = thrown instanceof Error ? thrown.message : 'not an error';
        this.log.warn('a regular task failed', { task: this.name, code, detail });
      }
    } while (this.again && !this.stopped);
    this.running = null;
    this.schedule();
  }
}
