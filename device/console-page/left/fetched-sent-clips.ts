// The part of the list of sent clips that the page has fetched: the newest, without a gap.
import type { SentClip, SentClipPage } from '@doorsill/contract/sent-clips';

export interface FetchedSentClips {
  total: number;
  /** Newest first; no number is left out. */
  clips: readonly SentClip[];
  /** The `before` of the next older page; null if there is none. */
  older: number | null;
}

/** Adds a page to the fetched clips. Clips beyond a gap are dropped, because the list would show them as if none were missing. */
export function withPage(known: FetchedSentClips | null, { total, departures }: SentClipPage): FetchedSentClips {
  const all = new Map([...(known?.clips ?? []), ...departures].map((one) => [one.number, one]));
  const whole: SentClip[] = [];
  for (let number = total - 1; ; number -= 1) {
    const next = all.get(number);
    if (!next) break;
    whole.push(next);
  }
  const last = whole.at(-1)?.number ?? total;
  return { total, clips: whole, older: last === 0 ? null : last };
}
