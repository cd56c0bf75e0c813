// Owns: arithmetic of the areas that are blacked out: drawn between two points, moved, sized, and never outside the picture. Pure, in
// ten-thousandths of the picture. Not here: drawing them (zone-board.tsx).
import type { Zone } from '@doorsill/contract/shared-claims';

export const WHOLE = 10_000;
/** As many as one grant can name. */
export const ZONES_MAX = 16;
/** What a finger draws by accident is no zone. */
const SIDE_MIN = 200;

export interface Point {
  x: number;
  y: number;
}

/** The zone between two points, in any order; null when it is too small to be meant. */
export function zoneBetween(from: Point, to: Point): Zone | null {
  const [left, right] = [clamp(Math.min(from.x, to.x)), clamp(Math.max(from.x, to.x))];
  const [top, bottom] = [clamp(Math.min(from.y, to.y)), clamp(Math.max(from.y, to.y))];
  if (right - left < SIDE_MIN || bottom - top < SIDE_MIN) return null;
  return { left, top, width: right - left, height: bottom - top };
}

/** The same zone elsewhere, as far as the picture goes. */
export function moved(zone: Zone, by: Point): Zone {
  return {
    ...zone,
    left: clamp(zone.left + by.x, 0, WHOLE - zone.width),
    top: clamp(zone.top + by.y, 0, WHOLE - zone.height),
  };
}

/** The same zone with its lower right corner elsewhere. */
export function sized(zone: Zone, by: Point): Zone {
  return {
    ...zone,
    width: clamp(zone.width + by.x, SIDE_MIN, WHOLE - zone.left),
    height: clamp(zone.height + by.y, SIDE_MIN, WHOLE - zone.top),
  };
}

/** A new zone for who has no pointer: in the middle, a little aside of the one before. */
export function placedZone(others: readonly Zone[]): Zone {
  const aside = (others.length % 5) * 500;
  return { left: 3_500 + aside, top: 3_500 + aside, width: 2_000, height: 2_000 };
}

function clamp(value: number, least = 0, most = WHOLE): number {
  return Math.round(Math.min(most, Math.max(least, value)));
}
