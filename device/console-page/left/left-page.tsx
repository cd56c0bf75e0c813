// Owns: the page "What has left": every clip that has left this door, newest first, or that nothing ever has. Not here: one of them
// (departure-card.tsx), the list (departure-list.ts).

import { useAction } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { DepartureCard } from './departure-card.tsx';
import { useDepartures } from './departure-list.ts';
import { words } from './left-words.ts';

export function LeftPage() {
  const { fetched, trouble, loadOlder } = useDepartures();
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
          <ol class="departures">
            {fetched.departures.map((departure) => (
              <li key={departure.grant}>
                <DepartureCard departure={departure} />
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
