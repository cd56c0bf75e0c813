// Holds: the list of sent clips joins the fetched pages without a gap, newest first, each clip as the device last sent it.
import { expect, it } from 'vitest';
import { type FetchedSentClips, withPage } from '../../../../device/console-page/left/fetched-sent-clips.ts';
import type { SentClip, SentClipPage } from '../../../../device/contract/sent-clips.ts';

const departure = (number: number, at: SentClip['standing']['at'] = 'sending') =>
  ({ number, standing: { at } }) as SentClip;
/** The page that a device of `total` clips answers with. */
function pageOf(total: number, before: number, most: number, at?: SentClip['standing']['at']): SentClipPage {
  const start = Math.max(0, before - most);
  const numbers = Array.from({ length: before - start }, (_, place) => before - 1 - place);
  return { total, departures: numbers.map((number) => departure(number, at)), next: start === 0 ? null : start };
}
const numbers = ({ clips }: FetchedSentClips) => clips.map(({ number }) => number);

it('joins pages until there is nothing older', () => {
  const first = withPage(null, pageOf(5, 5, 2));
  expect([numbers(first), first.older]).toEqual([[4, 3], 3]);
  const second = withPage(first, pageOf(5, 3, 2));
  expect([numbers(second), second.older]).toEqual([[4, 3, 2, 1], 1]);
  const last = withPage(second, pageOf(5, 1, 2));
  expect([numbers(last), last.older]).toEqual([[4, 3, 2, 1, 0], null]);
});

it('shows a clip by its newest page, and a new clip above the others', () => {
  const known = withPage(withPage(null, pageOf(4, 4, 2)), pageOf(4, 2, 2));
  const now = withPage(known, pageOf(5, 5, 2, 'stored'));
  expect(numbers(now)).toEqual([4, 3, 2, 1, 0]);
  expect(now.clips.map(({ standing }) => standing.at)).toEqual([
    ...['stored', 'stored'],
    ...['sending', 'sending', 'sending'],
  ]);
});

it('drops clips beyond a gap, and continues at the gap', () => {
  const now = withPage(withPage(null, pageOf(3, 3, 3)), pageOf(9, 9, 2));
  expect([numbers(now), now.older]).toEqual([[8, 7], 7]);
});

it('is empty while no clip was sent', () => {
  expect(withPage(null, pageOf(0, 0, 2))).toEqual({ total: 0, clips: [], older: null });
});
