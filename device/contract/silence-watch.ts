// Owns: noticing that something which comes again and again has stopped coming. Not here: what that means (camera/run-session.ts,
// console-page/kit/door.ts).

/** What it needs of a clock; a browser has one, too. */
interface WatchClock {
  monotonicMs(): number;
  after(delayMs: number, call: () => void): { cancel(): void };
}

/** Calls back when nothing was heard for a time. */
export class SilenceWatch {
  private readonly clock: WatchClock;
  private readonly silent: (ms: number) => void;
  /** Monotonic milliseconds by which it is silent; Infinity: nothing is waited for. */
  private dueMs = Number.POSITIVE_INFINITY;
  private limitMs = 0;
  private timer: ReturnType<WatchClock['after']> | null = null;
  private armedForMs = 0;

  /** `silent` is called once for each silence, with the milliseconds that were waited. */
  constructor(clock: WatchClock, silent: (ms: number) => void) {
    this.clock = clock;
    this.silent = silent;
  }

  /** From now on the next one is waited for so long. Cheap: the timer of the wait before is used as long as it is the sooner one. */
  wait(ms: number): void {
    const nowMs = this.clock.monotonicMs();
    this.limitMs = ms;
    this.dueMs = nowMs + ms;
    if (this.timer === null || this.armedForMs > this.dueMs) this.arm(nowMs);
  }

  /** Nothing is waited for until the next `wait`. */
  rest(): void {
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  /** As `rest`, and leaves no timer. */
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
