// Blacked-out areas on a picture: drawn and moved by finger or mouse, moved and resized by keys.

import type { Zone } from '@doorsill/contract/shared-claims';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../kit/icons.tsx';
import { moved, type Point, sized, WHOLE, ZONES_MAX, zoneBetween } from './blackout-zones.ts';
import { words } from './requests-words.ts';

export interface ZoneBoardProps {
  zones: readonly Zone[];
  /** Whether dragging on the picture draws a new area. */
  isDrawing: boolean;
  change(zones: Zone[]): void;
}

const KEY_STEP = 100;
const UNITS_OF: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

export function ZoneBoard({ zones, isDrawing, change }: ZoneBoardProps) {
  const board = useRef<HTMLDivElement>(null);
  const from = useRef<Point | null>(null);
  const [drawn, setDrawn] = useState<Zone | null>(null);
  const pointOf = ({ clientX, clientY }: PointerEvent): Point => {
    const box = board.current?.getBoundingClientRect();
    if (!box) return { x: 0, y: 0 };
    return { x: ((clientX - box.left) / box.width) * WHOLE, y: ((clientY - box.top) / box.height) * WHOLE };
  };
  const draw = (event: PointerEvent, isDone: boolean) => {
    if (!from.current) return;
    const zone = zoneBetween(from.current, pointOf(event));
    setDrawn(isDone ? null : zone);
    if (!isDone) return;
    from.current = null;
    if (zone && zones.length < ZONES_MAX) change([...zones, zone]);
  };
  // On a phone the picture may have been scrolled out of sight, because the buttons stand below it.
  const isEdited = isDrawing || zones.length > 0;
  useEffect(() => {
    if (isEdited) board.current?.scrollIntoView({ block: 'nearest' });
  }, [isDrawing, zones.length]);
  return (
    <div
      ref={board}
      class={`zones ${isDrawing ? 'is-drawing' : ''}`}
      onPointerDown={(event) => {
        if (!isDrawing) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = pointOf(event);
      }}
      onPointerMove={(event) => draw(event, false)}
      onPointerUp={(event) => draw(event, true)}
      onPointerCancel={() => {
        from.current = null;
        setDrawn(null);
      }}
    >
      {zones.map((zone, at) => (
        <ZoneShape
          key={at}
          zone={zone}
          number={at + 1}
          pointOf={pointOf}
          change={(to) => change(to ? zones.with(at, to) : zones.toSpliced(at, 1))}
        />
      ))}
      {drawn && <span class="zone zone-drawn" style={placeOf(drawn)} aria-hidden="true" />}
    </div>
  );
}

const placeOf = ({ left, top, width, height }: Zone) => ({
  left: `${left / 100}%`,
  top: `${top / 100}%`,
  width: `${width / 100}%`,
  height: `${height / 100}%`,
});

interface ZoneShapeProps {
  zone: Zone;
  number: number;
  pointOf(event: PointerEvent): Point;
  /** Null removes it. */
  change(zone: Zone | null): void;
}

function ZoneShape({ zone, number, pointOf, change }: ZoneShapeProps) {
  const held = useRef<{ at: Point; zone: Zone; work: typeof moved } | null>(null);
  const hold = (event: PointerEvent & { currentTarget: HTMLElement }, work: typeof moved) => {
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
    held.current = { at: pointOf(event), zone, work };
  };
  const drag = (event: PointerEvent) => {
    if (!held.current) return;
    event.stopPropagation();
    const { at, zone: before, work } = held.current;
    const to = pointOf(event);
    change(work(before, { x: to.x - at.x, y: to.y - at.y }));
  };
  const letGo = () => {
    held.current = null;
  };
  const keyed = (event: KeyboardEvent) => {
    if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      return change(null);
    }
    const unit = UNITS_OF[event.key];
    if (!unit || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const by = { x: unit.x * KEY_STEP, y: unit.y * KEY_STEP };
    change(event.shiftKey ? sized(zone, by) : moved(zone, by));
  };
  return (
    <div class="zone" style={placeOf(zone)}>
      <button
        type="button"
        class="zone-body"
        aria-label={`${words.zone(number)}. ${words.zoneKeys}`}
        onKeyDown={keyed}
        onPointerDown={(event) => hold(event, moved)}
        onPointerMove={drag}
        onPointerUp={letGo}
        onPointerCancel={letGo}
      >
        {number}
      </button>
      <button
        type="button"
        class="zone-remove"
        aria-label={words.zoneRemove(number)}
        title={words.zoneRemove(number)}
        onPointerDown={(event) => event.stopPropagation()}
        onClick={() => change(null)}
      >
        <Icon name="close" />
      </button>
      <span
        class="zone-corner"
        aria-hidden="true"
        onPointerDown={(event) => hold(event, sized)}
        onPointerMove={drag}
        onPointerUp={letGo}
        onPointerCancel={letGo}
      />
    </div>
  );
}
