import { failure } from '@doorsill/contract/errors';
import type { Clock } from '../clock.ts';

/** The count allowed in a window, and the window's length in milliseconds. */
interface Count {
  count: number;
  resetMs: number;
}

/** Where counts are kept. */
interface CountStore {
  countOf(name: string): Count;
  add(name: string): Count;
}

const NAMES_MAX = 10_000;

/**
 * Counts in memory, in fixed windows. When there are more names than fit, the one counted longest ago is
 * dropped: a caller with that many names evades a limit by name anyway, and nobody else is refused because of it.
 */
export class WindowCounts implements CountStore {
  private readonly clock: Clock;
  private readonly spanMs: number;
  private readonly namesMax: number;
  private counts = new Map<string, number>();
  private spanStartMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, spanMs: number, namesMax = NAMES_MAX) {
    this.clock = clock;
    this.spanMs = spanMs;
    this.namesMax = namesMax;
  }

  countOf(name: string): Count {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.spanStartMs >= this.spanMs) {
      this.spanStartMs = nowMs;
      this.counts = new Map();
    }
    return { count: this.counts.get(name) ?? 0, resetMs: this.spanStartMs + this.spanMs - nowMs };
  }

  add(name: string): Count {
    const { count, resetMs } = this.countOf(name);
    // A Map iterates over its keys in insertion order.
    this.counts.delete(name);
    const [oldest] = this.counts.keys();
    if (this.counts.size >= this.namesMax && oldest !== undefined) this.counts.delete(oldest);
    this.counts.set(name, count + 1);
    return { count: count + 1, resetMs };
  }
}

/** Limits how often something may happen in a window of time. */
export class FixedWindowLimit {
  private readonly store: CountStore;
  private readonly countMax: number;

  constructor(store: CountStore, countMax: number) {
    this.store = store;
    this.countMax = countMax;
  }

  /** Throws `http_rate_limited` when the name has used up its count in this window. */
  assertOpen(name: string): void {
    const { left, resetS } = this.leftOf(name);
    if (left === 0) throw failure('http_rate_limited', { retryAfterS: resetS });
  }

  note(name: string): void {
    this.store.add(name);
  }

  /** Counts one, and throws `http_rate_limited` when that exceeds the limit. */
  take(name: string): void {
    this.assertOpen(name);
    this.note(name);
  }

  /** What a name has left in this window, and in how many seconds the next one begins. */
  leftOf(name: string): { left: number; resetS: number } {
    const { count, resetMs } = this.store.countOf(name);
    return { left: Math.max(0, this.countMax - count), resetS: Math.max(1, Math.ceil(resetMs / 1000)) };
  }
}
