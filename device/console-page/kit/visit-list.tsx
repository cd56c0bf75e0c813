import type { DeviceEvent } from '@doorsill/contract/home-messages';
import { useMemo } from 'preact/hooks';
import { text } from './choose-language.ts';
import { useDoor } from './door-context.ts';
import { showDay, showLength, showTime } from './format.ts';
import { Icon, type IconName } from './icons.tsx';
import { SECOND_US } from './time-spans.ts';
import { VisitStill } from './visit-still.tsx';
import { momentOf, VISIT_US_MAX, type Visit, visitsAndOthers } from './visits.ts';

/** An event's text and icon. */
function eventWords(event: DeviceEvent): { icon: IconName; words: string; detail: string | null } {
  switch (event.type) {
    case 'ring': {
      const by: Readonly<Record<string, string>> = text.eventRingBy;
      return { icon: 'bell', words: by[event.source] ?? text.eventRing, detail: null };
    }
    case 'motion-start':
    case 'motion-end': {
      const zones = event.zones.join(', ');
      return { icon: 'motion', words: zones === '' ? text.eventMotion : text.eventMotionIn(zones), detail: null };
    }
    case 'event-window':
      return { icon: event.cause === 'ring' ? 'bell' : 'motion', words: text.eventMotion, detail: null };
    case 'camera':
      return { icon: 'camera', words: text.eventCamera[event.state], detail: event.detail ?? null };
    case 'hardware': {
      const words = text.eventHardware(event.name, event.state === 'ok');
      return { icon: event.state === 'ok' ? 'check' : 'warning', words, detail: event.detail ?? null };
    }
    case 'tamper':
      return { icon: 'warning', words: `${text.eventTamper}: ${event.what}`, detail: event.detail };
  }
}

interface VisitListProps {
  events: readonly DeviceEvent[];
  /** `ring`: visits with a ring; `motion`: those without. */
  kind?: 'all' | 'ring' | 'motion';
  most: number;
  /** What is said where there are no events. */
  none: string;
}

/** Visits with their pictures, and other events as lines; at most `most`, newest first, by day. */
export function VisitList({ events, kind = 'all', most, none }: VisitListProps) {
  const { view } = useDoor();
  const all = useMemo(() => visitsAndOthers(events), [events]);
  const isShown = (entry: (typeof all)[number]) =>
    kind === 'all' || (entry.type === 'visit' && entry.rings.length > 0 === (kind === 'ring'));
  const entries = all.filter(isShown).slice(0, most);
  if (entries.length === 0) return <p class="empty">{all.length === 0 ? none : text.visitNone}</p>;
  const nowUs = view.state?.atUs ?? 0;
  const recordedUs = view.state?.ring.coverage.at(-1)?.endUs ?? 0;
  const startOf = (entry: (typeof entries)[number]) => (entry.type === 'visit' ? entry.startUs : entry.atUs);
  const days = [...new Set(entries.map((entry) => showDay(startOf(entry))))];
  return (
    <>
      {days.map((day, at) => (
        <section key={day} aria-label={day}>
          {(at > 0 || days.length > 1) && <h3 class="day">{day}</h3>}
          <ol class="events">
            {entries
              .filter((entry) => showDay(startOf(entry)) === day)
              .map((entry) =>
                entry.type === 'visit' ? (
                  <VisitCard key={entry.id} visit={entry} recordedUs={recordedUs} nowUs={nowUs} />
                ) : (
                  <EventLine key={entry.id} event={entry} />
                ),
              )}
          </ol>
        </section>
      ))}
    </>
  );
}

/** `nowUs`: the doorbell's time. */
function lengthWords({ startUs, lastUs, isOpen }: Visit, nowUs: number): string | null {
  if (isOpen) return nowUs - lastUs < VISIT_US_MAX ? text.visitNow : null;
  return lastUs - startUs >= SECOND_US ? showLength(lastUs - startUs) : null;
}

function VisitCard({ visit, recordedUs, nowUs }: { visit: Visit; recordedUs: number; nowUs: number }) {
  const { rings, zones, startUs } = visit;
  const [ring] = rings;
  const moved = zones.length === 0 ? text.eventMotion : text.eventMotionIn(zones.join(', '));
  const rang = ring && (rings.length > 1 ? text.visitRings(rings.length) : eventWords(ring).words);
  const momentUs = momentOf(visit);
  const time = showTime(ring?.atUs ?? startUs);
  const length = lengthWords(visit, nowUs);
  return (
    <li>
      <a class={`event visit event-${ring ? 'ring' : 'motion-start'}`} href={`#/timeline/${ring?.atUs ?? startUs}`}>
        <span class="visit-picture">
          <VisitStill atUs={momentUs} isExact={ring !== undefined} isRecorded={momentUs < recordedUs} />
          <span class="event-icon">
            <Icon name={ring ? 'bell' : 'motion'} />
          </span>
        </span>
        <span class="event-words">
          {rang ?? moved}
          {rang && zones.length > 0 && <span class="event-detail">{moved}</span>}
          <span class="event-detail">
            <time>{time}</time>
            {length && ` · ${length}`}
          </span>
        </span>
        <span class="unseen">{text.showAt(time)}</span>
      </a>
    </li>
  );
}

function EventLine({ event }: { event: DeviceEvent }) {
  const { icon, words, detail } = eventWords(event);
  const time = showTime(event.atUs);
  return (
    <li>
      <a class={`event event-${event.type}`} href={`#/timeline/${event.atUs}`}>
        <span class="event-icon">
          <Icon name={icon} />
        </span>
        <span class="event-words">
          {words}
          {detail && <span class="event-detail">{detail}</span>}
        </span>
        <time class="event-time">{time}</time>
        <span class="unseen">{text.showAt(time)}</span>
      </a>
    </li>
  );
}
