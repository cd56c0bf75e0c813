// The position of each mark of a timeline in pixels. Marks of a lane get rows, so that no label covers another.

import type { Lane, Mark } from './timeline-marks.ts';

export const ROW_HEIGHT = 30;
const LANE_GAP = 14;
const TITLE_HEIGHT = 18;
/** Minimum width of a mark, so that it can be seen and clicked. */
const MARK_WIDTH_MIN = 6;
/** Of the widest common system font at this size. */
const LETTER_WIDTH = 7.2;
/** The icon before a label. */
const SIGN_WIDTH = 15;
const ROWS_MAX = 6;

export interface PlacedMark {
  mark: Mark;
  /** Left edge and width of its bar. */
  x: number;
  width: number;
  /** Upper edge of its row. */
  y: number;
  /** Left edge of its icon and label; null if there is no room for them. */
  labelX: number | null;
  /** Horizontal extent of bar and label. */
  from: number;
  to: number;
}

export interface PlacedLane {
  lane: Lane;
  /** Upper edge of its title. */
  titleY: number;
  marks: PlacedMark[];
}

/** The time axis starts at `left` and is `width` pixels long. */
export interface TimeScale {
  startUs: number;
  lengthUs: number;
  left: number;
  width: number;
}

/** The x of a time, clamped to the drawing. */
export function xOf({ startUs, lengthUs, left, width }: TimeScale, atUs: number): number {
  const share = lengthUs === 0 ? 0 : (atUs - startUs) / lengthUs;
  return left + Math.min(1, Math.max(0, share)) * width;
}

/**
 * Places all lanes below `top`; `titlesAbove` puts each lane's title above its marks instead of into the margin. Returns the lanes and
 * their lower end.
 */
export function layOutLanes(lanes: readonly Lane[], scale: TimeScale, top: number, titlesAbove: boolean) {
  let y = top;
  const placed: PlacedLane[] = [];
  for (const lane of lanes) {
    const titleY = y;
    if (titlesAbove) y += TITLE_HEIGHT;
    const { marks, rows } = placeMarks(lane.marks, scale, y);
    placed.push({ lane, titleY, marks });
    y += rows * ROW_HEIGHT + LANE_GAP;
  }
  return { lanes: placed, bottom: y };
}

/** Important marks get their rows first. */
const URGENT: ReadonlySet<Mark['look']> = new Set(['missed', 'false', 'failed', 'refused']);

/** Puts each mark into the first free row; without one, into the last row without its label. */
function placeMarks(marks: readonly Mark[], scale: TimeScale, top: number): { marks: PlacedMark[]; rows: number } {
  const rows: [from: number, to: number][][] = [];
  const inOrder = [...marks].sort(
    (one, other) => Number(URGENT.has(other.look)) - Number(URGENT.has(one.look)) || one.startUs - other.startUs,
  );
  const placed = inOrder.map((mark): PlacedMark => {
    const { x, width, labelX, from, to } = extentOf(mark, scale);
    const free = rows.findIndex((taken) => taken.every(([left, right]) => to + 6 <= left || right + 6 <= from));
    const row = free >= 0 ? free : rows.length;
    if (row >= ROWS_MAX)
      return { mark, x, width, y: top + (ROWS_MAX - 1) * ROW_HEIGHT, labelX: null, from: x, to: x + width };
    rows[row] = [...(rows[row] ?? []), [from, to]];
    return { mark, x, width, y: top + row * ROW_HEIGHT, labelX, from, to };
  });
  return { marks: placed, rows: Math.max(1, rows.length) };
}

/** Bar and label of a mark, and the extent of both. */
function extentOf(mark: Mark, scale: TimeScale) {
  const right = scale.left + scale.width;
  const begin = xOf(scale, mark.startUs);
  const width = Math.max(MARK_WIDTH_MIN, xOf(scale, mark.endUs) - begin);
  const x = Math.min(begin, right - width);
  const labelWidth = SIGN_WIDTH + mark.label.length * LETTER_WIDTH;
  const labelX = Math.max(scale.left, Math.min(x, right - labelWidth));
  return { x, width, labelX, from: Math.min(x, labelX), to: Math.max(x + width, labelX + labelWidth) };
}

/** The visible part of a timeline, in microseconds. */
export interface View {
  startUs: number;
  endUs: number;
}

/** Maximum zoom: a few frames. */
const LENGTH_US_MIN = 500_000;

/** Half the length, around `atUs` as far as the whole allows. */
export function zoomIn(view: View, whole: View, atUs: number): View {
  return around(whole, atUs, Math.max(LENGTH_US_MIN, (view.endUs - view.startUs) / 2));
}

/** Twice the length, up to the whole. */
export function zoomOut(view: View, whole: View): View {
  return around(whole, (view.startUs + view.endUs) / 2, (view.endUs - view.startUs) * 2);
}

/** Earlier (-1) or later (1) by half of the visible length. */
export function pan(view: View, whole: View, direction: -1 | 1): View {
  const lengthUs = view.endUs - view.startUs;
  return around(whole, (view.startUs + view.endUs) / 2 + (direction * lengthUs) / 2, lengthUs);
}

/** The lanes with their visible marks. */
export function seenLanes(lanes: readonly Lane[], { startUs, endUs }: View): Lane[] {
  return lanes.map((lane) => ({
    ...lane,
    marks: lane.marks.filter((mark) => mark.endUs >= startUs && mark.startUs <= endUs),
  }));
}

function around(whole: View, middleUs: number, wantedUs: number): View {
  const lengthUs = Math.min(whole.endUs - whole.startUs, wantedUs);
  const startUs = Math.max(whole.startUs, Math.min(whole.endUs - lengthUs, middleUs - lengthUs / 2));
  return { startUs, endUs: startUs + lengthUs };
}
