// Owns: since when the wall clock can be trusted to tell how long the device was off: it kept step with the monotonic
// clock for an hour, in which a network would have corrected it. Not here: whether footage is too old (ring-index.ts).
import type { Clock } from '@doorsill/base/clock';

/** A clock that is set by network time after a boot is set within minutes. */
const STEADY_MS = 3_600_000;

/** A larger difference between the two clocks from one look to the next means that the wall clock was set. */
const STEP_US_MAX = 1_000_000;

/** Looks at the clocks whenever it is asked. */
export class SteadyClock {
  private readonly clock: Clock;
  private readonly isTrusted: () => boolean;
  private sinceMs: number;
  private offsetUs: number;

  /** `isTrusted`: whether nothing else speaks against the wall clock. */
  constructor(clock: Clock, isTrusted: () => boolean) {
    this.clock = clock;
    this.isTrusted = isTrusted;
    this.sinceMs = clock.monotonicMs();
    this.offsetUs = offsetOf(clock);
  }

  /** Whether the wall clock was set, trusted and untouched for an hour, as far as it was looked at. */
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
