// Waiting for what something that runs by itself comes to show.
import { SystemClock } from '../../device/base/clock.ts';

const clock = new SystemClock();

export interface Patience {
  mostMs: number;
  everyMs: number;
  /** What is told when it never comes. */
  missing: () => string;
}

/** Looks again and again until `look` finds something. */
export async function untilFound<Found>(look: () => Found | null, patience: Patience): Promise<Found> {
  const endMs = clock.monotonicMs() + patience.mostMs;
  for (;;) {
    const found = look();
    if (found !== null) return found;
    if (clock.monotonicMs() > endMs) throw new Error(patience.missing());
    await clock.sleep(patience.everyMs);
  }
}
