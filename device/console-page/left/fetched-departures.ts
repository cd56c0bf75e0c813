// Owns: the part of the list of what has left that this page has fetched: the newest, without a gap. Pure. Not here: fetching
// (departure-list.ts), the list itself (the device's consent/departures.ts).
import type { Departure, DeparturePage } from '@doorsill/contract/departures';

export interface FetchedDepartures {
  total: number;
  /** Newest first; no number is left out. */
  departures: readonly Departure[];
  /** Where older ones begin; null when there are none. */
  older: number | null;
}

/** Adds a page to what was fetched; behind a gap nothing is kept, for it would be shown as if it followed. */
export function withPage(known: FetchedDepartures | null, { total, departures }: DeparturePage): FetchedDepartures {
  const all = new Map([...(known?.departures ?? []), ...departures].map((one) => [one.number, one]));
  const whole: Departure[] = [];
  for (let number = total - 1; ; number -= 1) {
    const next = all.get(number);
    if (!next) break;
    whole.push(next);
  }
  const last = whole.at(-1)?.number ?? total;
  return { total, departures: whole, older: last === 0 ? null : last };
}
