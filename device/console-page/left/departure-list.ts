// Owns: fetching the list of what has left, and again whenever the device tells of a change. Not here: joining its pages
// (fetched-departures.ts), drawing it (left-page.tsx).

import { DeparturePage } from '@doorsill/contract/departures';
import { useEffect, useState } from 'preact/hooks';
import { clock, type Timer } from '../kit/browser-seams.ts';
import { type Trouble, troubleOf, useDoor } from '../kit/door-context.ts';
import { type FetchedDepartures, withPage } from './fetched-departures.ts';

const PAGE_DEPARTURES = 20;
/** What the device tells comes in bursts: a receipt, the state. */
const RELOAD_MS = 150;

/** What has left this page's door, as far as it was fetched; null before the device has answered. */
export function useDepartures(): {
  fetched: FetchedDepartures | null;
  trouble: Trouble | null;
  loadOlder(): Promise<void>;
} {
  const { door, view } = useDoor();
  const [fetched, setFetched] = useState<FetchedDepartures | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const load = async (before: number | null) => {
    const query = new URLSearchParams({ limit: String(PAGE_DEPARTURES) });
    if (before !== null) query.set('before', String(before));
    const page = await door.client.call(DeparturePage, `/api/v1/departures?${query}`);
    setFetched((known) => withPage(known, page));
    setTrouble(null);
  };
  useEffect(() => {
    if (view.link !== 'online') return;
    let waiting: Timer | null = null;
    const reload = () => load(null).catch((thrown: unknown) => setTrouble(troubleOf(thrown)));
    const forget = door.onTold((kind) => {
      if (kind !== 'receipt' && kind !== 'state') return;
      waiting ??= clock.after(RELOAD_MS, () => {
        waiting = null;
        void reload();
      });
    });
    void reload();
    return () => {
      waiting?.cancel();
      forget();
    };
  }, [door, view.link]);
  const loadOlder = async () => {
    if (fetched?.older) await load(fetched.older);
  };
  return { fetched, trouble, loadOlder };
}
