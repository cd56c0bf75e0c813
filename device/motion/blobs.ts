// Owns: joining blocks that differ into blobs. Not here: which blocks differ (background.ts).
import { BLOCK_COLUMNS, BLOCK_ROWS, BLOCKS } from './gray-picture-size.ts';

/** A blob in which nothing has changed for this long moves no more: a chair that was left elsewhere. */
const LIVELY_MS = 5_000;

const open = new Uint8Array(BLOCKS);
const waiting = new Uint16Array(BLOCKS);

/**
 * Joins neighbouring blocks (also over corners) that differ and lie in a zone. Returns the zone bits of all blobs that
 * have at least `sizeLeast` blocks and some recent change in them; 0 when there is none. `stillMs`: how long each block has been
 * as it is. `masks`: each block's zones, never all 0 for a block that counts.
 */
export function movingZones(differs: Uint8Array, stillMs: Float32Array, masks: Uint32Array, sizeLeast: number): number {
  for (let block = 0; block < BLOCKS; block += 1) open[block] = masks[block] === 0 ? 0 : (differs[block] ?? 0);
  let zones = 0;
  for (let block = 0; block < BLOCKS; block += 1) {
    if (open[block] === 0) continue;
    const blob = takeBlob(block, stillMs, masks);
    if (blob.size >= sizeLeast && blob.stillMs < LIVELY_MS) zones |= blob.zones;
  }
  return zones;
}

/** Takes the blob that `start` belongs to out of `open`. */
function takeBlob(start: number, still: Float32Array, masks: Uint32Array) {
  const blob = { size: 0, zones: 0, stillMs: Number.POSITIVE_INFINITY };
  let count = 1;
  open[start] = 0;
  waiting[0] = start;
  while (count > 0) {
    const block = waiting[--count] ?? 0;
    const row = Math.floor(block / BLOCK_COLUMNS);
    const column = block % BLOCK_COLUMNS;
    blob.size += 1;
    blob.zones |= masks[block] ?? 0;
    blob.stillMs = Math.min(blob.stillMs, still[block] ?? 0);
    for (let y = Math.max(0, row - 1); y <= Math.min(BLOCK_ROWS - 1, row + 1); y += 1) {
      for (let x = Math.max(0, column - 1); x <= Math.min(BLOCK_COLUMNS - 1, column + 1); x += 1) {
        const next = y * BLOCK_COLUMNS + x;
        if (open[next] === 0) continue;
        open[next] = 0;
        waiting[count++] = next;
      }
    }
  }
  return blob;
}
