// Owns: where each mark of a timeline is drawn, in pixels: rows of a lane so that no label covers another, labels that stay inside.
// Pure. Not here: what the marks are (timeline-marks.ts), drawing them (timeline.tsx).
import type { Lane, Mark } from './timeline-marks.ts';

export const ROW_HEIGHT = 30;
const LANE_GAP = 14;
const TITLE_HEIGHT = 18;
/** Marks are at least so wide, so that they can be seen and hit. */
const MARK_WIDTH_MIN = 6;
const LETTER_WIDTH = 6.6;
/** The sign before a label. */
const SIGN_WIDTH = 15;
const ROWS_MAX = 6;

export interface PlacedMark {
  mark: Mark;
  /** Left edge and width of its bar. */
  x: number;
  width: number;
  /** Upper edge of its row. */
  y: number;
  /** Left edge of its sign and label; null when there was no room for them. */
  labelX: number | null;
}

export interface PlacedLane {
  lane: Lane;
  /** Upper edge of its title. */
  titleY: number;
  marks: PlacedMark[];
}

/** Where time lies: from `left`, `width` pixels for the whole length. */
export interface TimeScale {
  startUs: number;
  lengthUs: number;
  left: number;
  width: number;
}

/** The x of a moment, kept inside the drawing. */
export function xOf({ startUs, lengthUs, left, width }: TimeScale, atUs: number): number {
  const share = lengthUs === 0 ? 0 : (atUs - startUs) / lengthUs;
  return left + Math.min(1, Math.max(0, share)) * width;
}

/**
 * Places all lanes below `top`; `titlesAbove` puts each lane's title over its marks rather than in the margin beside them. Returns the
 * lanes and where they end.
 */
export function placeLanes(lanes: readonly Lane[], scale: TimeScale, top: number, titlesAbove: boolean) {
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

/** First free row for each mark in order of time; what finds none is drawn in the last row, without its label. */
function placeMarks(marks: readonly Mark[], scale: TimeScale, top: number): { marks: PlacedMark[]; rows: number } {
  const right = scale.left + scale.width;
  /** Where each row is free from. */
  const freeFrom: number[] = [];
  const placed = [...marks]
    .sort((one, other) => one.startUs - other.startUs)
    .map((mark): PlacedMark => {
      const from = xOf(scale, mark.startUs);
      const width = Math.max(MARK_WIDTH_MIN, xOf(scale, mark.endUs) - from);
      const x = Math.min(from, right - width);
      const labelWidth = SIGN_WIDTH + mark.label.length * LETTER_WIDTH;
      const labelX = Math.max(scale.left, Math.min(x, right - labelWidth));
      const begins = Math.min(x, labelX);
      const free = freeFrom.findIndex((edge) => edge <= begins);
      const row = free >= 0 ? free : freeFrom.length;
      if (row >= ROWS_MAX) return { mark, x, width, y: top + (ROWS_MAX - 1) * ROW_HEIGHT, labelX: null };
      freeFrom[row] = Math.max(x + width, labelX + labelWidth) + 6;
      return { mark, x, width, y: top + row * ROW_HEIGHT, labelX };
    });
  return { marks: placed, rows: Math.max(1, freeFrom.length) };
}
