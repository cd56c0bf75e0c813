// The strip that trims a clip: stills around it, two handles for finger, mouse and keyboard, and the clip's place in the requested window.

import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Door } from '../kit/door.ts';
import { useDoor } from '../kit/door-context.ts';
import { showTime, zoneUs } from '../kit/format.ts';
import { ScrubStrip } from '../kit/scrub-strip.tsx';
import { momentStill } from '../kit/still-decoder.ts';
import { fractionOf, HOUR_US, momentAt, SECOND_US, ticks } from '../kit/time-spans.ts';
import { showClipLength, showExactTime } from './request-format.ts';
import { words } from './requests-words.ts';
import { shifted, type TrimEnd, withEnd } from './trim-window.ts';

export interface TrimStripProps {
  window: Window;
  /** The time span of the strip. */
  shown: Window;
  /** The span in which the window may lie. */
  limits: Window;
  asked: Window;
  spans: readonly Window[];
  events: readonly DeviceEvent[];
  /** The end that was moved last. */
  active: TrimEnd;
  playingUs: number | null;
  /** `isDone`: the handle was released. */
  choose(window: Window, end: TrimEnd, isDone: boolean): void;
  step(end: TrimEnd, direction: -1 | 1): void;
  /** Drawn between the strip and the overview of the requested window. */
  children: ComponentChildren;
}

const PICTURES = 8;
const PICTURE_WIDTH = 160;

export function TrimStrip(props: TrimStripProps) {
  const { children, ...handle } = props;
  const { window, shown, limits, asked, spans, events, choose, playingUs } = handle;
  const pictures = useFilmStrip(shown, spans);
  const line = useRef<HTMLDivElement>(null);
  const held = useRef<{ x: number; window: Window } | null>(null);
  const percent = (us: number) => Math.min(100, Math.max(0, fractionOf(shown, us) * 100));
  const [left, right] = [percent(window.startUs), percent(window.endUs)];
  const usPerPixel = () => (shown.endUs - shown.startUs) / Math.max(1, line.current?.clientWidth ?? 1);
  const shift = ({ clientX }: PointerEvent, isDone: boolean) => {
    if (!held.current) return;
    choose(shifted(held.current.window, (clientX - held.current.x) * usPerPixel(), limits), 'start', isDone);
    if (isDone) held.current = null;
  };
  return (
    <fieldset class="trim" aria-label={words.trimLabel}>
      <div class="trim-line" ref={line}>
        <div class="trim-film" aria-hidden="true">
          {pictures.map((address, at) =>
            address ? (
              <img key={at} src={address} alt="" draggable={false} />
            ) : (
              <span key={at} class="trim-film-none" />
            ),
          )}
        </div>
        <span class="trim-outside" style={{ left: '0', width: `${left}%` }} aria-hidden="true" />
        <span class="trim-outside" style={{ left: `${right}%`, width: `${100 - right}%` }} aria-hidden="true" />
        <span
          class="trim-chosen"
          style={{ left: `${left}%`, width: `${right - left}%` }}
          aria-hidden="true"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            held.current = { x: event.clientX, window };
          }}
          onPointerMove={(event) => shift(event, false)}
          onPointerUp={(event) => shift(event, true)}
          onPointerCancel={() => {
            held.current = null;
          }}
        />
        {playingUs !== null && (
          <span class="trim-playing" style={{ left: `${percent(playingUs)}%` }} aria-hidden="true" />
        )}
        <Handle {...handle} end="start" share={left} line={() => line.current} />
        <Handle {...handle} end="end" share={right} line={() => line.current} />
      </div>
      <TrimLabels shown={shown} />
      {children}
      <ScrubStrip
        by="touch"
        label={words.trimWhole}
        window={asked}
        atUs={window.startUs}
        spans={spans}
        events={events}
        chosen={window}
        labelsEveryUs={roundStep(asked, 4, HOUR_US / 60)}
        choose={(us) => choose(shifted(window, us - window.startUs, limits), 'start', true)}
      />
      <p class="hint trim-help">{words.trimHelp}</p>
    </fieldset>
  );
}

interface HandleProps extends Omit<TrimStripProps, 'children'> {
  end: TrimEnd;
  /** Its position in percent. */
  share: number;
  line(): HTMLElement | null;
}

function Handle({ end, share, line, window, shown, limits, active, choose, step }: HandleProps) {
  const isHeld = useRef(false);
  const atUs = end === 'start' ? window.startUs : window.endUs;
  const move = ({ clientX }: PointerEvent, isDone: boolean) => {
    const box = line()?.getBoundingClientRect();
    if (!isHeld.current || !box) return;
    const to = withEnd(window, end, momentAt(shown, (clientX - box.left) / Math.max(1, box.width)), limits);
    choose(to, end, isDone);
    if (isDone) isHeld.current = false;
  };
  const keyed = (event: KeyboardEvent) => {
    const by = keyedBy(event);
    if (by === null) return;
    event.preventDefault();
    if (by === -1 || by === 1) return step(end, by);
    choose(withEnd(window, end, atUs + by, limits), end, true);
  };
  return (
    <span
      class={`trim-handle trim-handle-${end} ${active === end ? 'is-active' : ''}`}
      style={{ left: `${share}%` }}
      role="slider"
      tabIndex={0}
      aria-label={end === 'start' ? words.trimStart : words.trimEnd}
      aria-valuemin={Math.round(limits.startUs / 1_000)}
      aria-valuemax={Math.round(limits.endUs / 1_000)}
      aria-valuenow={Math.round(atUs / 1_000)}
      aria-valuetext={`${showExactTime(atUs)}, ${words.length(showClipLength(window.endUs - window.startUs))}`}
      data-at-us={atUs}
      onKeyDown={keyed}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.currentTarget.focus({ preventScroll: true });
        isHeld.current = true;
      }}
      onPointerMove={(event) => move(event, false)}
      onPointerUp={(event) => move(event, true)}
      onPointerCancel={() => {
        isHeld.current = false;
      }}
    />
  );
}

/** How far a key moves an end: -1 or 1 frame, or a number of microseconds; null for other keys. */
function keyedBy({ key, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): number | null {
  if (ctrlKey || altKey || metaKey) return null;
  const far = Number.MAX_SAFE_INTEGER / 4;
  const unit = shiftKey ? SECOND_US : 1;
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -unit,
    ArrowDown: -unit,
    ArrowRight: unit,
    ArrowUp: unit,
    PageDown: -10 * SECOND_US,
    PageUp: 10 * SECOND_US,
    Home: -far,
    End: far,
  };
  return steps[key] ?? null;
}

function TrimLabels({ shown }: { shown: Window }) {
  return (
    <div class="time-labels" aria-hidden="true">
      {ticks(shown, roundStep(shown, 4, SECOND_US), zoneUs(shown.endUs)).map((us) => {
        const share = fractionOf(shown, us);
        return share > 0.08 && share < 0.92 ? (
          <span key={us} style={{ left: `${share * 100}%` }}>
            {showTime(us)}
          </span>
        ) : null;
      })}
    </div>
  );
}

/** A round step, a multiple of `unitUs`, of which about `count` fit into the window. */
function roundStep({ startUs, endUs }: Window, count: number, unitUs: number): number {
  const wanted = (endUs - startUs) / count / unitUs;
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800].find((one) => one >= wanted) ?? 21_600;
  return step * unitUs;
}

/** Object URLs of small stills across a span, fetched one at a time; null where there is none. */
function useFilmStrip({ startUs, endUs }: Window, spans: readonly Window[]): readonly (string | null)[] {
  const { door } = useDoor();
  const [pictures, setPictures] = useState<readonly (string | null)[]>(() => Array(PICTURES).fill(null));
  const covered = useRef(spans);
  covered.current = spans;
  useEffect(() => {
    const leaving = new AbortController();
    const made: string[] = [];
    const work = async () => {
      for (let at = 0; at < PICTURES && !leaving.signal.aborted; at += 1) {
        const us = Math.round(startUs + ((at + 0.5) / PICTURES) * (endUs - startUs));
        const address = await filmPicture(door, us, covered.current, leaving.signal);
        if (address === null) setPictures((before) => before.with(at, null));
        else if (leaving.signal.aborted) URL.revokeObjectURL(address);
        else {
          made.push(address);
          setPictures((before) => before.with(at, address));
        }
      }
    };
    void work();
    return () => {
      leaving.abort();
      setPictures(Array(PICTURES).fill(null));
      for (const address of made) URL.revokeObjectURL(address);
    };
  }, [door, startUs, endUs]);
  return pictures;
}

async function filmPicture(
  door: Door,
  us: number,
  spans: readonly Window[],
  signal: AbortSignal,
): Promise<string | null> {
  // Not asked for: the browser would log the device's refusal as an error.
  if (!spans.some((span) => us >= span.startUs && us < span.endUs)) return null;
  try {
    const still = await momentStill(door.client, us, { precision: 'key', widthMax: PICTURE_WIDTH }, signal);
    return URL.createObjectURL(still.blob);
  } catch {
    return null;
  }
}
