// Geometry of blacked-out areas, in ten-thousandths of the picture.
import type { Zone } from '@doorsill/contract/shared-claims';

export const WHOLE = 10_000;
/** The limit of one grant. */
export const ZONES_MAX = 16;
/** Smaller shapes are drawn by accident. */
const SIDE_MIN = 200;

export interface Point {
  x: number;
  y: number;
}

/** The zone between two opposite corners; null if it is too small to be meant. */
export function zoneBetween(from: Point, to: Point): Zone | null {
  const [left, right] = [clamp(Math.min(from.x, to.x)), clamp(Math.max(from.x, to.x))];
  const [top, bottom] = [clamp(Math.min(from.y, to.y)), clamp(Math.max(from.y, to.y))];
  if (right - left < SIDE_MIN || bottom - top < SIDE_MIN) return null;
  return { left, top, width: right - left, height: bottom - top };
}

/** The zone moved, inside the picture. */
export function moved(zone: Zone, by: Point): Zone {
  return {
    ...zone,
    left: clamp(zone.left + by.x, 0, WHOLE - zone.width),
    top: clamp(zone.top + by.y, 0, WHOLE - zone.height),
  };
}

/** The zone with its lower right corner moved. */
export function sized(zone: Zone, by: Point): Zone {
  return {
    ...zone,
    width: clamp(zone.width + by.x, SIDE_MIN, WHOLE - zone.left),
    height: clamp(zone.height + by.y, SIDE_MIN, WHOLE - zone.top),
  };
}

/** A new zone for users without a pointer: near the middle, shifted from the one before. */
export function centralZone(others: readonly Zone[]): Zone {
  const shift = (others.length % 5) * 500;
  return { left: 3_500 + shift, top: 3_500 + shift, width: 2_000, height: 2_000 };
}

function clamp(value: number, least = 0, most = WHOLE): number {
  return Math.round(Math.min(most, Math.max(least, value)));
}
