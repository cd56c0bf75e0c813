// Whether the wall clock can be trusted to measure how long the device was off: it must have kept step with the monotonic clock for an
// hour, in which network time would have corrected it.
import type { Clock } from '@doorsill/base/clock';

/** Network time sets a clock within minutes after a boot. */
const STEADY_MS = 3_600_000;

/** If the two clocks diverge by more between two checks, the wall clock was set. */
const STEP_US_MAX = 1_000_000;

/** Compares the clocks at each call of `isSteady`. */
export class SteadyClock {
  private readonly clock: Clock;
  private readonly isTrusted: () => boolean;
  private sinceMs: number;
  private offsetUs: number;

  /** `isTrusted`: whether the wall clock passes all other checks. */
  constructor(clock: Clock, isTrusted: () => boolean) {
    this.clock = clock;
    this.isTrusted = isTrusted;
    this.sinceMs = clock.monotonicMs();
    this.offsetUs = offsetOf(clock);
  }

  /** Whether the wall clock has been synchronised, trusted and not set for an hour, as seen by the calls of this method. */
  isSteady(): boolean {
    const { clock } = this;
    const offsetUs = offsetOf(clock);
    const isStepped = Math.abs(offsetUs - this.offsetUs) > STEP_US_MAX;
    this.offsetUs = offsetUs;
    if (isStepped || !clock.synchronised() || !this.isTrusted()) this.sinceMs = clock.monotonicMs();
    return clock.monotonicMs() - this.sinceMs >= STEADY_MS;
  }
}

function offsetOf(clock: Clock): number {
  return clock.wallUs() - clock.monotonicMs() * 1_000;
}
