import type { DeviceEvent } from '@doorsill/contract/home-messages';
import { text } from './choose-language.ts';
import { showDay, showTime } from './format.ts';
import { Icon, type IconName } from './icons.tsx';

/** An event's text and icon. */
export function eventWords(event: DeviceEvent): { icon: IconName; words: string; detail: string | null } {
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

export function EventList({ events, most }: { events: readonly DeviceEvent[]; most: number }) {
  if (events.length === 0) return <p class="empty">{text.nothingHappened}</p>;
  const shown = events.slice(0, most);
  const days = [...new Set(shown.map(({ atUs }) => showDay(atUs)))];
  return (
    <>
      {days.map((day, at) => (
        <section key={day} aria-label={day}>
          {(at > 0 || days.length > 1) && <h3 class="day">{day}</h3>}
          <ol class="events">
            {shown
              .filter(({ atUs }) => showDay(atUs) === day)
              .map((event) => (
                <EventLine key={event.id} event={event} />
              ))}
          </ol>
        </section>
      ))}
    </>
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
