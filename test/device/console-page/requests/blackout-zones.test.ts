// Holds: blacked-out areas lie inside the picture, whatever a finger or key does, and satisfy a grant's schema.
import { describe, expect, it } from 'vitest';
import { centralZone, moved, sized, zoneBetween } from '../../../../device/console-page/requests/blackout-zones.ts';
import { Zone } from '../../../../device/contract/shared-claims.ts';

describe('a blacked-out area', () => {
  it('is drawn between two points in any order, and cut at the edges of the picture', () => {
    const zone = { left: 1_000, top: 2_000, width: 3_000, height: 4_000 };
    expect(zoneBetween({ x: 1_000, y: 2_000 }, { x: 4_000, y: 6_000 })).toEqual(zone);
    expect(zoneBetween({ x: 4_000, y: 6_000 }, { x: 1_000, y: 2_000 })).toEqual(zone);
    expect(zoneBetween({ x: -500, y: 9_000 }, { x: 300, y: 12_000 })).toEqual({
      ...{ left: 0, top: 9_000, width: 300, height: 1_000 },
    });
  });

  it('is not drawn by a mere touch', () => {
    expect(zoneBetween({ x: 5_000, y: 5_000 }, { x: 5_100, y: 9_000 })).toBeNull();
    expect(zoneBetween({ x: 5_000, y: 5_000 }, { x: 9_000, y: 5_100 })).toBeNull();
  });

  it.each([[{ x: 99_999, y: 99_999 }], [{ x: -99_999, y: -99_999 }], [{ x: 33.4, y: -12.7 }]])(
    'still satisfies the contract’s schema when moved or resized by %j',
    (by) => {
      const zone = { left: 4_000, top: 4_000, width: 2_000, height: 1_000 };
      expect(Zone.parse(moved(zone, by))).toMatchObject({ width: 2_000, height: 1_000 });
      expect(Zone.parse(sized(zone, by))).toMatchObject({ left: 4_000, top: 4_000 });
    },
  );

  it('can be added without a pointer, each shifted from the one before', () => {
    const first = Zone.parse(centralZone([]));
    expect(Zone.parse(centralZone([first]))).not.toEqual(first);
    const many = Array.from({ length: 15 }, () => first);
    expect(() => Zone.parse(centralZone(many))).not.toThrow();
  });
});
