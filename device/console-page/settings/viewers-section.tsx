import {
  type Look,
  lookListSchema,
  ownerListSchema,
  type ShownOwner,
  type ShownViewer,
  type ViewRight,
  viewerListSchema,
} from '@doorsill/contract/console-messages';
import { useEffect, useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { type Trouble, troubleOf, useDoor } from '../kit/door-context.ts';
import { showDateAndTime } from '../kit/format.ts';
import { TroubleNotice } from '../kit/notices.tsx';
import { AddViewer } from './add-viewer.tsx';
import { ConfirmRemoval } from './confirm-removal.tsx';
import { Part } from './settings-part.tsx';

const RIGHT_WORDS: Record<ViewRight, string> = {
  live: text.rightLive,
  stills: text.rightStills,
  history: text.rightHistory,
};
const LOOKS_SHOWN = 30;

export interface People {
  /** Null until fetched, like the lists below. */
  owners: readonly ShownOwner[] | null;
  viewers: readonly ShownViewer[] | null;
  looks: readonly Look[] | null;
  trouble: Trouble | null;
  load(): Promise<void>;
}

/** Owners, viewers and who looked, fetched with each new connection: another owner may have changed something. */
export function usePeople(): People {
  const { door, view } = useDoor();
  const [known, setKnown] = useState<Pick<People, 'owners' | 'viewers' | 'looks'>>({
    owners: null,
    viewers: null,
    looks: null,
  });
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const load = async () => {
    const [{ owners }, { viewers }, { looks }] = await Promise.all([
      door.client.call(ownerListSchema, '/api/v1/owners'),
      door.client.call(viewerListSchema, '/api/v1/viewers'),
      door.client.call(lookListSchema, '/api/v1/looks'),
    ]);
    setKnown({ owners, viewers, looks });
    setTrouble(null);
  };
  useEffect(() => {
    if (view.link === 'online') load().catch((thrown: unknown) => setTrouble(troubleOf(thrown)));
  }, [door, view.link]);
  return { ...known, trouble, load };
}

export function ViewersSection({ people }: { people: People }) {
  return (
    <Part id="viewers">
      <p class="hint">{text.viewersHelp}</p>
      <TroubleNotice trouble={people.trouble} />
      {people.viewers && <Viewers viewers={people.viewers} changed={people.load} />}
      <AddViewer changed={people.load} />
    </Part>
  );
}

export function LooksSection({ people }: { people: People }) {
  const { door } = useDoor();
  return (
    <Part id="looks">
      <p class="hint">{text.whoLookedHelp}</p>
      <Looks people={people} ownKey={door.client.key.publicKey} />
    </Part>
  );
}

function Viewers({ viewers, changed }: { viewers: readonly ShownViewer[]; changed(): Promise<void> }) {
  if (viewers.length === 0) return <p class="empty">{text.noViewers}</p>;
  return (
    <ul class="viewers">
      {viewers.map((viewer) => (
        <ViewerLine key={viewer.viewer} viewer={viewer} changed={changed} />
      ))}
    </ul>
  );
}

function ViewerLine({ viewer, changed }: { viewer: ShownViewer; changed(): Promise<void> }) {
  const { door } = useDoor();
  const until =
    viewer.expiresS === undefined ? text.untilRemoved : text.untilTime(showDateAndTime(viewer.expiresS * 1e6));
  const remove = async () => {
    await door.client.command({ action: 'remove-viewer', viewer: viewer.viewer });
    await changed();
  };
  return (
    <li class="viewer">
      <div class="viewer-words">
        <p class="viewer-name">{viewer.name}</p>
        <p class="hint">
          {viewer.rights.map((right) => RIGHT_WORDS[right]).join(', ')} · {until}
        </p>
        <p class="hint viewer-id">{viewer.viewer}</p>
      </div>
      <ConfirmRemoval name={viewer.name} ask={text.removeAsk(viewer.name)} remove={remove}>
        {text.removeAsk(viewer.name)} {text.removeConsequence}
      </ConfirmRemoval>
    </li>
  );
}

function Looks({ people: { owners, viewers, looks }, ownKey }: { people: People; ownKey: string }) {
  if (!looks) return null;
  if (looks.length === 0) return <p class="empty">{text.nobodyLooked}</p>;
  const nameOf = (by: string) => {
    if (by === ownKey) return text.you;
    const viewer = viewers?.find((one) => one.viewer === by);
    const owner = owners?.find((one) => one.key === by);
    return viewer?.name ?? owner?.name ?? (by.startsWith('viewer-') ? text.removedViewer : text.anotherOwner);
  };
  return (
    <ol class="looks">
      {looks.slice(0, LOOKS_SHOWN).map(({ by, what, atUs }) => (
        <li key={`${by} ${what} ${atUs}`} class="look">
          <span>
            {nameOf(by)}
            <span class="hint"> · {text.lookedAt[what]}</span>
          </span>
          <time class="event-time">{showDateAndTime(atUs)}</time>
        </li>
      ))}
    </ol>
  );
}
