import { frameTimesSchema } from '@doorsill/contract/console-messages';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import type { DeviceClient } from '../kit/device-client.ts';
import { doorCondition } from '../kit/door-condition.ts';
import { useDoor } from '../kit/door-context.ts';
import { showDay, showTime } from '../kit/format.ts';
import { Icon, type IconName } from '../kit/icons.tsx';
import { useMomentPicture } from '../kit/moment-picture.ts';
import { PictureTrouble } from '../kit/notices.tsx';
import { ScrubStrip } from '../kit/scrub-strip.tsx';
import { nearestCovered, recentWindow, SECOND_US } from '../kit/time-spans.ts';
import { SaveSpan } from './save-span.tsx';
import { VisitsSection } from './visits-section.tsx';

/** Length of the fine timeline: a minute is about a thumb wide on a phone. */
const FINE_US = 6 * 60 * SECOND_US;
/** An event is shown from this long before it. */
const BEFORE_EVENT_US = 2 * SECOND_US;
/** An event at most this much later than the known footage counts as being recorded right now. */
const COMING_US = 20 * SECOND_US;

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
  const { events } = view;
  const [chosen, setChosen] = useState<Partial<Window>>({});
  const latest = useRef(spans);
  latest.current = spans;
  const picture = useMomentPicture(() => latest.current);
  const atUs = picture.atUs ?? nearestCovered(spans, endUs) ?? endUs;
  /** Counts navigations: an answer about an event is dropped when the user has moved on. */
  const navigation = useRef(0);
  /** Whether the opened event's footage is gone. */
  const [isGone, setGone] = useState(false);
  const goTo = (us: number) => {
    navigation.current += 1;
    setGone(false);
    picture.show(nearestCovered(latest.current, us) ?? us);
  };
  const openEvent = async (us: number) => {
    navigation.current += 1;
    const own = navigation.current;
    const isComing = us > endUs - SECOND_US && us < endUs + COMING_US;
    const isHeld = isComing || (await hasFrames(door.client, us));
    if (own !== navigation.current) return;
    const fromUs = us - BEFORE_EVENT_US;
    setGone(!isHeld);
    const nearest = nearestCovered(latest.current, fromUs) ?? fromUs;
    // If the seconds before the event are gone, show the event itself.
    if (isHeld) return picture.show(nearest === fromUs || isComing ? nearest : us);
    picture.showNothing(fromUs, { title: text.footageGone(showTime(us)), advice: '' });
  };

  useEffect(() => {
    if (askedUs === null) goTo(endUs);
    else void openEvent(askedUs);
  }, [askedUs]);

  const shownEvents = useMemo(() => events.filter(({ type }) => type === 'ring' || type === 'motion-start'), [events]);
  // Not drawn again with each move of the finger.
  const list = useMemo(() => <VisitsSection />, []);
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
          <Transport {...{ picture, atUs, isGone, events: shownEvents, goTo, openEvent, endUs }} />
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
        {list}
        <SaveSpan atUs={atUs} chosen={chosen} choose={setChosen} />
      </div>
    </div>
  );
}

/** Whether the device holds footage of a moment; assumed if it does not answer, because fetching the picture will tell. */
async function hasFrames(client: DeviceClient, us: number): Promise<boolean> {
  const [fromUs, toUs] = [Math.max(0, us - SECOND_US / 2), us + SECOND_US / 2];
  const answer = await client.call(frameTimesSchema, `/api/v1/frames?fromUs=${fromUs}&toUs=${toUs}`).catch(() => null);
  return answer === null || answer.frames.length > 0;
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
  /** There is no footage to play here. */
  isGone: boolean;
  goTo(us: number): void;
  openEvent(us: number): Promise<void>;
}

function Transport({ picture, atUs, endUs, events, isGone, goTo, openEvent }: TransportProps) {
  // Events are opened a little before they happened.
  const here = atUs + BEFORE_EVENT_US;
  const before = events.find((event) => event.atUs < here - SECOND_US);
  const after = events.findLast((event) => event.atUs > here + SECOND_US);
  const toEvent = (event: DeviceEvent | undefined) => event && void openEvent(event.atUs);
  return (
    <div class="transport">
      <TransportButton icon="previous" label={text.previousEvent} off={!before} press={() => toEvent(before)} />
      <TransportButton icon="back" label={text.back10} press={() => goTo(atUs - 10 * SECOND_US)} />
      <button
        type="button"
        class="button button-main transport-play"
        aria-label={picture.isPlaying ? text.pause : text.play}
        disabled={isGone}
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
