// A fleet's run, for tests of what is printed and served of it.
import type { FleetLine } from '../../../../sim/fleet/fleet.ts';
import { NO_COUNTS } from '../../../../sim/fleet/fleet-process-tally.ts';

/** A line for each second: 20 doorbells start, are asked every 30 s, 12 share. `lost`: a process dies in the middle. */
export function sampleLines(count: number, { lost = false } = {}): FleetLine[] {
  return Array.from({ length: count }, (_, at): FleetLine => {
    const seconds = at + 1;
    const asked = Math.floor(seconds / 30);
    const isDead = lost && at > count / 2;
    const answered = Math.min(12, Math.max(0, (seconds % 30) - 5));
    const grants = 12 * Math.max(0, asked - 1) + (asked > 0 ? answered : 0);
    const stored = Math.max(0, grants - (answered % 3));
    return {
      ...NO_COUNTS,
      ...{ seconds, asked, doorbells: 20, up: Math.min(20, seconds * 2) - (isDead ? 10 : 0), failed: isDead ? 10 : 0 },
      ...{ requests: 20 * asked, grants, denials: 4 * asked, clipsStored: stored, clipsUnderWay: grants - stored },
      ...{ segmentsDue: seconds * 20, segmentsStored: seconds * 20, events: seconds, presses: asked, motions: seconds },
      latenessP50Ms: at === 0 ? null : 3 + (at % 4),
      latenessP99Ms: at === 0 ? null : 12 + ((at * 37) % 90),
      ...{ cores: 0.1 + 0.05 * Math.sin(at / 5) + answered / 20, memoryBytes: 180e6 + Math.min(at, 60) * 2e6 },
      ...{ descriptors: 40 + Math.min(20, seconds * 2) * 8, timers: 200 + answered * 3, died: isDead ? 1 : 0 },
    };
  });
}
