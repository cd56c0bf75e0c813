// A test's timeline with the picture at the selected time, a row of all pictures, and the same as a list.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { TestTimeline } from '../run-report.ts';
import { Sign } from './sign.tsx';
import { offsetText, wallText } from './time-axis.ts';
import { Timeline } from './timeline.tsx';
import { type Lane, lanesOf, type Mark, type StillAt, stillFor } from './timeline-marks.ts';

const ROWS_AT_ONCE = 500;

/** The selected time: a mark's or a picture's. */
interface Moment {
  atUs: number;
  camera: number | null;
  mark: Mark | null;
}

export function TimelinePart({ timeline }: { timeline: TestTimeline }) {
  const lanes = useMemo(() => lanesOf(timeline), [timeline]);
  const [pinned, pin] = useState<Moment>(() => firstMoment(timeline, lanes));
  const [pointed, point] = useState<Mark | null>(null);
  const moment = pointed ? momentOf(pointed) : pinned;
  const still = stillFor(timeline, moment.atUs, moment.camera) ?? stillFor(timeline, moment.atUs, null);
  const hasStills = timeline.cameras.some(({ stills }) => stills.length > 0);
  return (
    <section class="part">
      <h3>Timeline</h3>
      <div class={hasStills ? 'timeline-with-still' : ''}>
        <div class="timeline-side">
          <Timeline
            timeline={timeline}
            lanes={lanes}
            atUs={moment.atUs}
            selected={moment.mark?.id ?? null}
            onPoint={point}
            onSelect={(mark) => pin(momentOf(mark))}
          />
        </div>
        {hasStills && <StillPart timeline={timeline} moment={moment} still={still} />}
      </div>
      {!hasStills && moment.mark && <MomentText timeline={timeline} moment={moment} />}
      {hasStills && (
        <FilmStrip timeline={timeline} shown={still} onSelect={(atUs, camera) => pin({ atUs, camera, mark: null })} />
      )}
      <MarkList timeline={timeline} lanes={lanes} />
    </section>
  );
}

function momentOf(mark: Mark): Moment {
  return { atUs: mark.startUs, camera: mark.camera, mark };
}

/** The first selection: the first missed event, else the first false one, else the first. */
function firstMoment({ startUs }: TestTimeline, lanes: readonly Lane[]): Moment {
  const marks = lanes.flatMap((lane) => lane.marks);
  const of = (...looks: Mark['look'][]) => marks.find(({ look }) => looks.includes(look));
  const mark = of('missed') ?? of('false') ?? of('failed') ?? marks.find(({ camera }) => camera !== null) ?? marks[0];
  return mark ? momentOf(mark) : { atUs: startUs, camera: null, mark: null };
}

function MomentText({ timeline, moment }: { timeline: TestTimeline; moment: Moment }) {
  return (
    <p class="moment" aria-live="polite">
      {moment.mark && (
        <span class="moment-description">
          <Sign look={moment.mark.look} /> <span class="outside">{moment.mark.description}</span>
        </span>
      )}
      <span class="soft digits">
        {offsetText(moment.atUs - timeline.startUs)}
        {moment.mark &&
          moment.mark.endUs > moment.mark.startUs &&
          ` – ${offsetText(moment.mark.endUs - timeline.startUs)}`}
        {' · '}
        {wallText(moment.atUs, timeline.zone)}
      </span>
    </p>
  );
}

function StillPart({ timeline, moment, still }: { timeline: TestTimeline; moment: Moment; still: StillAt | null }) {
  return (
    <figure class="still">
      <div class="still-picture">
        {still?.still.jpegBase64 !== undefined ? (
          <img src={pictureAddress(still.still.jpegBase64)} alt={still.still.caption} />
        ) : (
          <p class="still-none outside">{still ? `The picture is in ${still.still.file}` : 'No picture'}</p>
        )}
        {still && (
          <p class="still-caption">
            <span class="chip outside">{still.still.caption}</span>
            <span class="chip digits">
              {isFar(still.still.atUs, moment) && 'nearest: '}
              {offsetText(still.still.atUs - timeline.startUs)}
            </span>
          </p>
        )}
      </div>
      <figcaption>
        <MomentText timeline={timeline} moment={moment} />
      </figcaption>
    </figure>
  );
}

const FAR_US = 1_000_000;

/** Whether a picture is so far from the selected time that it may show something else. */
function isFar(pictureUs: number, { atUs, mark }: Moment): boolean {
  return pictureUs < atUs - FAR_US || pictureUs > (mark?.endUs ?? atUs) + FAR_US;
}

interface FilmStripProps {
  timeline: TestTimeline;
  shown: StillAt | null;
  onSelect: (atUs: number, camera: number) => void;
}

function FilmStrip({ timeline, shown, onSelect }: FilmStripProps) {
  const several = timeline.cameras.length > 1;
  const frames = timeline.cameras
    .flatMap(({ name, stills }, camera) => stills.map((still) => ({ still, camera, name })))
    .sort((one, other) => one.still.atUs - other.still.atUs);
  const film = useRef<HTMLUListElement>(null);
  // Scrolls the selected picture into view horizontally, without scrolling the page.
  useEffect(() => {
    const [strip, frame] = [film.current, film.current?.querySelector<HTMLElement>('[aria-pressed="true"]')];
    if (!strip || !frame) return;
    const left = frame.offsetLeft - strip.offsetLeft;
    if (left < strip.scrollLeft || left + frame.offsetWidth > strip.scrollLeft + strip.clientWidth)
      strip.scrollLeft = left - (strip.clientWidth - frame.offsetWidth) / 2;
  }, [shown?.still]);
  return (
    <ul class="film" aria-label="Pictures" ref={film}>
      {frames.map(({ still, camera, name }, at) => (
        <li key={at}>
          <button
            type="button"
            class="frame"
            aria-pressed={still === shown?.still}
            onClick={() => onSelect(still.atUs, camera)}
          >
            {still.jpegBase64 === undefined ? (
              <span class="frame-none" />
            ) : (
              <img src={pictureAddress(still.jpegBase64)} alt={still.caption} decoding="async" />
            )}
            <span class="frame-time digits outside">
              {offsetText(still.atUs - timeline.startUs)}
              {several && ` ${name}`}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function MarkList({ timeline, lanes }: { timeline: TestTimeline; lanes: readonly Lane[] }) {
  const [isOpen, open] = useState(false);
  const marks = lanes.flatMap((lane) => lane.marks.map((mark) => ({ mark, camera: lane.camera })));
  const sorted = isOpen ? marks.sort((one, other) => one.mark.startUs - other.mark.startUs) : [];
  if (marks.length === 0) return null;
  return (
    <details class="as-list" onToggle={(event) => open(event.currentTarget.open)}>
      <summary>As a list ({marks.length})</summary>
      <ol class="steps">
        {sorted.slice(0, ROWS_AT_ONCE).map(({ mark, camera }) => (
          <li key={mark.id}>
            <span class="digits soft">{offsetText(mark.startUs - timeline.startUs)}</span>
            <Sign look={mark.look} />
            <span class="outside">
              {mark.description}
              {camera !== '' && <span class="soft"> ({camera})</span>}
            </span>
          </li>
        ))}
      </ol>
      {marks.length > ROWS_AT_ONCE && <p class="soft">And {marks.length - ROWS_AT_ONCE} more, in report.json.</p>}
    </details>
  );
}

function pictureAddress(jpegBase64: string): string {
  return `data:image/jpeg;base64,${jpegBase64}`;
}
