/** The functions of a clock that it needs; a browser has them, too. */
interface WatchClock {
  monotonicMs(): number;
  after(delayMs: number, call: () => void): { cancel(): void };
}

/** Notices that something that comes again and again has stopped coming. */
export class SilenceWatch {
  private readonly clock: WatchClock;
  private readonly silent: (ms: number) => void;
  /** Monotonic time at which silence is reported; Infinity: never. */
  private dueMs = Number.POSITIVE_INFINITY;
  private limitMs = 0;
  private timer: ReturnType<WatchClock['after']> | null = null;
  private armedForMs = 0;

  /** `silent` is called once for each silence, with the limit that was exceeded, in milliseconds. */
  constructor(clock: WatchClock, silent: (ms: number) => void) {
    this.clock = clock;
    this.silent = silent;
  }

  /** Reports silence unless called again within `ms`. Cheap: an earlier timer is kept, and only extended when it fires. */
  wait(ms: number): void {
    const nowMs = this.clock.monotonicMs();
    this.limitMs = ms;
    this.dueMs = nowMs + ms;
    if (this.timer === null || this.armedForMs > this.dueMs) this.arm(nowMs);
  }

  /** Reports no silence until the next `wait`. */
  rest(): void {
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  /** As `rest`, and cancels the timer. */
  stop(): void {
    this.rest();
    this.timer?.cancel();
    this.timer = null;
  }

  private arm(nowMs: number): void {
    this.timer?.cancel();
    this.armedForMs = this.dueMs;
    this.timer = this.clock.after(this.dueMs - nowMs, () => this.look());
  }

  private look(): void {
    this.timer = null;
    if (this.dueMs === Number.POSITIVE_INFINITY) return;
    const nowMs = this.clock.monotonicMs();
    if (nowMs < this.dueMs) {
      this.arm(nowMs);
      return;
    }
    this.rest();
    this.silent(this.limitMs);
  }
}
