// Draws motion zones on the picture, over what moves now, by finger, mouse and keyboard.

import type { MotionMaskLine } from '@doorsill/contract/motion-messages';
import { useRef, useState } from 'preact/hooks';
import { showShare } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { movingBlocks } from './motion-trial-results.ts';
import {
  cornerMovedTo,
  type DrawnZone,
  drawnBetween,
  movedBy,
  type Point,
  WHOLE,
  withoutCorner,
} from './motion-zone-shapes.ts';
import { words } from './settings-words.ts';

const STEP = 100;
const STEP_LARGE = 500;

export interface ZoneDrawingProps {
  zones: readonly DrawnZone[];
  /** The zone whose corners can be moved. */
  chosen: number | null;
  choose(id: number): void;
  change(zone: DrawnZone): void;
  /** Whether dragging on the picture draws a new zone. */
  isDrawing: boolean;
  drawn(corners: readonly Point[] | null): void;
  mask: MotionMaskLine | null;
  /** Called with the number of the corner that gets the focus; the list's button removes that one. */
  cornerFocused(at: number): void;
}

const pointsOf = (corners: readonly Point[]) => corners.map(({ x, y }) => `${x},${y}`).join(' ');
const percentOf = (value: number) => `${value / (WHOLE / 100)}%`;

export function ZoneDrawing(props: ZoneDrawingProps) {
  const { zones, chosen, isDrawing, mask } = props;
  const overlay = useRef<HTMLFieldSetElement>(null);
  const [stroke, setStroke] = useState<{ from: Point; to: Point } | null>(null);
  const placeOf = ({ clientX, clientY }: PointerEvent): Point => {
    const { left, top, width, height } = overlay.current?.getBoundingClientRect() ?? new DOMRect(0, 0, 1, 1);
    return { x: ((clientX - left) / width) * WHOLE, y: ((clientY - top) / height) * WHOLE };
  };
  const zone = zones.find(({ id }) => id === chosen);
  const strokeCorners = stroke && drawnBetween(stroke.from, stroke.to);
  return (
    <fieldset
      ref={overlay}
      class={`zone-overlay ${isDrawing ? 'is-drawing' : ''}`}
      aria-label={words.zonePicture}
      onPointerDown={(event) => {
        if (!isDrawing || event.button !== 0) return;
        event.preventDefault();
        overlay.current?.setPointerCapture(event.pointerId);
        const from = placeOf(event);
        setStroke({ from, to: from });
      }}
      onPointerMove={(event) => stroke && setStroke({ ...stroke, to: placeOf(event) })}
      onPointerUp={(event) => {
        if (!stroke) return;
        setStroke(null);
        props.drawn(drawnBetween(stroke.from, placeOf(event)));
      }}
      onPointerCancel={() => setStroke(null)}
    >
      <svg class="zone-shapes" viewBox={`0 0 ${WHOLE} ${WHOLE}`} preserveAspectRatio="none" aria-hidden="true">
        {mask && <MaskShapes mask={mask} zones={zones} />}
        {zones.map((one) => (
          <ZoneShape key={one.id} {...props} zone={one} isChosen={one.id === chosen} placeOf={placeOf} />
        ))}
        {strokeCorners && <polygon class="zone-shape is-chosen" points={pointsOf(strokeCorners)} />}
      </svg>
      {zone && !isDrawing && <Handles {...props} zone={zone} placeOf={placeOf} />}
    </fieldset>
  );
}

function MaskShapes({ mask, zones }: { mask: MotionMaskLine; zones: readonly DrawnZone[] }) {
  const [width, height] = [WHOLE / mask.columns, WHOLE / mask.rows];
  const blocks = movingBlocks(mask).map((at) => (
    <rect
      key={at}
      x={(at % mask.columns) * width}
      y={Math.floor(at / mask.columns) * height}
      width={width}
      height={height}
    />
  ));
  if (zones.length === 0) return <g class="mask-counts">{blocks}</g>;
  return (
    <>
      <clipPath id="zones-clip">
        {zones.map(({ id, corners }) => (
          <polygon key={id} points={pointsOf(corners)} />
        ))}
      </clipPath>
      <g class="mask-outside">{blocks}</g>
      <g class="mask-counts" clip-path="url(#zones-clip)">
        {blocks}
      </g>
    </>
  );
}

type Placed = ZoneDrawingProps & { zone: DrawnZone; placeOf(event: PointerEvent): Point };

function ZoneShape({ zone, isChosen, isDrawing, choose, change, placeOf }: Placed & { isChosen: boolean }) {
  const held = useRef<{ from: Point; zone: DrawnZone } | null>(null);
  return (
    <polygon
      class={`zone-shape ${isChosen ? 'is-chosen' : ''}`}
      points={pointsOf(zone.corners)}
      onPointerDown={(event) => {
        if (isDrawing || event.button !== 0) return;
        choose(zone.id);
        event.currentTarget.setPointerCapture(event.pointerId);
        held.current = { from: placeOf(event), zone };
      }}
      onPointerMove={(event) => {
        if (!held.current) return;
        const to = placeOf(event);
        const { from, zone: before } = held.current;
        change(movedBy(before, { x: to.x - from.x, y: to.y - from.y }));
      }}
      onPointerUp={() => {
        held.current = null;
      }}
      onPointerCancel={() => {
        held.current = null;
      }}
    />
  );
}

/** A handle for each corner and one for the whole zone: buttons, so that keyboards and screen readers reach them. */
function Handles({ zone, change, placeOf, cornerFocused }: Placed) {
  const [xs, ys] = [zone.corners.map(({ x }) => x), zone.corners.map(({ y }) => y)];
  const middle = { x: (Math.min(...xs) + Math.max(...xs)) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2 };
  return (
    <>
      {zone.corners.map((corner, at) => (
        <Handle
          // A corner is identified by its number.
          key={at}
          at={corner}
          label={words.cornerOf(zone.name, at + 1, showShare(corner.x / WHOLE), showShare(corner.y / WHOLE))}
          placeOf={placeOf}
          focused={() => cornerFocused(at)}
          moveTo={(to) => change(cornerMovedTo(zone, at, to))}
          moveBy={({ x, y }) => change(cornerMovedTo(zone, at, { x: corner.x + x, y: corner.y + y }))}
          remove={() => change(withoutCorner(zone, at))}
        />
      ))}
      <Handle
        at={middle}
        isWhole
        label={words.moveZone(zone.name)}
        placeOf={placeOf}
        moveTo={(to) => change(movedBy(zone, { x: to.x - middle.x, y: to.y - middle.y }))}
        moveBy={(by) => change(movedBy(zone, by))}
      />
    </>
  );
}

function Handle({
  at,
  label,
  isWhole = false,
  placeOf,
  moveTo,
  moveBy,
  remove,
  focused,
}: {
  at: Point;
  label: string;
  isWhole?: boolean;
  placeOf(event: PointerEvent): Point;
  moveTo(to: Point): void;
  moveBy(by: Point): void;
  remove?: () => void;
  focused?: () => void;
}) {
  const isHeld = useRef(false);
  const letGo = () => {
    isHeld.current = false;
  };
  return (
    <button
      type="button"
      class={`zone-handle ${isWhole ? 'zone-handle-whole' : ''}`}
      aria-label={label}
      style={{ left: percentOf(at.x), top: percentOf(at.y) }}
      onFocus={focused}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        isHeld.current = true;
      }}
      onPointerMove={(event) => isHeld.current && moveTo(placeOf(event))}
      onPointerUp={letGo}
      onPointerCancel={letGo}
      onKeyDown={(event) => {
        if (remove && (event.key === 'Delete' || event.key === 'Backspace')) {
          event.preventDefault();
          remove();
          return;
        }
        const by = keyedBy(event);
        if (!by) return;
        event.preventDefault();
        moveBy(by);
      }}
    >
      {isWhole && <Icon name="move" />}
    </button>
  );
}

/** How far a key moves, in ten-thousandths; null for other keys. */
function keyedBy({ key, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): Point | null {
  if (ctrlKey || altKey || metaKey) return null;
  const step = shiftKey ? STEP_LARGE : STEP;
  const ways: Readonly<Record<string, Point>> = {
    ArrowLeft: { x: -step, y: 0 },
    ArrowRight: { x: step, y: 0 },
    ArrowUp: { x: 0, y: -step },
    ArrowDown: { x: 0, y: step },
  };
  return ways[key] ?? null;
}
