// Draws a timeline at the available width, with a button over each mark for pointer and keyboard: Tab reaches one, the arrow keys move on.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { TestTimeline } from '../run-report.ts';
import { Sign } from './sign.tsx';
import { offsetText, ticksOf } from './time-axis.ts';
import {
  layOutLanes,
  type PlacedLane,
  type PlacedMark,
  pan,
  ROW_HEIGHT,
  seenLanes,
  type TimeScale,
  type View,
  xOf,
  zoomIn,
  zoomOut,
} from './timeline-layout.ts';
import type { Lane, Mark } from './timeline-marks.ts';

const AXIS_HEIGHT = 26;
const RECORDED_HEIGHT = 8;
const MARGIN = 84;
const NARROW = 560;
const TICK_WIDTH = 76;
/** Further marks are not drawn: they would cover each other. */
const MARKS_MAX = 2000;

export interface TimelineProps {
  timeline: TestTimeline;
  lanes: readonly Lane[];
  /** The selected time. */
  atUs: number;
  selected: string | null;
  onPoint: (mark: Mark | null) => void;
  onSelect: (mark: Mark) => void;
}

export function Timeline(props: TimelineProps) {
  const { timeline, lanes, atUs } = props;
  const [place, width] = useWidth();
  const [view, look] = useState<View>({ startUs: timeline.startUs, endUs: timeline.endUs });
  const narrow = width < NARROW;
  const scale: TimeScale = {
    startUs: view.startUs,
    lengthUs: Math.max(1, view.endUs - view.startUs),
    left: narrow ? 0 : MARGIN,
    width: Math.max(1, width - (narrow ? 0 : MARGIN) - 1),
  };
  const seen = useMemo(() => seenLanes(lanes, view), [lanes, view]);
  const drawn = useMemo(() => seen.map((lane) => ({ ...lane, marks: lane.marks.slice(0, MARKS_MAX) })), [seen]);
  const { lanes: placed, bottom } = useMemo(
    () => layOutLanes(drawn, scale, AXIS_HEIGHT + 6, narrow),
    [drawn, scale.width, narrow],
  );
  const left = seen.reduce((sum, { marks }) => sum + Math.max(0, marks.length - MARKS_MAX), 0);
  const recordedTop = bottom + (narrow ? 18 : 0);
  const height = recordedTop + timeline.cameras.length * (RECORDED_HEIGHT + 4) + 6;
  const x = xOf(scale, atUs);
  const isSeen = atUs >= view.startUs && atUs <= view.endUs;
  return (
    <>
      <div class="timeline" ref={place}>
        <svg width={width} height={height} aria-hidden="true">
          <Axis scale={scale} wholeStartUs={timeline.startUs} height={height} />
          {isSeen && <line class="cursor" x1={x} x2={x} y1={AXIS_HEIGHT - 6} y2={height} />}
          {placed.map((lane, at) => (
            <LaneDrawing key={at} lane={lane} />
          ))}
          <RecordedDrawing timeline={timeline} scale={scale} titleY={bottom} top={recordedTop} />
        </svg>
        <MarkButtons {...props} placed={placed} />
      </div>
      {left > 0 && <p class="soft">{left} more marks are not drawn; report.json has them.</p>}
      <div class="timeline-foot">
        <Legend lanes={lanes} />
        <ViewButtons
          whole={timeline}
          view={view}
          atUs={isSeen ? atUs : (view.startUs + view.endUs) / 2}
          onLook={look}
        />
      </div>
    </>
  );
}

/** The current width of an element in pixels. */
function useWidth() {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(320);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(240, Math.floor(element.clientWidth))));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [place, width] as const;
}

/** The hatching of missed and false marks; once in a page, for all timelines. */
export function Hatch() {
  return (
    <svg class="unseen" width="0" height="0" aria-hidden="true">
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect class="hatch-line" width="2.5" height="6" />
        </pattern>
        <pattern id="hatch-false" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
          <rect class="hatch-line-false" width="2.5" height="6" />
        </pattern>
      </defs>
    </svg>
  );
}

function Axis({ scale, wholeStartUs, height }: { scale: TimeScale; wholeStartUs: number; height: number }) {
  const ticks = ticksOf(scale.startUs - wholeStartUs, scale.lengthUs, Math.floor(scale.width / TICK_WIDTH));
  const xs = ticks.map(({ offsetUs }) => xOf(scale, wholeStartUs + offsetUs));
  return (
    <g>
      {ticks.map(({ offsetUs, text }, at) => {
        const x = xs[at] ?? 0;
        // The last label goes before its tick, if the one before it leaves room.
        const nearEnd = x > scale.left + scale.width - TICK_WIDTH * 0.8;
        const fits = !nearEnd || x - (xs[at - 1] ?? 0) > TICK_WIDTH * 1.7;
        return (
          <g key={offsetUs}>
            <line class="tick" x1={x} x2={x} y1={AXIS_HEIGHT - 8} y2={height} />
            {fits && (
              <text class="tick-text" x={nearEnd ? x - 4 : x + 4} y={12} text-anchor={nearEnd ? 'end' : 'start'}>
                {text}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

interface ViewButtonsProps {
  whole: View;
  view: View;
  /** The time that zooming keeps in the middle. */
  atUs: number;
  onLook: (view: View) => void;
}

function ViewButtons({ whole, view, atUs, onLook }: ViewButtonsProps) {
  const isWhole = view.startUs === whole.startUs && view.endUs === whole.endUs;
  const deepest = zoomIn(view, whole, atUs);
  const isDeepest = deepest.endUs - deepest.startUs >= view.endUs - view.startUs;
  const buttons: [sign: string, label: string, off: boolean, next: () => View][] = [
    ['←', 'Earlier', view.startUs <= whole.startUs, () => pan(view, whole, -1)],
    ['→', 'Later', view.endUs >= whole.endUs, () => pan(view, whole, 1)],
    ['−', 'Zoom out', isWhole, () => zoomOut(view, whole)],
    ['+', 'Zoom in', isDeepest, () => deepest],
  ];
  return (
    <fieldset class="view-buttons">
      <legend class="unseen">Part of the timeline</legend>
      {buttons.map(([sign, label, off, next]) => (
        <button
          type="button"
          key={label}
          class="view-button"
          aria-label={label}
          title={label}
          disabled={off}
          onClick={() => onLook(next())}
        >
          {sign}
        </button>
      ))}
    </fieldset>
  );
}

function LaneDrawing({ lane: { lane, titleY, marks } }: { lane: PlacedLane }) {
  return (
    <g>
      <text class="lane-title" x={0} y={titleY + 12}>
        {lane.title}
      </text>
      {lane.camera !== '' && (
        <text class="lane-camera" x={0} y={titleY + 27}>
          {lane.camera.length > 12 ? `${lane.camera.slice(0, 11)}…` : lane.camera}
        </text>
      )}
      {marks.map((placed) => (
        <MarkDrawing key={placed.mark.id} placed={placed} />
      ))}
    </g>
  );
}

function MarkDrawing({ placed: { mark, x, width, y, labelX } }: { placed: PlacedMark }) {
  return (
    <g class={`mark look-${mark.look}`}>
      <rect class="mark-bar" x={x} y={y + 18} width={width} height={8} rx={3} />
      {labelX !== null && <Sign look={mark.look} size={12} x={labelX} y={y + 2} />}
      {labelX !== null && (
        <text class="mark-label" x={labelX + 15} y={y + 12.5}>
          {mark.label}
        </text>
      )}
    </g>
  );
}

interface RecordedProps {
  timeline: TestTimeline;
  scale: TimeScale;
  titleY: number;
  top: number;
}

function RecordedDrawing({ timeline, scale, titleY, top }: RecordedProps) {
  return (
    <g>
      <text class="lane-title" x={0} y={titleY + 9}>
        Recorded
      </text>
      {timeline.cameras.map((camera, at) => {
        const y = top + at * (RECORDED_HEIGHT + 4);
        return (
          <g key={at}>
            <rect class="recorded-none" x={scale.left} y={y} width={scale.width} height={RECORDED_HEIGHT} rx={3} />
            {camera.recorded.slice(0, MARKS_MAX).map(({ startUs, endUs }, span) => {
              const x = xOf(scale, startUs);
              const width = Math.max(1, xOf(scale, endUs) - x);
              return <rect key={span} class="recorded" x={x} y={y} width={width} height={RECORDED_HEIGHT} rx={3} />;
            })}
          </g>
        );
      })}
    </g>
  );
}

const HIT_MIN = 24;

function MarkButtons({ placed, timeline, selected, onPoint, onSelect }: TimelineProps & { placed: PlacedLane[] }) {
  const buttons = useRef<HTMLDivElement>(null);
  const marks = placed.flatMap((lane) => lane.marks).sort((one, other) => one.mark.startUs - other.mark.startUs);
  const reached = marks.some(({ mark }) => mark.id === selected) ? selected : marks[0]?.mark.id;
  const go = (from: number, key: string) => {
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: marks.length - 1 }[key];
    const next = to === undefined ? undefined : marks[to];
    if (!next) return false;
    onSelect(next.mark);
    buttons.current?.querySelectorAll('button')[marks.indexOf(next)]?.focus();
    return true;
  };
  return (
    <div ref={buttons}>
      {marks.map(({ mark, y, from, to }, at) => (
        <button
          type="button"
          key={mark.id}
          class="mark-button"
          aria-label={`${offsetText(mark.startUs - timeline.startUs)}, ${mark.description}`}
          aria-pressed={mark.id === selected}
          tabIndex={mark.id === reached ? 0 : -1}
          style={{
            left: `${from - 2}px`,
            top: `${y}px`,
            width: `${Math.max(HIT_MIN, to - from + 4)}px`,
            height: `${ROW_HEIGHT - 2}px`,
          }}
          onPointerEnter={(event) => event.pointerType === 'mouse' && onPoint(mark)}
          onPointerLeave={() => onPoint(null)}
          onFocus={() => onSelect(mark)}
          onClick={() => onSelect(mark)}
          onKeyDown={(event) => {
            if (go(at, event.key)) event.preventDefault();
          }}
        />
      ))}
    </div>
  );
}

const LEGEND = [
  ['matched', 'matched'],
  ['missed', 'missed'],
  ['false', 'false alarm'],
  ['optional', 'may be found or not'],
] as const;

function Legend({ lanes }: { lanes: readonly Lane[] }) {
  const there = new Set(lanes.flatMap((lane) => lane.marks.map(({ look }) => look)));
  const shown = LEGEND.filter(([look]) => there.has(look));
  if (shown.length === 0) return null;
  return (
    <ul class="legend" aria-label="Signs">
      {shown.map(([look, words]) => (
        <li key={look}>
          <Sign look={look} size={12} /> {words}
        </li>
      ))}
    </ul>
  );
}
