// Owns: joining blocks that differ into blobs, and saying which of these are large and lively enough to be somebody.
// Not here: which blocks differ (background.ts); what follows from it (detector.ts).
import type { Background } from './background.ts';
import { BLOCK_COLUMNS, BLOCK_ROWS, BLOCKS } from './gray-picture-size.ts';

/** A blob in which nothing has changed for this long moves no more: a chair that was left elsewhere. */
const LIVELY_MS = 5_000;
/** The same for a blob of few blocks, which has no inside that stays as it is while its edges move. */
const SMALL_LIVELY_MS = 1_000;
/** A block that differs strongly counts as this many at most: of a figure far away there are only one or two blocks. */
const STRENGTH_MOST = 2;
/** Blobs of fewer blocks make their blocks restless: somebody far away walks on, what stays in its place is a twig or a glint. */
const SMALL_BLOCKS = 4;
/** Time in which a block that differs in small blobs becomes restless by 63 %, and in which it calms down. */
const RESTLESS_MS = 5_000;
const CALM_DOWN_MS = 30_000;
/** Blocks more restless than this (0 to 1) count for nothing. */
const RESTLESS_MOST = 0.5;
/** For each block that is only lit differently, a blob has to be larger by this share of a block: the sun is coming out. */
const LIGHT_SHARE = 0.1;

export class Blobs {
  /** How much of the last time each block differed without being part of anything large: 0 to 1. */
  private readonly restless = new Float32Array(BLOCKS);
  private readonly open = new Uint8Array(BLOCKS);
  /** The blocks of the blob that is being joined, in the order in which they were found. */
  private readonly members = new Uint16Array(BLOCKS);

  /**
   * Joins neighbouring blocks (also over corners) that differ and lie in a zone. Returns the zone bits of all blobs that are lively
   * and make up at least `sizeLeast` blocks; 0 when there is none. `masks`: each block's zones, never all 0 for a block that
   * counts. `passedMs`: since the last picture.
   */
  movingZones(background: Background, masks: Uint32Array, sizeLeast: number, passedMs: number): number {
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

  /** Takes the blob that `start` belongs to out of `open`, into `members`; returns how many blocks it has. */
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

  /** What the blocks of a blob make up, in blocks, and the zones they lie in; nothing when none of them is lively. */
  private weigh(count: number, { strength, stillMs }: Background, masks: Uint32Array): { size: number; zones: number } {
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
