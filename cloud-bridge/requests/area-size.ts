// The area of a request's polygon on the earth, and whether its outline is simple. Pure.
import type { Polygon } from '@doorsill/contract/request';

/** WGS 84: equatorial radius in metres, and eccentricity of the ellipsoid. */
const RADIUS_M = 6_378_137;
const FLATTENING = 1 / 298.257223563;
const ECCENTRICITY = Math.sqrt(FLATTENING * (2 - FLATTENING));

type Corner = readonly [longitude: number, latitude: number];

/**
 * Area in square metres on the WGS 84 ellipsoid: the shoelace formula in the cylindrical equal-area projection. Exact for edges that are
 * straight there; over two kilometres these differ from geodesics by less than any limit here can detect.
 */
export function areaM2(area: Polygon): number {
  const [ring] = area.coordinates;
  const flat = ring.map(
    ([longitude, latitude]) => [radians(longitude) * RADIUS_M, northing(radians(latitude))] as const,
  );
  // Relative to the first corner the sums stay small and lose nothing to rounding.
  const [originX, originY] = flat[0] ?? [0, 0];
  let twice = 0;
  for (let at = 1; at < flat.length; at += 1) {
    const [ax, ay] = flat[at - 1] ?? [0, 0];
    const [bx, by] = flat[at] ?? [0, 0];
    twice += (ax - originX) * (by - originY) - (bx - originX) * (ay - originY);
  }
  return Math.abs(twice) / 2;
}

/** Metres north of the equator in the equal-area projection (Snyder, Map Projections, eq. 3-12 and 10-15). */
function northing(latitude: number): number {
  const e = ECCENTRICITY;
  const sine = Math.sin(latitude);
  const q = (1 - e * e) * (sine / (1 - e * e * sine * sine) - Math.log((1 - e * sine) / (1 + e * sine)) / (2 * e));
  return (RADIUS_M * q) / 2;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}

/**
 * Whether the outline is simple: no two edges cross or touch, and no corner repeats. In a figure of eight the areas of both halves cancel
 * out.
 */
export function isSimple(area: Polygon): boolean {
  const [ring] = area.coordinates;
  const edges = ring.length - 1;
  for (let first = 0; first < edges; first += 1) {
    for (let second = first + 1; second < edges; second += 1) {
      const [a, b] = [corner(ring, first), corner(ring, first + 1)];
      const [c, d] = [corner(ring, second), corner(ring, second + 1)];
      if (second === first + 1) {
        if (foldsBack(a, b, d)) return false;
      } else if (first === 0 && second === edges - 1) {
        if (foldsBack(c, d, b)) return false;
      } else if (meet(a, b, c, d)) return false;
    }
  }
  return true;
}

function corner(ring: readonly Corner[], at: number): Corner {
  return ring[at] ?? [Number.NaN, Number.NaN];
}

/** Twice the signed area of a triangle: positive when c lies left of a-b. */
function side(a: Corner, b: Corner, c: Corner): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** Whether the path a-b-c has no extent or turns back onto itself. */
function foldsBack(a: Corner, b: Corner, c: Corner): boolean {
  if (side(a, b, c) !== 0) return false;
  return (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) <= 0;
}

function within(a: Corner, b: Corner, point: Corner): boolean {
  return (
    Math.min(a[0], b[0]) <= point[0] &&
    point[0] <= Math.max(a[0], b[0]) &&
    Math.min(a[1], b[1]) <= point[1] &&
    point[1] <= Math.max(a[1], b[1])
  );
}

/** Whether two edges have a point in common. */
function meet(a: Corner, b: Corner, c: Corner, d: Corner): boolean {
  const [abc, abd, cda, cdb] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (abc * abd < 0 && cda * cdb < 0) return true;
  return (
    (abc === 0 && within(a, b, c)) ||
    (abd === 0 && within(a, b, d)) ||
    (cda === 0 && within(c, d, a)) ||
    (cdb === 0 && within(c, d, b))
  );
}
