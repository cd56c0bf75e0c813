// Owns: the page "Timeline": the picture of any recorded moment, playing from there, and going from event to event. Not here: the lines of
// time (scrub-strip.tsx), saving (save-span.tsx), fetching (still-fetcher.ts, footage-player.ts).
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DeviceEvent } from '../../protocol/home-messages.ts';
import type { Window } from '../../protocol/shared-claims.ts';
import { text } from './choose-language.ts';
import { doorCondition } from './door-condition.ts';
import { useDoor } from './door-context.ts';
import { EventList } from './event-list.tsx';
import { showDay, showTime } from './format.ts';
import { Icon, type IconName } from './icons.tsx';
import { useMomentPicture } from './moment-picture.ts';
import { PictureTrouble } from './picture-note.tsx';
import { SaveSpan } from './save-span.tsx';
import { ScrubStrip } from './scrub-strip.tsx';
import { nearestCovered, recentWindow, SECOND_US } from './time-spans.ts';

/** A minute is about a thumb's width on a phone. */
const FINE_US = 6 * 60 * SECOND_US;
const EVENTS_SHOWN = 200;
/** A person wants to see how it came to an event, too. */
const BEFORE_EVENT_US = 2 * SECOND_US;

export function TimelinePage({ askedUs }: { askedUs: number | null }) {
  const { view } = useDoor();
  const { state } = view;
  if (!state) return <p class="empty">{text.connecting}</p>;
  if (doorCondition(state).kind === 'privacy')
    return (
      <p class="empty empty-large">
        <Icon name="eyeOff" />
        {text.timelinePrivate}
      </p>
    );
  const spans = state.ring.coverage;
  const endUs = spans.at(-1)?.endUs;
  if (endUs === undefined) return <p class="empty empty-large">{text.noFootage}</p>;
  return <Timeline spans={spans} endUs={endUs} askedUs={askedUs} />;
}

function Timeline({ spans, endUs, askedUs }: { spans: Window[]; endUs: number; askedUs: number | null }) {
  const { door, view } = useDoor();
  const { events, hasOlder } = view;
  const [chosen, setChosen] = useState<Partial<Window>>({});
  const latest = useRef(spans);
  latest.current = spans;
  const picture = useMomentPicture(() => latest.current);
  const atUs = picture.atUs ?? nearestCovered(spans, endUs) ?? endUs;
  const goTo = (us: number) => picture.show(nearestCovered(latest.current, us) ?? us);

  useEffect(() => goTo(askedUs === null ? endUs : askedUs - BEFORE_EVENT_US), [askedUs]);

  const told = useMemo(() => events.filter(({ type }) => type === 'ring' || type === 'motion-start'), [events]);
  // Not drawn again with every move of a finger.
  const list = useMemo(() => <EventList events={told} most={EVENTS_SHOWN} />, [told]);
  const recent = recentWindow(spans, endUs);
  const strip = { atUs, spans, events, chosen, choose: goTo };
  return (
    <div class="timeline">
      <div class="timeline-main">
        <MomentFigure picture={picture} atUs={atUs} />
        <div class="scrub">
          <p class="scrub-time">
            <time>{showTime(atUs)}</time>
            <span>{showDay(atUs)}</span>
          </p>
          <ScrubStrip
            {...strip}
            by="drag"
            label={text.scrubFine}
            window={{ startUs: atUs - FINE_US / 2, endUs: atUs + FINE_US / 2 }}
            labelsEveryUs={60 * SECOND_US}
          />
          <Transport picture={picture} atUs={atUs} events={told} goTo={goTo} endUs={endUs} />
          <ScrubStrip
            {...strip}
            by="touch"
            label={`${text.scrubOverview}: ${text.recent[recent.name]}`}
            window={recent.window}
            labelsEveryUs={recent.labelsEveryUs}
          />
          <p class="hint scrub-help">{text.timelineHelp}</p>
        </div>
      </div>
      <div class="timeline-side">
        <SaveSpan atUs={atUs} chosen={chosen} choose={setChosen} />
        <section class="card" aria-labelledby="lately">
          <h2 id="lately">{text.lately}</h2>
          {list}
          {hasOlder && (
            <button type="button" class="button button-quiet" onClick={() => void door.loadOlder()}>
              {text.olderEvents}
            </button>
          )}
        </section>
      </div>
    </div>
  );
}

type Picture = ReturnType<typeof useMomentPicture>;

function MomentFigure({ picture, atUs }: { picture: Picture; atUs: number }) {
  return (
    <figure class="picture" data-still-us={picture.stillUs ?? undefined}>
      {picture.still && !picture.isMoving && (
        <img class="picture-still" src={picture.still} alt={text.pictureAt(showTime(picture.stillUs ?? atUs))} />
      )}
      <video
        ref={picture.video}
        muted
        playsInline
        aria-label={text.pictureAt(showTime(atUs))}
        hidden={!picture.isMoving}
      />
      <PictureTrouble trouble={picture.trouble} />
    </figure>
  );
}

interface TransportProps {
  picture: Picture;
  atUs: number;
  endUs: number;
  /** Newest first. */
  events: readonly DeviceEvent[];
  goTo(us: number): void;
}

function Transport({ picture, atUs, endUs, events, goTo }: TransportProps) {
  // Where an event was gone to is a little before it.
  const here = atUs + BEFORE_EVENT_US;
  const before = events.find((event) => event.atUs < here - SECOND_US);
  const after = events.findLast((event) => event.atUs > here + SECOND_US);
  const toEvent = (event: DeviceEvent | undefined) => event && goTo(event.atUs - BEFORE_EVENT_US);
  return (
    <div class="transport">
      <TransportButton icon="previous" label={text.previousEvent} off={!before} press={() => toEvent(before)} />
      <TransportButton icon="back" label={text.back10} press={() => goTo(atUs - 10 * SECOND_US)} />
      <button
        type="button"
        class="button button-main transport-play"
        aria-label={picture.isPlaying ? text.pause : text.play}
        onClick={() => (picture.isPlaying ? picture.pause() : picture.play())}
      >
        <Icon name={picture.isPlaying ? 'pause' : 'play'} />
      </button>
      <TransportButton icon="forward" label={text.forward10} press={() => goTo(atUs + 10 * SECOND_US)} />
      <TransportButton
        icon={after ? 'next' : 'newest'}
        label={after ? text.nextEvent : text.newest}
        press={() => (after ? toEvent(after) : goTo(endUs))}
      />
    </div>
  );
}

function TransportButton({
  icon,
  label,
  off = false,
  press,
}: {
  icon: IconName;
  label: string;
  off?: boolean;
  press(): void;
}) {
  return (
    <button type="button" class="button button-round" aria-label={label} title={label} disabled={off} onClick={press}>
      <Icon name={icon} />
    </button>
  );
}
