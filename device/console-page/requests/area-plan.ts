import type { Polygon } from '@doorsill/contract/request';

/** Metres of one degree of latitude, and of longitude at the equator (WGS 84, mean). */
const DEGREE_M = 111_195;
const BAR_SHARE_MAX = 0.4;

/** An area of the earth as a plan: its outline, its size in metres, and a scale bar. */
export interface AreaPlan {
  /** Corners on the paper, measured from its top left. */
  corners: { x: number; y: number }[];
  /** Size on the ground. */
  widthM: number;
  heightM: number;
  squareM: number;
  /** Its centre, in degrees. */
  middle: { latitude: number; longitude: number };
  /** Scale bar: the greatest round length that fits into two fifths of the paper's width. */
  bar: { lengthM: number; width: number };
}

/**
 * Draws a polygon's ring (RFC 7946 §3.1.6) on paper of this size, north up, with a margin. All degrees of longitude get the length that
 * they have at the centre: the error is invisible for areas of a few kilometres. A ring across the 180th meridian stays in one piece.
 */
export function areaPlan(
  { coordinates: [ring] }: Polygon,
  paper: { width: number; height: number; margin: number },
): AreaPlan {
  const first = ring[0]?.[0] ?? 0;
  const degrees = ring.map(([longitude, latitude]) => ({
    east: first + ((((longitude - first + 180) % 360) + 360) % 360) - 180,
    north: latitude,
  }));
  const [west, east] = extent(degrees.map((corner) => corner.east));
  const [south, north] = extent(degrees.map((corner) => corner.north));
  const middle = { latitude: (south + north) / 2, longitude: (((west + east) / 2 + 540) % 360) - 180 };
  const eastM = DEGREE_M * Math.cos((middle.latitude * Math.PI) / 180);
  const metres = degrees.map((corner) => ({ x: (corner.east - west) * eastM, y: (north - corner.north) * DEGREE_M }));
  const widthM = (east - west) * eastM;
  const heightM = (north - south) * DEGREE_M;
  const inner = { width: paper.width - 2 * paper.margin, height: paper.height - 2 * paper.margin };
  // An area that is a line still gets a scale.
  const perM = Math.min(inner.width / Math.max(widthM, 1), inner.height / Math.max(heightM, 1));
  const left = (paper.width - widthM * perM) / 2;
  const top = (paper.height - heightM * perM) / 2;
  const lengthM = roundLength((paper.width * BAR_SHARE_MAX) / perM);
  return {
    corners: metres.map(({ x, y }) => ({ x: left + x * perM, y: top + y * perM })),
    widthM,
    heightM,
    middle,
    squareM: enclosed(metres),
    bar: { lengthM, width: lengthM * perM },
  };
}

/** The greatest of 1, 2 or 5 times a power of ten up to `mostM`. */
function roundLength(mostM: number): number {
  const power = 10 ** Math.floor(Math.log10(mostM));
  return ([5, 2, 1].find((step) => step * power <= mostM) ?? 1) * power;
}

function extent(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/** Area by the shoelace formula. */
function enclosed(corners: readonly { x: number; y: number }[]): number {
  const twice = corners.reduce((sum, { x, y }, at) => {
    const next = corners[(at + 1) % corners.length] ?? { x, y };
    return sum + x * next.y - next.x * y;
  }, 0);
  return Math.abs(twice) / 2;
}
