// The observers of a run and the steps they see; compares their recordings of two runs, and the acknowledgement times.
import type { Recording } from './recording.ts';

/** Each observer, and the step from which its recording is compared. */
export const OBSERVERS = {
  'agency, its answers': 0,
  'anyone at the area broker': 1,
  'area broker, from the bridge': 1,
  // Before, unauthenticated clients and homes connect.
  'area broker, its log': 1,
  'bridge, from homes': 1,
  'bridge, its database': 0,
  'bridge, its files': 0,
  'bridge, its log': 0,
  'registry, its files': 0,
  'registry, its log': 0,
} as const;

export function seenBy(recording: Recording, who: keyof typeof OBSERVERS): string[] {
  return recording.of(who).filter((line) => Number(line.split(' ', 1)[0]) >= OBSERVERS[who]);
}

/** Observers whose recordings of two runs differ, each with the first differing line. */
export function differences(one: Recording, other: Recording): string[] {
  return (Object.keys(OBSERVERS) as (keyof typeof OBSERVERS)[]).flatMap((who) => {
    const [a, b] = [seenBy(one, who), seenBy(other, who)];
    const at = a.findIndex((line, index) => line !== b[index]);
    const index = at >= 0 ? at : a.length === b.length ? -1 : a.length;
    return index < 0 ? [] : [`${who}: ${a[index]?.slice(0, 400)} | ${b[index]?.slice(0, 400)}`];
  });
}

/** Medians that differ by more than this many milliseconds distinguish homes; a loaded machine causes less. */
export const TELLING_MS = 25;

/** Difference of the median acknowledgement times of `other` and `one`, in milliseconds. */
export function laterMs(one: Recording, other: Recording): number {
  return median(other.acknowledgedMs) - median(one.acknowledgedMs);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was acknowledged');
  return middle;
}
