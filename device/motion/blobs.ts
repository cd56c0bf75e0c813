// Joins blocks that differ (background.ts) into blobs, and selects those large and lively enough to be somebody.
import type { BackgroundModel } from './background.ts';
import { BLOCK_COLUMNS, BLOCK_ROWS, BLOCKS } from './gray-picture-size.ts';

/** A blob without a change for this long has stopped moving: a chair that was left elsewhere. */
const LIVELY_MS = 5_000;
/** The same for a small blob, which has no unchanging inside while its edges move. */
const SMALL_LIVELY_MS = 1_000;
/** A strongly differing block counts as at most this many: a figure far away has only one or two blocks. */
const STRENGTH_MOST = 2;
/** Smaller blobs make their blocks restless: somebody far away walks on, a twig or a glint stays in its place. */
const SMALL_BLOCKS = 4;
/** Time constants (63 %) in which a block in small blobs becomes restless, and in which it calms down. */
const RESTLESS_MS = 5_000;
const CALM_DOWN_MS = 30_000;
/** More restless blocks (0 to 1) are ignored. */
const RESTLESS_MOST = 0.5;
/** For each block that is only lit differently, blobs must be larger by this share of a block, because the light is changing. */
const LIGHT_SHARE = 0.1;

export class BlobFinder {
  /** Recent share of time in which each block differed outside large blobs: 0 to 1. */
  private readonly restless = new Float32Array(BLOCKS);
  private readonly open = new Uint8Array(BLOCKS);
  /** The blocks of the current blob, in the order found. */
  private readonly members = new Uint16Array(BLOCKS);

  /**
   * Joins neighbouring blocks (also diagonally) that differ and lie in a zone. Returns the zone bits of all lively blobs that weigh at
   * least `sizeLeast` blocks; 0 without any. `masks`: the zones of each block, 0 for a block to ignore. `passedMs`: since the last
   * picture.
   */
  movingZones(background: BackgroundModel, masks: Uint32Array, sizeLeast: number, passedMs: number): number {
    const { differs, lit } = background;
    const calm = Math.exp(-passedMs / CALM_DOWN_MS);
    for (let block = 0; block < BLOCKS; block += 1) {
      this.open[block] = masks[block] === 0 ? 0 : (differs[block] ?? 0);
      this.restless[block] = calm * (this.restless[block] ?? 0);
    }
    const least = sizeLeast + LIGHT_SHARE * lit;
    const unrest = 1 - Math.exp(-passedMs / RESTLESS_MS);
    let zones = 0;
    for (let block = 0; block < BLOCKS; block += 1) {
      if (this.open[block] === 0) continue;
      const count = this.join(block);
      const blob = this.weigh(count, background, masks);
      if (blob.size >= least) zones |= blob.zones;
      if (count >= SMALL_BLOCKS) continue;
      for (let at = 0; at < count; at += 1) {
        const member = this.members[at] ?? 0;
        const restless = this.restless[member] ?? 0;
        this.restless[member] = restless + unrest * (1 - restless);
      }
    }
    return zones;
  }

  /** Moves the blob of block `start` from `open` to `members`; returns its number of blocks. */
  private join(start: number): number {
    const { open, members } = this;
    let count = 1;
    open[start] = 0;
    members[0] = start;
    for (let at = 0; at < count; at += 1) {
      const block = members[at] ?? 0;
      const row = Math.floor(block / BLOCK_COLUMNS);
      const column = block % BLOCK_COLUMNS;
      for (let y = Math.max(0, row - 1); y <= Math.min(BLOCK_ROWS - 1, row + 1); y += 1) {
        for (let x = Math.max(0, column - 1); x <= Math.min(BLOCK_COLUMNS - 1, column + 1); x += 1) {
          const next = y * BLOCK_COLUMNS + x;
          if (open[next] === 0) continue;
          open[next] = 0;
          members[count++] = next;
        }
      }
    }
    return count;
  }

  /** The weight of a blob in blocks, and its zones; nothing if no block is lively. */
  private weigh(
    count: number,
    { strength, stillMs }: BackgroundModel,
    masks: Uint32Array,
  ): { size: number; zones: number } {
    let size = 0;
    let zones = 0;
    let isLively = false;
    const livelyMs = count < SMALL_BLOCKS ? SMALL_LIVELY_MS : LIVELY_MS;
    for (let at = 0; at < count; at += 1) {
      const block = this.members[at] ?? 0;
      if ((this.restless[block] ?? 0) > RESTLESS_MOST) continue;
      size += Math.min(STRENGTH_MOST, strength[block] ?? 0);
      zones |= masks[block] ?? 0;
      isLively ||= (stillMs[block] ?? 0) < livelyMs;
    }
    return isLively ? { size, zones } : { size: 0, zones: 0 };
  }
}
