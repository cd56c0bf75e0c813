// Owns: the page "People": owners, viewers, and who looked. Not here: adding a viewer (add-viewer.tsx).
import { useEffect, useState } from 'preact/hooks';
import {
  type Look,
  lookListSchema,
  type ShownViewer,
  type ViewRight,
  viewerListSchema,
} from '../../protocol/console-messages.ts';
import { AddViewer } from './add-viewer.tsx';
import { text } from './choose-language.ts';
import { type Trouble, troubleOf, useAction, useDoor } from './door-context.ts';
import { showDateAndTime } from './format.ts';
import { Icon } from './icons.tsx';
import { TroubleNotice } from './notices.tsx';

export const RIGHT_WORDS: Record<ViewRight, string> = {
  live: text.rightLive,
  stills: text.rightStills,
  history: text.rightHistory,
};
const LOOKS_SHOWN = 30;

interface People {
  viewers: ShownViewer[];
  looks: Look[];
}

export function PeoplePage() {
  const { door, view } = useDoor();
  const [people, setPeople] = useState<People | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const load = async () => {
    const [{ viewers }, { looks }] = await Promise.all([
      door.client.call(viewerListSchema, '/api/v1/viewers'),
      door.client.call(lookListSchema, '/api/v1/looks'),
    ]);
    setPeople({ viewers, looks });
    setTrouble(null);
  };
  // Again whenever the door is reached again: another owner may have changed something meanwhile.
  useEffect(() => {
    if (view.link === 'online') load().catch((thrown: unknown) => setTrouble(troubleOf(thrown)));
  }, [door, view.link]);
  return (
    <div class="people">
      <section class="card" aria-labelledby="owners">
        <h2 id="owners">{text.owners}</h2>
        {view.state && (
          <p class="owners-count">
            <Icon name="key" />
            {text.ownerCount(view.state.owners)}
          </p>
        )}
        <p class="hint">{text.ownersHelp}</p>
      </section>
      <section class="card" aria-labelledby="viewers">
        <h2 id="viewers">{text.viewers}</h2>
        <p class="hint">{text.viewersHelp}</p>
        <TroubleNotice trouble={trouble} />
        {people && <Viewers viewers={people.viewers} changed={load} />}
        <AddViewer changed={load} />
      </section>
      <section class="card" aria-labelledby="looks">
        <h2 id="looks">{text.whoLooked}</h2>
        <p class="hint">{text.whoLookedHelp}</p>
        {people && <Looks {...people} ownKey={door.client.key.publicKey} />}
      </section>
    </div>
  );
}

function Viewers({ viewers, changed }: { viewers: ShownViewer[]; changed(): Promise<void> }) {
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
  const action = useAction();
  const [isAsking, setAsking] = useState(false);
  const until =
    viewer.expiresS === undefined ? text.untilRemoved : text.untilTime(showDateAndTime(viewer.expiresS * 1e6));
  const remove = () =>
    action.run(async () => {
      await door.client.command({ action: 'remove-viewer', viewer: viewer.viewer });
      await changed();
    });
  return (
    <li class="viewer">
      <div class="viewer-words">
        <p class="viewer-name">{viewer.name}</p>
        <p class="hint">
          {viewer.rights.map((right) => RIGHT_WORDS[right]).join(', ')} · {until}
        </p>
        <p class="hint viewer-id">{viewer.viewer}</p>
      </div>
      {!isAsking && (
        <button
          type="button"
          class="button button-quiet"
          aria-label={`${text.remove}: ${viewer.name}`}
          onClick={() => setAsking(true)}
        >
          {text.remove}
        </button>
      )}
      {isAsking && (
        <fieldset class="viewer-ask" aria-label={text.removeAsk(viewer.name)}>
          <p>
            {text.removeAsk(viewer.name)} {text.removeConsequence}
          </p>
          <div class="row">
            <button type="button" class="button button-danger" disabled={action.busy} onClick={remove}>
              {text.remove}
            </button>
            <button type="button" class="button" onClick={() => setAsking(false)}>
              {text.cancel}
            </button>
          </div>
        </fieldset>
      )}
      <TroubleNotice trouble={action.trouble} />
    </li>
  );
}

function Looks({ looks, viewers, ownKey }: People & { ownKey: string }) {
  if (looks.length === 0) return <p class="empty">{text.nobodyLooked}</p>;
  const nameOf = (by: string) => {
    if (by === ownKey) return text.you;
    const viewer = viewers.find((one) => one.viewer === by);
    return viewer?.name ?? (by.startsWith('viewer-') ? text.removedViewer : text.anotherOwner);
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
