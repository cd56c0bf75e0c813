// Zones: the blocks that a rectangle or polygon covers, and the allowed settings.
import { describe, expect, it } from 'vitest';
import { MotionZone } from '../../../device/contract/owner-settings.ts';
import { zoneMasks, zoneNames } from '../../../device/motion/detector.ts';
import { BLOCK_COLUMNS, BLOCK_ROWS, BLOCKS } from '../../../device/motion/gray-picture-size.ts';

const rectangle = (name: string, left: number, top: number, width: number, height: number) =>
  MotionZone.parse({ name, zone: { left, top, width, height } });
const polygon = (name: string, ...corners: [number, number][]) =>
  MotionZone.parse({ name, zone: { corners: corners.map(([x, y]) => ({ x, y })) } });
const counted = (masks: Uint32Array) => masks.filter((mask) => mask !== 0).length;

describe('zones', () => {
  it('are the whole picture if none is set', () => {
    expect(counted(zoneMasks([]))).toBe(BLOCKS);
    expect(zoneNames([], zoneMasks([])[0] ?? 0)).toEqual([]);
  });

  it('cover the blocks whose centre lies in them', () => {
    const masks = zoneMasks([rectangle('left', 0, 0, 5_000, 10_000)]);
    for (let at = 0; at < BLOCKS; at += 1) expect(masks[at]).toBe(at % BLOCK_COLUMNS < BLOCK_COLUMNS / 2 ? 1 : 0);
    expect(counted(zoneMasks([rectangle('all', 0, 0, 10_000, 10_000)]))).toBe(BLOCKS);
    expect(counted(zoneMasks([rectangle('bottom', 0, 9_800, 10_000, 200)]))).toBe(BLOCK_COLUMNS);
    expect(BLOCK_ROWS).toBe(12);
  });

  it('can be polygons, also concave ones', () => {
    const triangle = counted(zoneMasks([polygon('triangle', [0, 0], [10_000, 10_000], [0, 10_000])]));
    expect(Math.abs(triangle / BLOCKS - 0.5)).toBeLessThan(0.06);
    const notch = polygon('notch', [0, 0], [10_000, 0], [10_000, 10_000], [5_000, 1_000], [0, 10_000]);
    const masks = zoneMasks([notch]);
    expect(masks[10 * BLOCK_COLUMNS + 10]).toBe(0);
    expect(masks[8 * BLOCK_COLUMNS]).toBe(1);
    expect(masks[0]).toBe(1);
  });

  it('are named by every block they share', () => {
    const zones = [rectangle('left', 0, 0, 6_000, 10_000), rectangle('right', 4_000, 0, 6_000, 10_000)];
    const masks = zoneMasks(zones);
    expect(zoneNames(zones, masks[0] ?? 0)).toEqual(['left']);
    expect(zoneNames(zones, masks[10] ?? 0)).toEqual(['left', 'right']);
    expect(zoneNames(zones, masks[19] ?? 0)).toEqual(['right']);
  });

  it('are refused outside the picture, without a proper name, or with too few corners', () => {
    const outside = { left: 5_000, top: 0, width: 6_000, height: 100 };
    for (const zone of [
      outside,
      {
        corners: [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
      },
      { corners: [{ x: -1, y: 0 }] },
    ]) {
      expect(MotionZone.safeParse({ name: 'a', zone }).success).toBe(false);
    }
    const whole = { left: 0, top: 0, width: 10_000, height: 10_000 };
    expect(MotionZone.safeParse({ name: 'A door', zone: whole }).success).toBe(false);
    expect(MotionZone.safeParse({ name: 'a', zone: whole, colour: 'red' }).success).toBe(false);
  });
});
