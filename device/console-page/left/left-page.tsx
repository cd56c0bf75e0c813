// The page "What has left": every clip that was sent from this doorbell, newest first.
import './left.css';
import { SentClipPage } from '@doorsill/contract/sent-clips';
import { useEffect, useState } from 'preact/hooks';
import { clock, type Timer } from '../kit/browser-seams.ts';
import { type Trouble, troubleOf, useAction, useDoor } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { type FetchedSentClips, withPage } from './fetched-sent-clips.ts';
import { words } from './left-words.ts';
import { SentClipCard } from './sent-clip-card.tsx';

const PAGE_CLIPS = 20;
/** The device's messages come in bursts, such as a receipt with a state. */
const RELOAD_MS = 150;

/** The fetched part of the list of sent clips, fetched again with each change; null before the first answer. */
function useSentClips(): {
  fetched: FetchedSentClips | null;
  trouble: Trouble | null;
  loadOlder(): Promise<void>;
} {
  const { door, view } = useDoor();
  const [fetched, setFetched] = useState<FetchedSentClips | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const load = async (before: number | null) => {
    const query = new URLSearchParams({ limit: String(PAGE_CLIPS) });
    if (before !== null) query.set('before', String(before));
    const page = await door.client.call(SentClipPage, `/api/v1/departures?${query}`);
    setFetched((known) => withPage(known, page));
    setTrouble(null);
  };
  useEffect(() => {
    if (view.link !== 'online') return;
    let waiting: Timer | null = null;
    const reload = () => load(null).catch((thrown: unknown) => setTrouble(troubleOf(thrown)));
    const unsubscribe = door.onMessage((kind) => {
      if (kind !== 'receipt' && kind !== 'state') return;
      waiting ??= clock.after(RELOAD_MS, () => {
        waiting = null;
        void reload();
      });
    });
    void reload();
    return () => {
      waiting?.cancel();
      unsubscribe();
    };
  }, [door, view.link]);
  const loadOlder = async () => {
    if (fetched?.older) await load(fetched.older);
  };
  return { fetched, trouble, loadOlder };
}

export function LeftPage() {
  const { fetched, trouble, loadOlder } = useSentClips();
  const older = useAction();
  return (
    <div class="left">
      <TroubleNotice trouble={trouble} />
      {!fetched && !trouble && (
        <p class="empty" role="status">
          {words.asking}
        </p>
      )}
      {fetched?.total === 0 && <NothingLeft />}
      {fetched && fetched.total > 0 && (
        <>
          <p class="left-count">
            <strong>{words.count(fetched.total)}</strong> <span class="hint">{words.countHelp}</span>
          </p>
          <ol class="sent-clips">
            {fetched.clips.map((sentClip) => (
              <li key={sentClip.grant}>
                <SentClipCard sentClip={sentClip} />
              </li>
            ))}
          </ol>
        </>
      )}
      {fetched && fetched.older !== null && (
        <button type="button" class="button" disabled={older.busy} onClick={() => older.run(loadOlder)}>
          {words.older}
        </button>
      )}
      <TroubleNotice trouble={older.trouble} />
    </div>
  );
}

function NothingLeft() {
  return (
    <div class="empty-large card">
      <span class="left-shield">
        <Icon name="shield" />
      </span>
      <p class="left-nothing">{words.nothing}</p>
      <p class="hint">{words.nothingHelp}</p>
    </div>
  );
}
