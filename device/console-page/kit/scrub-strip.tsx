// A timeline on which a moment is chosen by finger, mouse or keyboard: by touching it (the whole day), or by dragging it under a fixed mark
// (the minutes around the moment).

import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import { useRef } from 'preact/hooks';
import { CoverageShapes, TimeLabels } from './coverage-bar.tsx';
import { showDayAndTime } from './format.ts';
import { fractionOf, momentAt, SECOND_US } from './time-spans.ts';

export interface ScrubStripProps {
  label: string;
  window: Window;
  /** `touch`: the touched moment is chosen. `drag`: the timeline moves with the finger under a fixed mark. */
  by: 'touch' | 'drag';
  atUs: number;
  spans: readonly Window[];
  events: readonly DeviceEvent[];
  /** The part chosen to be saved. */
  chosen: Partial<Window>;
  labelsEveryUs: number;
  choose(atUs: number): void;
}

export function ScrubStrip(props: ScrubStripProps) {
  const { label, window, by, atUs, choose } = props;
  const held = useRef<{ x: number; atUs: number } | null>(null);
  const usPerPixel = (strip: HTMLElement) => (window.endUs - window.startUs) / Math.max(1, strip.clientWidth);

  const moved = ({ clientX, currentTarget }: PointerEvent & { currentTarget: HTMLElement }) => {
    if (!held.current) return;
    if (by === 'drag') return choose(held.current.atUs - (clientX - held.current.x) * usPerPixel(currentTarget));
    const { left, width } = currentTarget.getBoundingClientRect();
    choose(momentAt(window, (clientX - left) / Math.max(1, width)));
  };
  const share = Math.min(1, Math.max(0, fractionOf(window, atUs)));
  return (
    <div class={`strip strip-${by}`}>
      <div
        class="strip-line"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={Math.round(window.startUs / SECOND_US)}
        aria-valuemax={Math.round(window.endUs / SECOND_US)}
        aria-valuenow={Math.round(atUs / SECOND_US)}
        aria-valuetext={showDayAndTime(atUs)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          held.current = { x: event.clientX, atUs };
          if (by === 'touch') moved(event);
        }}
        onPointerMove={moved}
        onPointerUp={() => {
          held.current = null;
        }}
        onPointerCancel={() => {
          held.current = null;
        }}
        onKeyDown={(event) => {
          const toUs = keyedTo(event, atUs);
          if (toUs === null) return;
          event.preventDefault();
          choose(toUs);
        }}
      >
        <CoverageShapes {...props} />
        <Chosen window={window} chosen={props.chosen} />
        <span class="strip-mark" style={{ left: `clamp(3px, ${share * 100}%, calc(100% - 3px))` }} aria-hidden="true" />
      </div>
      <TimeLabels window={window} everyUs={props.labelsEveryUs} />
    </div>
  );
}

/** The moment that a key moves to, which may lie outside the footage; null for other keys. */
function keyedTo({ key, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent, atUs: number): number | null {
  if (ctrlKey || altKey || metaKey) return null;
  if (key === 'Home') return 0;
  if (key === 'End') return Number.MAX_SAFE_INTEGER;
  const second = shiftKey ? 10 * SECOND_US : SECOND_US;
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -second,
    ArrowDown: -second,
    ArrowRight: second,
    ArrowUp: second,
    PageDown: -60 * SECOND_US,
    PageUp: 60 * SECOND_US,
  };
  const step = steps[key];
  return step === undefined ? null : atUs + step;
}

function Chosen({ window, chosen }: { window: Window; chosen: Partial<Window> }) {
  const { startUs, endUs } = chosen;
  const from = startUs ?? endUs;
  const to = endUs ?? startUs;
  if (from === undefined || to === undefined || to < window.startUs || from > window.endUs) return null;
  const left = Math.max(0, fractionOf(window, from));
  const right = Math.min(1, fractionOf(window, to));
  return (
    <span
      class="strip-chosen"
      style={{ left: `${left * 100}%`, width: `${Math.max(0, right - left) * 100}%` }}
      aria-hidden="true"
    />
  );
}
