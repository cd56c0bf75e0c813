import type { DeviceEvent } from '@doorsill/contract/home-messages';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { type Trouble, troubleOf, useDoor } from '../kit/door-context.ts';
import { TroubleNotice } from '../kit/notices.tsx';
import { VisitList } from '../kit/visit-list.tsx';
import { AT_DOOR, isAtDoor } from '../kit/visits.ts';

const VISITS_SHOWN = 200;
const KINDS = ['all', 'ring', 'motion'] as const;

/** Visits of a chosen day, or the newest ones, by kind. */
export function VisitsSection() {
  const { door, view } = useDoor();
  const [kind, setKind] = useState<(typeof KINDS)[number]>('all');
  const [day, setDay] = useState('');
  const [ofDay, setOfDay] = useState<{ day: string; events: DeviceEvent[] } | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const window = dayWindow(day);
  // A day that is over has no new events.
  const newest = window && window.endUs > clock.wallUs() ? view.events[0]?.id : null;
  useEffect(() => {
    setTrouble(null);
    if (!window) return;
    let isHere = true;
    door.eventsIn(window, AT_DOOR).then(
      (events) => isHere && setOfDay({ day, events }),
      (thrown: unknown) => isHere && setTrouble(troubleOf(thrown)),
    );
    return () => {
      isHere = false;
    };
  }, [door, day, newest]);
  const lately = useMemo(() => view.events.filter(isAtDoor), [view.events]);
  const events = day === '' ? lately : ofDay?.day === day ? ofDay.events : null;
  return (
    <section class="card" aria-labelledby="lately">
      <h2 id="lately">{text.lately}</h2>
      <div class="visit-filters">
        <fieldset class="visit-kinds">
          <legend class="unseen">{text.visitKindsLabel}</legend>
          {KINDS.map((one) => (
            <button key={one} type="button" class="visit-kind" aria-pressed={kind === one} onClick={() => setKind(one)}>
              {text.visitKinds[one]}
            </button>
          ))}
        </fieldset>
        <label class="visit-day">
          {text.visitDay}
          <input type="date" value={day} onInput={({ currentTarget }) => setDay(currentTarget.value)} />
        </label>
      </div>
      <TroubleNotice trouble={trouble} />
      {events && (
        <VisitList
          events={events}
          kind={kind}
          most={VISITS_SHOWN}
          none={day === '' ? text.nothingHappened : text.visitNone}
        />
      )}
      {day === '' && view.hasOlder && (
        <button type="button" class="button button-quiet" onClick={() => void door.loadOlder()}>
          {text.olderEvents}
        </button>
      )}
    </section>
  );
}

/** A day of local time, `2026-12-04`; null for none. */
function dayWindow(day: string): { startUs: number; endUs: number } | null {
  const [year, month, date] = day.split('-').map(Number);
  if (year === undefined || month === undefined || date === undefined) return null;
  const [start, end] = [date, date + 1].map((one) => new Date(year, month - 1, one).getTime() * 1_000);
  return start === undefined || end === undefined || start < 0 ? null : { startUs: start, endUs: end };
}
