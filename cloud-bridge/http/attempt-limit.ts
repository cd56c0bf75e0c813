// Owns: slowing down those who do something too often: by address, or by whatever name they have. Not here: what counts.
import type { Clock } from '../../device/base/clock.ts';
import { failure } from '../../device/protocol/errors.ts';

const ADDRESSES_MAX = 10_000;

/** Counts per address in fixed spans of time. */
export class AttemptLimit {
  private readonly clock: Clock;
  private readonly countMax: number;
  private readonly spanMs: number;
  private counts = new Map<string, number>();
  private spanStartMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, countMax: number, spanMs: number) {
    this.clock = clock;
    this.countMax = countMax;
    this.spanMs = spanMs;
  }

  /** Throws `http_rate_limited` when the address has had its count in this span. */
  assertOpen(address: string): void {
    this.renew();
    if ((this.counts.get(address) ?? 0) >= this.countMax) throw failure('http_rate_limited');
    // So many addresses at once are one attack: everybody waits for the span to end rather than memory growing.
    if (this.counts.size >= ADDRESSES_MAX && !this.counts.has(address)) throw failure('http_rate_limited');
  }

  note(address: string): void {
    this.renew();
    this.counts.set(address, (this.counts.get(address) ?? 0) + 1);
  }

  private renew(): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.spanStartMs < this.spanMs) return;
    this.spanStartMs = nowMs;
    this.counts = new Map();
  }
}
