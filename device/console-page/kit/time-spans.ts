// Arithmetic of footage on a timeline. Wall time in microseconds.
import type { Window } from '@doorsill/contract/shared-claims';

export const SECOND_US = 1_000_000;
export const HOUR_US = 3_600 * SECOND_US;
export const DAY_US = 24 * HOUR_US;

/** Joins spans that are at most `joinUs` apart. Oldest first. */
export function joined(spans: readonly Window[], joinUs: number): Window[] {
  const out: Window[] = [];
  for (const span of spans) {
    const last = out.at(-1);
    if (last && span.startUs - last.endUs <= joinUs) last.endUs = Math.max(last.endUs, span.endUs);
    else out.push({ ...span });
  }
  return out;
}

/** Total length of the spans. */
export function coveredUs(spans: readonly Window[]): number {
  return spans.reduce((sum, { startUs, endUs }) => sum + endUs - startUs, 0);
}

/** The covered moment closest to the wanted one; null without footage. */
export function nearestCovered(spans: readonly Window[], atUs: number): number | null {
  let best: number | null = null;
  for (const { startUs, endUs } of spans) {
    const near = Math.min(Math.max(atUs, startUs), endUs - 1);
    if (best === null || Math.abs(near - atUs) < Math.abs(best - atUs)) best = near;
  }
  return best;
}

/** The first covered moment from `fromUs` on; null if there is none. */
export function nextCovered(spans: readonly Window[], fromUs: number): number | null {
  const found = spans.find(({ endUs }) => endUs > fromUs);
  return found ? Math.max(found.startUs, fromUs) : null;
}

/** The window before now that fits the footage: an hour, six, or a day; and the distance of its labels. */
export function recentWindow(
  spans: readonly Window[],
  nowUs: number,
): { window: Window; name: 'hour' | 'sixHours' | 'day'; labelsEveryUs: number } {
  const endUs = Math.max(nowUs, spans.at(-1)?.endUs ?? 0);
  const oldUs = endUs - (spans[0]?.startUs ?? endUs);
  const choice =
    oldUs <= HOUR_US
      ? ({ name: 'hour', lengthUs: HOUR_US, labelsEveryUs: HOUR_US / 4 } as const)
      : oldUs <= 6 * HOUR_US
        ? ({ name: 'sixHours', lengthUs: 6 * HOUR_US, labelsEveryUs: 2 * HOUR_US } as const)
        : ({ name: 'day', lengthUs: DAY_US, labelsEveryUs: 6 * HOUR_US } as const);
  const { name, lengthUs, labelsEveryUs } = choice;
  return { window: { startUs: endUs - lengthUs, endUs }, name, labelsEveryUs };
}

/** A moment's place in a window: 0 at its start, 1 at its end. */
export function fractionOf({ startUs, endUs }: Window, atUs: number): number {
  return (atUs - startUs) / (endUs - startUs);
}

export function momentAt({ startUs, endUs }: Window, fraction: number): number {
  return Math.round(startUs + Math.min(1, Math.max(0, fraction)) * (endUs - startUs));
}

/** Round local times inside a window, `everyUs` apart, for labels. `zoneUs`: offset of local time from UTC. */
export function ticks({ startUs, endUs }: Window, everyUs: number, zoneUs: number): number[] {
  const first = Math.ceil((startUs + zoneUs) / everyUs) * everyUs - zoneUs;
  return Array.from({ length: Math.max(0, Math.ceil((endUs - first) / everyUs)) }, (_, at) => first + at * everyUs);
}
