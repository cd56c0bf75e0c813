import { describe, expect, it } from 'vitest';
import {
  layOutLanes,
  type PlacedMark,
  ROW_HEIGHT,
  type TimeScale,
  xOf,
} from '../../../../sim/report/page/timeline-layout.ts';
import type { Lane, Mark } from '../../../../sim/report/page/timeline-marks.ts';

const SCALE: TimeScale = { startUs: 1_000_000, lengthUs: 10_000_000, left: 84, width: 500 };
const mark = (startS: number, endS = startS, label = 'motion'): Mark => ({
  id: `${startS}-${endS}-${label}`,
  look: 'plain',
  startUs: SCALE.startUs + startS * 1_000_000,
  endUs: SCALE.startUs + endS * 1_000_000,
  label,
  description: label,
  camera: 0,
});
const lane = (marks: Mark[]): Lane => ({ title: 'Happened', camera: '', marks });
const place = (...marks: Mark[]) => layOutLanes([lane(marks)], SCALE, 30, false).lanes[0]?.marks ?? [];

describe('a timeline', () => {
  it('draws a time at its place, and nothing outside', () => {
    expect([1, 6, 11].map((s) => xOf(SCALE, s * 1_000_000))).toEqual([84, 334, 584]);
    expect([xOf(SCALE, 0), xOf(SCALE, 99_000_000)]).toEqual([84, 584]);
    expect(xOf({ ...SCALE, lengthUs: 0 }, 5)).toBe(84);
  });

  it('puts successive marks into one row, and overlapping ones into a row each', () => {
    expect(place(mark(0, 1), mark(4, 5)).map(({ y }) => y)).toEqual([30, 30]);
    expect(place(mark(0, 5), mark(4, 6)).map(({ y }) => y)).toEqual([30, 30 + ROW_HEIGHT]);
    // The bars do not touch, but the first one's label would be covered.
    expect(place(mark(0, 0, 'a rather long label'), mark(1)).map(({ y }) => y)).toEqual([30, 30 + ROW_HEIGHT]);
  });

  it('keeps bars wide enough to be seen, and bars and labels inside', () => {
    const [first, last] = place(mark(0), mark(10, 10, 'revoke the very last'));
    expect(first).toMatchObject({ x: 84, width: 6, labelX: 84 });
    expect((last?.x ?? 0) + (last?.width ?? 0)).toBe(584);
    expect((last?.labelX ?? 0) + 15 + 20 * 7.2).toBeLessThanOrEqual(584);
  });

  it('has a limited height: marks without a row of their own have no label', () => {
    const many = Array.from({ length: 300 }, (_, at) => mark(at / 100, 9, `event ${at}`));
    const { lanes, bottom } = layOutLanes([lane(many)], SCALE, 0, false);
    expect(bottom).toBeLessThan(8 * ROW_HEIGHT);
    expect(lanes[0]?.marks).toHaveLength(300);
    expect(lanes[0]?.marks.filter(({ labelX }) => labelX !== null).length).toBeLessThan(10);
  });

  it('gives important marks a row and a label before all others', () => {
    const many = Array.from({ length: 300 }, (_, at) => mark(at / 100, 9, `event ${at}`));
    const missed: Mark = { ...mark(8, 9, 'ring missed'), look: 'missed' };
    expect(place(...many, missed).find(({ mark: { look } }) => look === 'missed')).toMatchObject({ y: 30 });
  });

  it('never covers a label with another', () => {
    const marks = Array.from({ length: 60 }, (_, at) =>
      mark((at * 7.3) % 10, ((at * 7.3) % 10) + (at % 4) / 3, `m${at}`.repeat(1 + (at % 5))),
    );
    const placed = place(...marks).filter((one): one is PlacedMark & { labelX: number } => one.labelX !== null);
    const extent = ({ x, labelX, mark: { label }, width }: PlacedMark & { labelX: number }) =>
      [Math.min(x, labelX), Math.max(x + width, labelX + 15 + label.length * 7.2)] as const;
    for (const [at, one] of placed.entries())
      for (const other of placed.slice(at + 1)) {
        const [[from, to], [otherFrom, otherTo]] = [extent(one), extent(other)];
        expect(
          one.y !== other.y || to <= otherFrom || otherTo <= from,
          `${one.mark.label} and ${other.mark.label}`,
        ).toBe(true);
      }
  });
});
