import { describe, expect, it } from 'vitest';
import {
  cornerMovedTo,
  type DrawnZone,
  drawnBetween,
  drawnZones,
  movedBy,
  namesFault,
  settingsZones,
  withCorner,
  withoutCorner,
  withZone,
  zoneName,
} from '../../../../device/console-page/settings/motion-zone-shapes.ts';
import { motionZonesSchema } from '../../../../device/contract/owner-settings.ts';

const box: DrawnZone = {
  id: 0,
  name: 'path',
  corners: [
    { x: 1_000, y: 2_000 },
    { x: 5_000, y: 2_000 },
    { x: 5_000, y: 6_000 },
    { x: 1_000, y: 6_000 },
  ],
};
const triangle = [
  { x: 0, y: 0 },
  { x: 9_000, y: 500 },
  { x: 300, y: 10_000 },
];

describe('zones that are drawn', () => {
  it('equal the settings’ zones when nothing was changed', () => {
    const zones = motionZonesSchema.parse([
      { name: 'door', zone: { left: 1, top: 2, width: 9_999, height: 9_998 } },
      { name: 'path', zone: { corners: triangle } },
    ]);
    expect(settingsZones(drawnZones(zones))).toEqual(zones);
  });

  it('are rectangles between two corners, in any direction, inside the picture', () => {
    const wanted = [
      { x: 0, y: 1_000 },
      { x: 10_000, y: 1_000 },
      { x: 10_000, y: 4_000 },
      { x: 0, y: 4_000 },
    ];
    expect(drawnBetween({ x: -50, y: 4_000.4 }, { x: 12_000, y: 999.6 })).toEqual(wanted);
    expect(drawnBetween({ x: 12_000, y: 1_000 }, { x: -1, y: 4_000 })).toEqual(wanted);
    expect(drawnBetween({ x: 100, y: 100 }, { x: 399, y: 9_000 })).toBeNull();
  });

  it('move as a whole, inside the picture', () => {
    expect(movedBy(box, { x: 100, y: -100 }).corners[0]).toEqual({ x: 1_100, y: 1_900 });
    const far = movedBy(box, { x: 99_999, y: -99_999 });
    expect([far.corners[0], far.corners[2]]).toEqual([
      { x: 6_000, y: 0 },
      { x: 10_000, y: 4_000 },
    ]);
  });

  it('stay rectangles when a corner is moved, with at least the least size', () => {
    const larger = cornerMovedTo(box, 2, { x: 8_000, y: 9_000 });
    expect(settingsZones([larger])[0]?.zone).toEqual({ left: 1_000, top: 2_000, width: 7_000, height: 7_000 });
    const least = cornerMovedTo(box, 2, { x: 0, y: 0 });
    expect(settingsZones([least])[0]?.zone).toEqual({ left: 1_000, top: 2_000, width: 300, height: 300 });
    for (const at of [0, 1, 2, 3]) {
      const moved = cornerMovedTo(box, at, { x: 20_000, y: -20_000 });
      expect(motionZonesSchema.safeParse(settingsZones([moved])).success).toBe(true);
    }
  });

  it('become polygons when a corner is added, and lose corners down to three', () => {
    const five = withCorner(box);
    expect(five.corners).toHaveLength(5);
    expect(five.corners[1]).toEqual({ x: 3_000, y: 2_000 });
    const free = cornerMovedTo(five, 1, { x: 3_000, y: 100 });
    expect(settingsZones([free])[0]?.zone).toEqual({ corners: free.corners });
    const three = withoutCorner(withoutCorner(free, 0), 0);
    expect(three.corners).toHaveLength(3);
    expect(withoutCorner(three, 0)).toBe(three);
    let many = box;
    for (let more = 0; more < 40; more += 1) many = withCorner(many);
    expect(many.corners).toHaveLength(32);
  });

  it('are at most sixteen, each with its own name', () => {
    let drawn: readonly DrawnZone[] = [];
    for (let more = 0; more < 16; more += 1) drawn = withZone(drawn, 'area')?.drawn ?? [];
    expect(new Set(drawn.map(({ name }) => name)).size).toBe(16);
    expect(withZone(drawn, 'area')).toBeNull();
    expect(motionZonesSchema.safeParse(settingsZones(drawn)).success).toBe(true);
    // Also after one in the middle was removed.
    const less = drawn.filter((_, at) => at !== 3);
    const again = withZone(less, 'area');
    expect(namesFault(again?.drawn ?? [])).toBeNull();
    expect(new Set(again?.drawn.map(({ id }) => id)).size).toBe(16);
  });

  it('cannot be saved without a name, or with one name twice', () => {
    expect(namesFault([box, { ...box, id: 1, name: 'door' }])).toBeNull();
    expect(namesFault([box, { ...box, id: 1, name: '-' }])).toEqual({ at: 1, fault: 'empty' });
    expect(namesFault([box, { ...box, id: 1 }])).toEqual({ at: 1, fault: 'twice' });
  });

  it('lose hyphens at the end of a name', () => {
    expect(settingsZones([{ ...box, name: 'path--' }])[0]?.name).toBe('path');
  });

  it.each([
    ['Front Path', 'front-path'],
    ['  Gehweg & Straße!', 'gehweg-strasse-'],
    ['Jardín ñandú', 'jardin-nandu'],
    ['门', ''],
    ['a'.repeat(90), 'a'.repeat(40)],
  ])('get a name that is a valid id: "%s"', (typed, name) => {
    expect(zoneName(typed)).toBe(name);
  });
});
