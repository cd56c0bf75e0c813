// Areas are measured on the ellipsoid, and outlines that hide their extent are refused.
import { describe, expect, it } from 'vitest';
import { areaM2, isSimple } from '../../../cloud-bridge/requests/area-size.ts';
import type { Polygon } from '../../../device/contract/request.ts';

function polygon(...corners: [number, number][]): Polygon {
  const [first] = corners;
  return { type: 'Polygon', coordinates: [first ? [...corners, first] : corners] };
}

/** Metres per degree of latitude and of longitude at a latitude on WGS 84, from the radii of curvature. */
function degreeM(latitude: number): { north: number; east: number } {
  const [a, e2, phi] = [6_378_137, 0.00669437999014, (latitude * Math.PI) / 180];
  const w = Math.sqrt(1 - e2 * Math.sin(phi) ** 2);
  return { north: ((a * (1 - e2)) / w ** 3) * (Math.PI / 180), east: (a / w) * Math.cos(phi) * (Math.PI / 180) };
}

describe('areaM2', () => {
  it.each([0, 25, 39.8, -33.9, 60, 78])('agrees with the ellipsoid’s radii of curvature at latitude %d', (latitude) => {
    const half = 0.004;
    const { north, east } = degreeM(latitude);
    const square = polygon(
      [-0.004, latitude - half],
      [half, latitude - half],
      [half, latitude + half],
      [-half, latitude + half],
    );
    const expected = north * 2 * half * east * 2 * half;
    expect(Math.abs(areaM2(square) / expected - 1)).toBeLessThan(1e-5);
  });

  // Geodesic areas by Karney's method (Algorithms for geodesics, J. Geod. 2013), WGS 84.
  it.each<[string, number, [number, number][]]>([
    [
      'a block in Quito',
      689_304.092,
      [
        [-78.5, -0.2],
        [-78.492, -0.2],
        [-78.492, -0.193],
        [-78.5, -0.193],
      ],
    ],
    [
      'a triangle in Springfield',
      408_935.101,
      [
        [-89.65, 39.79],
        [-89.64, 39.791],
        [-89.646, 39.799],
      ],
    ],
    [
      'a concave outline in Sydney',
      738_981.249,
      [
        [151.2, -33.87],
        [151.21, -33.868],
        [151.204, -33.864],
        [151.208, -33.858],
        [151.199, -33.86],
      ],
    ],
    [
      'a block in Reykjavik',
      749_165.452,
      [
        [-21.95, 64.13],
        [-21.93, 64.131],
        [-21.932, 64.138],
        [-21.951, 64.137],
      ],
    ],
    [
      'a block in Longyearbyen',
      878_573.066,
      [
        [15.6, 78.21],
        [15.64, 78.211],
        [15.63, 78.22],
        [15.595, 78.219],
      ],
    ],
    [
      'a block right at the antimeridian',
      825_798.256,
      [
        [179.99, -16.8],
        [180, -16.8],
        [180, -16.793],
        [179.99, -16.793],
      ],
    ],
  ])('agrees with the geodesic area of %s to a hundredth of a per cent', (_what, expected, corners) => {
    expect(Math.abs(areaM2(polygon(...corners)) / expected - 1)).toBeLessThan(1e-4);
  });

  it('does not depend on the direction or the first corner', () => {
    const one = polygon([10, 50], [10.01, 50], [10.01, 50.005]);
    const two = polygon([10.01, 50.005], [10.01, 50], [10, 50]);
    expect(areaM2(one)).toBeCloseTo(areaM2(two), 3);
  });
});

describe('isSimple', () => {
  it.each<[string, Polygon]>([
    ['a triangle', polygon([0, 0], [1, 0], [0, 1])],
    ['a square', polygon([0, 0], [1, 0], [1, 1], [0, 1])],
    ['a corner on a straight edge', polygon([0, 0], [1, 0], [2, 0], [2, 2], [0, 2])],
    ['a concave outline', polygon([0, 0], [4, 0], [4, 4], [2, 1], [0, 4])],
  ])('accepts %s', (_what, outline) => expect(isSimple(outline)).toBe(true));

  it.each<[string, Polygon]>([
    ['a figure of eight', polygon([0, 0], [1, 1], [1, 0], [0, 1])],
    ['a spike that folds back', polygon([0, 0], [2, 0], [1, 0], [1, 1])],
    ['a spike over its first corner', polygon([0, 0], [1, 1], [1, 0], [-1, 0])],
    ['an outline drawn twice', polygon([0, 0], [1, 0], [0, 1], [0, 0], [1, 0], [0, 1])],
    ['a corner that touches another edge', polygon([0, 0], [4, 0], [4, 4], [2, 0], [0, 4])],
    ['two equal corners', polygon([0, 0], [1, 0], [1, 0], [0, 1])],
    ['a line', polygon([0, 0], [1, 1], [2, 2])],
  ])('refuses %s', (_what, outline) => expect(isSimple(outline)).toBe(false));
});
