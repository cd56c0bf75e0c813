// Owns: slowing down those who do something too often: by address, or by whatever name they have. Not here: what counts.
import type { Clock } from '../../device/base/clock.ts';
import { failure } from '../../device/protocol/errors.ts';

const ADDRESSES_MAX = 10_000;

/** Counts per address in fixed spans of time. */
export class AttemptLimit {
  private readonly clock: Clock;
  private readonly countMax: number;
  private readonly spanMs: number;
  private readonly addressesMax: number;
  private counts = new Map<string, number>();
  private spanStartMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, countMax: number, spanMs: number, addressesMax = ADDRESSES_MAX) {
    this.clock = clock;
    this.countMax = countMax;
    this.spanMs = spanMs;
    this.addressesMax = addressesMax;
  }

  /** Throws `http_rate_limited` when the address has had its count in this span. */
  assertOpen(address: string): void {
    this.renew();
    const isFull = (this.counts.get(address) ?? 0) >= this.countMax;
    // So many addresses at once are one attack: everybody waits for the span to end rather than memory growing.
    const isFlooded = this.counts.size >= this.addressesMax && !this.counts.has(address);
    if (isFull || isFlooded) throw failure('http_rate_limited', { retryAfterS: this.leftOf(address).resetS });
  }

  note(address: string): void {
    this.renew();
    this.counts.set(address, (this.counts.get(address) ?? 0) + 1);
  }

  /** What an address has left of this span, and in how many seconds the next one begins. */
  leftOf(address: string): { left: number; resetS: number } {
    this.renew();
    const left = Math.max(0, this.countMax - (this.counts.get(address) ?? 0));
    const endMs = this.spanStartMs + this.spanMs - this.clock.monotonicMs();
    return { left, resetS: Math.max(1, Math.ceil(endMs / 1000)) };
  }

  private renew(): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.spanStartMs < this.spanMs) return;
    this.spanStartMs = nowMs;
    this.counts = new Map();
  }
}
