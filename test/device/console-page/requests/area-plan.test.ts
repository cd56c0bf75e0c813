// Holds: a requested area is drawn true to its shape, north up, with a scale bar of a round and correct length.
import { describe, expect, it } from 'vitest';
import { areaPlan } from '../../../../device/console-page/requests/area-plan.ts';
import type { Polygon } from '../../../../device/contract/request.ts';

const PAPER = { width: 320, height: 200, margin: 20 };

/** A rectangle between two corners, in degrees. */
function box(west: number, south: number, east: number, north: number): Polygon {
  const corners: [number, number][] = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
  return { type: 'Polygon', coordinates: [corners] };
}

/** Width and height of what is drawn. */
function drawn({ corners }: ReturnType<typeof areaPlan>) {
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  return {
    width: Math.max(...xs) - Math.min(...xs),
    height: Math.max(...ys) - Math.min(...ys),
    left: Math.min(...xs),
    top: Math.min(...ys),
  };
}

describe('the plan of an area', () => {
  it('is as wide as high for a square on the ground, also far from the equator', () => {
    const cos = Math.cos((60 * Math.PI) / 180);
    const plan = areaPlan(box(10, 60 - 0.005, 10 + 0.01 / cos, 60 + 0.005), PAPER);
    const { width, height } = drawn(plan);
    expect(width / height).toBeCloseTo(1, 3);
    expect(plan.widthM).toBeCloseTo(1_112, 0);
    expect(plan.squareM).toBeCloseTo(1_112 ** 2, -4);
  });

  it('fills the paper up to its margin, in its middle', () => {
    const { height, top, left, width } = drawn(areaPlan(box(0, 0, 0.01, 0.01), PAPER));
    expect(height).toBeCloseTo(160, 3);
    expect(top).toBeCloseTo(20, 3);
    expect(left + width / 2).toBeCloseTo(160, 3);
  });

  it('has north above south', () => {
    const { corners } = areaPlan(box(0, 0, 0.01, 0.01), PAPER);
    expect(corners[0]?.y).toBeGreaterThan(corners[2]?.y ?? Number.NaN);
    expect(corners[0]?.x).toBeLessThan(corners[1]?.x ?? Number.NaN);
  });

  it.each([0.001, 0.0047, 0.02, 0.3])('has a scale bar of a round and correct length for %d degrees', (degrees) => {
    const plan = areaPlan(box(-122.4, 37.7, -122.4 + degrees, 37.7 + degrees), PAPER);
    const { lengthM, width } = plan.bar;
    expect(['1', '2', '5']).toContain(String(lengthM).replace(/0+$/, ''));
    expect(lengthM / width).toBeCloseTo(plan.heightM / drawn(plan).height, 5);
    expect(width).toBeLessThanOrEqual(PAPER.width * 0.4);
    expect(width).toBeGreaterThan(PAPER.width * 0.15);
  });

  it('stays in one piece across the 180th meridian', () => {
    const plan = areaPlan(box(179.99, -17, -179.99, -16.98), PAPER);
    expect(plan.widthM).toBeLessThan(2_300);
    expect(Math.abs(plan.middle.longitude)).toBeCloseTo(180, 3);
  });

  it('draws a line, too: a polygon may have no area', () => {
    const plan = areaPlan(box(1, 1, 1, 1.01), PAPER);
    expect(plan.corners.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
    expect(plan.squareM).toBe(0);
  });
});
