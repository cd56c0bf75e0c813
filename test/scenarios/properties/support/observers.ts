// Owns: who looks at a run, from which step on, in what two runs look different to them, and by how much the homes of one take
// longer to acknowledge. Not here: the runs.
import type { Recording } from './recording.ts';

/** Who sees what: everything, or from the first request on. */
export const OBSERVERS = {
  'agency, its answers': 0,
  'anyone at the area broker': 1,
  'area broker, from the bridge': 1,
  // Before, strangers and homes come and go.
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

/** Observers to whom two runs look different, each with the first line that does. */
export function differences(one: Recording, other: Recording): string[] {
  return (Object.keys(OBSERVERS) as (keyof typeof OBSERVERS)[]).flatMap((who) => {
    const [a, b] = [seenBy(one, who), seenBy(other, who)];
    const at = a.findIndex((line, index) => line !== b[index]);
    const index = at >= 0 ? at : a.length === b.length ? -1 : a.length;
    return index < 0 ? [] : [`${who}: ${a[index]?.slice(0, 400)} | ${b[index]?.slice(0, 400)}`];
  });
}

/** Medians of two runs that differ by more than this many milliseconds tell homes apart; a loaded machine alone differs by less. */
export const TELLING_MS = 25;

/** By how many milliseconds the homes of `other` take longer to acknowledge than those of `one`, in the median. */
export function laterMs(one: Recording, other: Recording): number {
  return median(other.acknowledgedMs) - median(one.acknowledgedMs);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was acknowledged');
  return middle;
}
