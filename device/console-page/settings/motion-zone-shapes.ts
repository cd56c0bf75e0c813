// Geometry and names of motion zones while they are drawn, in ten-thousandths of the picture.
import { type MotionZone, ZONES_MAX } from '@doorsill/contract/owner-settings';

export interface Point {
  x: number;
  y: number;
}

/** A zone as it is drawn. `id` identifies it while its name changes. */
export interface DrawnZone {
  id: number;
  name: string;
  corners: readonly Point[];
}

export const WHOLE = 10_000;
/** A zone narrower or lower than this was drawn by accident: it is smaller than one block of the motion mask. */
const SIDE_LEAST = 300;
const CORNERS_MAX = 32;
const CORNERS_LEAST = 3;

const clamp = (value: number) => Math.min(WHOLE, Math.max(0, Math.round(value)));
const inside = ({ x, y }: Point): Point => ({ x: clamp(x), y: clamp(y) });

/** Converts the zones of the settings to drawn zones. */
export function drawnZones(zones: readonly MotionZone[]): DrawnZone[] {
  return zones.map(({ name, zone }, id) => {
    if ('corners' in zone) return { id, name, corners: zone.corners };
    const { left, top, width, height } = zone;
    return { id, name, corners: rectangle({ x: left, y: top }, { x: left + width, y: top + height }) };
  });
}

/** Converts drawn zones to zones of the settings: rectangles as such, other shapes by their corners. */
export function settingsZones(drawn: readonly DrawnZone[]): MotionZone[] {
  return drawn.map(({ name: typed, corners }) => {
    const name = withoutEnd(typed);
    if (!isRectangle(corners)) return { name, zone: { corners: corners.map(({ x, y }) => ({ x, y })) } };
    const { left, top, right, bottom } = boundsOf(corners);
    return { name, zone: { left, top, width: right - left, height: bottom - top } };
  });
}

/** A rectangle between two opposite corners; null if it is too small to be meant. */
export function drawnBetween(from: Point, to: Point): readonly Point[] | null {
  const [a, b] = [inside(from), inside(to)];
  if (Math.abs(a.x - b.x) < SIDE_LEAST || Math.abs(a.y - b.y) < SIDE_LEAST) return null;
  return rectangle({ x: Math.min(a.x, b.x), y: Math.min(a.y, b.y) }, { x: Math.max(a.x, b.x), y: Math.max(a.y, b.y) });
}

/** Adds a zone, in the middle of the picture or with the given corners; null at the limit of zones. */
export function withZone(
  drawn: readonly DrawnZone[],
  word: string,
  corners: readonly Point[] = rectangle({ x: 3_000, y: 3_000 }, { x: 7_000, y: 7_000 }),
): { drawn: DrawnZone[]; id: number } | null {
  if (drawn.length >= ZONES_MAX) return null;
  const id = Math.max(-1, ...drawn.map((zone) => zone.id)) + 1;
  return { drawn: [...drawn, { id, name: freeName(drawn, word), corners }], id };
}

/** Moves a whole zone, inside the picture. */
export function movedBy(zone: DrawnZone, by: Point): DrawnZone {
  const { left, top, right, bottom } = boundsOf(zone.corners);
  const x = Math.min(WHOLE - right, Math.max(-left, Math.round(by.x)));
  const y = Math.min(WHOLE - bottom, Math.max(-top, Math.round(by.y)));
  return { ...zone, corners: zone.corners.map((corner) => ({ x: corner.x + x, y: corner.y + y })) };
}

/** Moves one corner. A rectangle stays a rectangle, with at least the least size. */
export function cornerMovedTo(zone: DrawnZone, at: number, to: Point): DrawnZone {
  const point = inside(to);
  const { corners } = zone;
  if (!isRectangle(corners)) return { ...zone, corners: corners.map((corner, one) => (one === at ? point : corner)) };
  const opposite = corners[(at + 2) % 4] ?? point;
  const old = corners[at] ?? point;
  const x = beyond(opposite.x, old.x, point.x);
  const y = beyond(opposite.y, old.y, point.y);
  const moved = corners.map((corner) => ({
    x: corner.x === old.x ? x : corner.x,
    y: corner.y === old.y ? y : corner.y,
  }));
  return { ...zone, corners: moved };
}

/** Adds a corner in the middle of the longest side; returns the zone unchanged at the limit. */
export function withCorner(zone: DrawnZone): DrawnZone {
  const { corners } = zone;
  if (corners.length >= CORNERS_MAX) return zone;
  const lengths = corners.map((corner, at) => {
    const next = corners[(at + 1) % corners.length] ?? corner;
    return Math.hypot(next.x - corner.x, next.y - corner.y);
  });
  const at = lengths.indexOf(Math.max(...lengths));
  const [from, to] = [corners[at], corners[(at + 1) % corners.length]];
  if (!from || !to) return zone;
  const middle = inside({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 });
  return { ...zone, corners: corners.toSpliced(at + 1, 0, middle) };
}

/** Removes a corner; returns the zone unchanged if it has only three. */
export function withoutCorner(zone: DrawnZone, at: number): DrawnZone {
  return zone.corners.length <= CORNERS_LEAST ? zone : { ...zone, corners: zone.corners.toSpliced(at, 1) };
}

/** Removes hyphens at the end, which a name has while it is being typed. */
const withoutEnd = (name: string) => name.replace(/-+$/, '');

/** Turns typed text into a name of small letters, digits and hyphens; '' if no character is usable. */
export function zoneName(typed: string): string {
  return typed
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40);
}

/** Why these zones cannot be saved: a missing or repeated name; null if they can. */
export function namesFault(drawn: readonly DrawnZone[]): { at: number; fault: 'empty' | 'twice' } | null {
  const names = drawn.map(({ name }) => withoutEnd(name));
  const empty = names.indexOf('');
  if (empty >= 0) return { at: empty, fault: 'empty' };
  const twice = names.findIndex((name, at) => names.indexOf(name) !== at);
  return twice < 0 ? null : { at: twice, fault: 'twice' };
}

function freeName(drawn: readonly DrawnZone[], word: string): string {
  for (let number = drawn.length + 1; ; number += 1) {
    const name = `${word}-${number}`;
    if (!drawn.some((zone) => zone.name === name)) return name;
  }
}

/** Limits a side of a rectangle: at least the least size away from the opposite side, and never past it. */
function beyond(opposite: number, old: number, to: number): number {
  return old > opposite
    ? Math.max(to, Math.min(WHOLE, opposite + SIDE_LEAST))
    : Math.min(to, Math.max(0, opposite - SIDE_LEAST));
}

function rectangle(from: Point, to: Point): readonly Point[] {
  return [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }];
}

function boundsOf(corners: readonly Point[]) {
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** Whether the corners form a rectangle parallel to the picture's edges. */
export function isRectangle(corners: readonly Point[]): boolean {
  const [a, b, c, d] = corners;
  if (corners.length !== 4 || !a || !b || !c || !d || a.x === c.x || a.y === c.y) return false;
  const acrossFirst = a.y === b.y && b.x === c.x && c.y === d.y && d.x === a.x;
  const downFirst = a.x === b.x && b.y === c.y && c.x === d.x && d.y === a.y;
  return acrossFirst || downFirst;
}
