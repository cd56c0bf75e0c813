// The only file of the project that may call Date.now, performance.now, setTimeout or setInterval.

/** A scheduled call. */
export interface Timer {
  /** Does nothing once the call has run. */
  cancel(): void;
}

/** The program's only source of time and of waits, so that a simulation can own it. */
export interface Clock {
  /** Wall time in integer microseconds since 1970-01-01 UTC. May jump either way. */
  wallUs(): number;
  /** Milliseconds since an arbitrary point of this boot; never runs backwards. */
  monotonicMs(): number;
  /** Whether the wall clock is considered set (a board without a battery starts in the past). */
  synchronised(): boolean;
  /** Runs `call` once, `delayMs` from now. */
  after(delayMs: number, call: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Wall time in whole seconds, the unit of `iat` and `exp` (RFC 7519 §2, NumericDate). */
export function wallSeconds(clock: Clock): number {
  return Math.floor(clock.wallUs() / 1_000_000);
}

/** `Clock.sleep` for any clock that can schedule a call. */
export function sleepOn(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** An earlier wall time cannot be right: this software did not exist (2026-01-01 UTC). */
export const EARLIEST_WALL_US = 1_767_225_600_000_000;

/** Whether a wall time, in microseconds since 1970, can be right: a board without a battery starts long before it. */
export function isPossibleWall(wallUs: number): boolean {
  return wallUs >= EARLIEST_WALL_US;
}

/** setTimeout keeps its delay in a signed 32-bit integer, and fires at once for a larger one. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The machine's own time. */
export class SystemClock implements Clock {
  wallUs(): number {
    return Date.now() * 1000;
  }

  monotonicMs(): number {
    // The kernel's monotonic clock, by which its drivers timestamp pictures (clock_gettime(2), CLOCK_MONOTONIC).
    return Number(process.hrtime.bigint()) / 1_000_000;
  }

  synchronised(): boolean {
    return isPossibleWall(this.wallUs());
  }

  after(delayMs: number, call: () => void): Timer {
    if (delayMs > TIMEOUT_MS_MAX) return afterSteps(delayMs, call);
    const handle = setTimeout(call, Math.max(delayMs, 0));
    return { cancel: () => clearTimeout(handle) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}

function afterSteps(delayMs: number, call: () => void): Timer {
  let handle: NodeJS.Timeout;
  const arm = (leftMs: number) => {
    const stepMs = Math.min(leftMs, TIMEOUT_MS_MAX);
    handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : call()), stepMs);
  };
  arm(delayMs);
  return { cancel: () => clearTimeout(handle) };
}

/** A clock that stands still until `advance` moves it: for tests and simulations. */
export class ManualClock implements Clock {
  private nowMs = 0;
  private wallOffsetUs: number;
  private waiting: { dueMs: number; order: number; call: () => void }[] = [];
  private nextOrder = 0;
  private isSynchronised = true;

  /** Starts at wall time `wallStartUs` (microseconds since 1970) and monotonic 0. */
  constructor(wallStartUs: number) {
    this.wallOffsetUs = wallStartUs;
  }

  wallUs(): number {
    return this.wallOffsetUs + Math.round(this.nowMs * 1000);
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  synchronised(): boolean {
    return this.isSynchronised;
  }

  /** Moves the wall time alone, as NTP or a person would. */
  setWallUs(wallUs: number, synchronised = true): void {
    this.wallOffsetUs = wallUs - Math.round(this.nowMs * 1000);
    this.isSynchronised = synchronised;
  }

  after(delayMs: number, call: () => void): Timer {
    const entry = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.nextOrder++, call };
    this.waiting.push(entry);
    return {
      cancel: () => {
        this.waiting = this.waiting.filter((other) => other !== entry);
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Moves time on by `byMs`, running every call that falls due in order of time; promises can settle between calls. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.nowMs + byMs;
    for (;;) {
      const due = this.waiting
        .filter((entry) => entry.dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (!due) break;
      this.waiting = this.waiting.filter((entry) => entry !== due);
      this.nowMs = due.dueMs;
      due.call();
      await Promise.resolve();
    }
    this.nowMs = endMs;
    await Promise.resolve();
  }
}
