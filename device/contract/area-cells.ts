// Coarse cells (geohash) and polygons. A device computes by itself whether an area holds it: its exact place is never sent, only its cell's
// name appears in its subscription.
import type { Polygon } from './request.ts';

const LETTERS = '0123456789bcdefghjkmnpqrstuvwxyz';

/** Letters of a cell's name: 5, about 4.9 by 4.9 km. */
export const CELL_LETTERS = 5;

/** A point on the earth in degrees. */
export interface Place {
  longitude: number;
  latitude: number;
}

/** The cell (geohash of CELL_LETTERS letters) that holds a place. */
export function cellOf(place: Place): string {
  let [west, east, south, north] = [-180, 180, -90, 90];
  let name = '';
  let bits = 0;
  for (let bit = 0; bit < CELL_LETTERS * 5; bit += 1) {
    bits <<= 1;
    if (bit % 2 === 0) {
      const middle = (west + east) / 2;
      if (place.longitude >= middle) [bits, west] = [bits | 1, middle];
      else east = middle;
    } else {
      const middle = (south + north) / 2;
      if (place.latitude >= middle) [bits, south] = [bits | 1, middle];
      else north = middle;
    }
    if (bit % 5 === 4) {
      name += LETTERS.charAt(bits);
      bits = 0;
    }
  }
  return name;
}

/** A cell, first, and its eight neighbours: everything within about 5 km of any place in the cell. */
export function cellsAround(cell: string): string[] {
  const { longitude, latitude } = middleOf(cell);
  const cells = new Set([cell]);
  for (const down of [-1, 0, 1]) {
    for (const across of [-1, 0, 1]) {
      const neighbour = {
        longitude: ((longitude + across * CELL_WIDTH_DEG + 540) % 360) - 180,
        latitude: Math.max(-90, Math.min(90, latitude + down * CELL_HEIGHT_DEG)),
      };
      cells.add(cellOf(neighbour));
    }
  }
  return [...cells];
}

/** The middle of a cell. */
function middleOf(cell: string): Place {
  let [west, east, south, north] = [-180, 180, -90, 90];
  const bits = [...cell].flatMap((letter) => [16, 8, 4, 2, 1].map((bit) => (LETTERS.indexOf(letter) & bit) !== 0));
  bits.forEach((isUpper, bit) => {
    if (bit % 2 === 0) [west, east] = isUpper ? [(west + east) / 2, east] : [west, (west + east) / 2];
    else [south, north] = isUpper ? [(south + north) / 2, north] : [south, (south + north) / 2];
  });
  return { longitude: (west + east) / 2, latitude: (south + north) / 2 };
}

/** Width and height of a cell in degrees: 13 bits of longitude, 12 of latitude. */
const CELL_WIDTH_DEG = 360 / 2 ** 13;
const CELL_HEIGHT_DEG = 180 / 2 ** 12;

/** Every cell that a polygon's bounding box touches, sorted; null for more than `most` cells. */
export function cellsOf(area: Polygon, most: number): string[] | null {
  const [ring] = area.coordinates;
  const [west, east] = [Math.min(...ring.map(([x]) => x)), Math.max(...ring.map(([x]) => x))];
  const [south, north] = [Math.min(...ring.map(([, y]) => y)), Math.max(...ring.map(([, y]) => y))];
  const columns = Math.floor((east + 180) / CELL_WIDTH_DEG) - Math.floor((west + 180) / CELL_WIDTH_DEG) + 1;
  const rows = Math.floor((north + 90) / CELL_HEIGHT_DEG) - Math.floor((south + 90) / CELL_HEIGHT_DEG) + 1;
  if (columns * rows > most) return null;
  const cells = new Set<string>();
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      cells.add(
        cellOf({
          longitude: Math.min(west + column * CELL_WIDTH_DEG, east),
          latitude: Math.min(south + row * CELL_HEIGHT_DEG, north),
        }),
      );
    }
  }
  return [...cells].sort();
}

/** Whether a place lies inside the polygon, by the even-odd rule, in plane geometry: areas are under 2 km across. */
export function insideArea(place: Place, area: Polygon): boolean {
  const [ring] = area.coordinates;
  let inside = false;
  for (let at = 1; at < ring.length; at += 1) {
    const [ax, ay] = ring[at - 1] ?? [0, 0];
    const [bx, by] = ring[at] ?? [0, 0];
    if (ay > place.latitude === by > place.latitude) continue;
    const crossing = ax + ((place.latitude - ay) / (by - ay)) * (bx - ax);
    if (place.longitude < crossing) inside = !inside;
  }
  return inside;
}
