import { CodedError } from '@doorsill/contract/errors/coded-error';
import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';

/** Waits after failed turns: `firstMs`, then doubled each time, up to `mostMs`. */
export interface TryAgain {
  readonly firstMs: number;
  readonly mostMs: number;
}

/**
 * Runs `work` again and again, never twice at once; a failure is logged and the next turn follows as usual. Between the end of a turn and
 * the next one it waits `periodMs` (a function is called for each wait), and less after a failure if `tryAgain` says so.
 */
export class Repeater {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly name: string;
  private readonly periodMs: number | (() => number);
  private readonly work: () => Promise<void>;
  private readonly tryAgain: TryAgain | null;
  private failures = 0;
  private timer: Timer | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = true;

  constructor(
    deps: { clock: Clock; log: Log },
    name: string,
    periodMs: number | (() => number),
    work: () => Promise<void>,
    tryAgain: TryAgain | null = null,
  ) {
    this.clock = deps.clock;
    this.log = deps.log;
    this.name = name;
    this.periodMs = periodMs;
    this.work = work;
    this.tryAgain = tryAgain;
  }

  /** Starts the turns; the first one follows after one period, or at the first `now`. */
  start(): void {
    this.stopped = false;
    this.schedule();
  }

  /** Runs a turn at once, or one more after the running turn; resolves when that has ended. Never rejects. */
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

  /** Ends the turns; resolves when the running one has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.again = false;
    this.timer?.cancel();
    await this.running;
  }

  private schedule(): void {
    if (this.stopped) return;
    const periodMs = typeof this.periodMs === 'number' ? this.periodMs : this.periodMs();
    this.timer = this.clock.after(Math.min(periodMs, this.retryMs()), () => void this.now());
  }

  private retryMs(): number {
    if (!this.tryAgain || this.failures === 0) return Number.POSITIVE_INFINITY;
    const { firstMs, mostMs } = this.tryAgain;
    return Math.min(mostMs, firstMs * 2 ** Math.min(this.failures - 1, 30));
  }

  private async turns(): Promise<void> {
    do {
      this.again = false;
      try {
        await this.work();
        this.failures = 0;
      } catch (thrown) {
        this.failures += 1;
        const code = thrown instanceof CodedError ? thrown.code : 'internal';
        const detail = thrown instanceof Error ? thrown.message : 'not an error';
        this.log.warn('a regular task failed; it is tried again at its next turn', { task: this.name, code, detail });
      }
    } while (this.again && !this.stopped);
    this.running = null;
    this.schedule();
  }
}
