// The position of a displayed picture's zones in the coded picture, for each rotation.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayMatrix, type Rotation, zonePixels } from '../../../device/clip/display-rotation.ts';

describe('a zone', () => {
  it('covers every pixel that it touches', () => {
    const zone = { left: 3_125, top: 4_546, width: 1_555, height: 2_925 };
    expect(zonePixels(zone, 0, 320, 176)).toEqual({ left: 100, top: 80, width: 50, height: 52 });
  });

  it.each<[Rotation, object]>([
    [0, { left: 0, top: 0, width: 64, height: 18 }],
    [90, { left: 0, top: 144, width: 32, height: 36 }],
    [180, { left: 256, top: 162, width: 64, height: 18 }],
    [270, { left: 288, top: 0, width: 32, height: 36 }],
  ])('in the upper left of a picture rotated by %i degrees is mapped to its coded position', (rotation, pixels) => {
    expect(zonePixels({ left: 0, top: 0, width: 2_000, height: 1_000 }, rotation, 320, 180)).toEqual(pixels);
  });

  it('agrees with the matrix that rotates the picture, for every zone and rotation', () => {
    const zone = fc.tuple(fc.nat(9_998), fc.nat(9_998)).chain(([left, top]) =>
      fc.record({
        left: fc.constant(left),
        top: fc.constant(top),
        width: fc.integer({ min: 1, max: 10_000 - left }),
        height: fc.integer({ min: 1, max: 10_000 - top }),
      }),
    );
    fc.assert(
      fc.property(zone, fc.constantFrom<Rotation>(0, 90, 180, 270), (each, rotation) => {
        const [w, h] = [10_000, 10_000];
        const coded = zonePixels(each, rotation, w, h);
        const [a = 0, b = 0, , c = 0, d = 0, , x = 0, y = 0] = displayMatrix(rotation, w, h).map(
          (value) => value / 0x10000,
        );
        const turn = (p: number, q: number) => [a * p + c * q + x, b * p + d * q + y];
        const corners = [turn(coded.left, coded.top), turn(coded.left + coded.width, coded.top + coded.height)];
        const [xs, ys] = [corners.map(([px = 0]) => px), corners.map(([, py = 0]) => py)];
        expect([Math.min(...xs), Math.min(...ys)]).toEqual([each.left, each.top]);
        expect([Math.max(...xs), Math.max(...ys)]).toEqual([each.left + each.width, each.top + each.height]);
      }),
    );
  });
});
