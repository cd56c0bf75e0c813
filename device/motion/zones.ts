// Owns: which blocks the named parts of the picture in which motion counts cover. Pure.
// Not here: their schema (protocol/owner-settings.ts), what moves (background.ts), when it is an event (detector.ts).
import { type MotionZone, ZONES_MAX } from '../protocol/owner-settings.ts';
import { BLOCK_COLUMNS, BLOCK_PIXELS, BLOCK_ROWS, PICTURE_HEIGHT, PICTURE_WIDTH } from './gray-picture-size.ts';

/** Bit of every block when no zones are set: then the whole picture counts, and no name is reported. */
const WHOLE_PICTURE = 1 << ZONES_MAX;

/** For each block the zones it belongs to, as bits in the order of `zones`; 0 where motion does not count. */
export function zoneMasks(zones: readonly MotionZone[]): Uint32Array {
  const masks = new Uint32Array(BLOCK_COLUMNS * BLOCK_ROWS);
  if (zones.length === 0) return masks.fill(WHOLE_PICTURE);
  for (const [at] of masks.entries()) {
    const x = ((at % BLOCK_COLUMNS) + 0.5) * BLOCK_PIXELS * (10_000 / PICTURE_WIDTH);
    const top = Math.floor(at / BLOCK_COLUMNS) * BLOCK_PIXELS;
    const y = ((top + Math.min(top + BLOCK_PIXELS, PICTURE_HEIGHT)) / 2) * (10_000 / PICTURE_HEIGHT);
    masks[at] = zones.reduce((mask, { zone }, bit) => (covers(zone, x, y) ? mask | (1 << bit) : mask), 0);
  }
  return masks;
}

/** Names of the zones in a mask, in the order of `zones`. */
export function zoneNames(zones: readonly MotionZone[], mask: number): string[] {
  return zones.filter((_, bit) => (mask & (1 << bit)) !== 0).map(({ name }) => name);
}

/** Whether a block's middle lies in a zone (even-odd rule for polygons). */
function covers(zone: MotionZone['zone'], x: number, y: number): boolean {
  if (!('corners' in zone)) {
    return x >= zone.left && x < zone.left + zone.width && y >= zone.top && y < zone.top + zone.height;
  }
  let inside = false;
  let from = zone.corners.at(-1);
  for (const to of zone.corners) {
    if (from && from.y > y !== to.y > y && x < from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x)) {
      inside = !inside;
    }
    from = to;
  }
  return inside;
}
