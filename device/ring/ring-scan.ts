// Owns: finding the records of a ring file by their headers alone, in the order written, and naming what does not fit.
// Not here: a record's form (record.ts), what is done with the result (ring-file.ts).

import type { DiskFile } from '@doorsill/base/disk';
import { assert } from '@doorsill/contract/assert';
import { BLOCK_BYTES, type RecordHeader, type RecordSeal } from './record.ts';

/** Read at once while no header tells how far to jump. */
const STRIDE_BYTES = 64 * BLOCK_BYTES;

/** What a ring file holds. */
export interface Scan {
  /** Authenticated headers that fit together, oldest written first. */
  records: RecordHeader[];
  /** Records that were there and are not to be trusted: altered, moved, replayed, or missing between two others. */
  damaged: number;
  /** Those of them sealed under a key that is neither this one nor the one it replaced. */
  foreign: number;
  /** The highest sequence number seen, fitting or not; 0 without any. */
  sequenceMax: number;
}

/** Walks the headers of the first `limitBytes` of a file. Bodies are jumped over, not read. */
export async function scanRing(
  file: DiskFile,
  limitBytes: number,
  seal: RecordSeal,
  retiredId: string | null,
): Promise<Scan> {
  const blocks = new BlockReader(file);
  const found: RecordHeader[] = [];
  const damagedAt = new Set<number>();
  let foreign = 0;
  let sequenceMax = 0;
  let position = 0;
  let expected = true;
  while (position + BLOCK_BYTES <= limitBytes) {
    const opened = seal.openHeader(await blocks.at(position, expected), position);
    expected = false;
    if (opened.what === 'header') {
      const { header } = opened;
      sequenceMax = Math.max(sequenceMax, header.sequence);
      const end = position + header.blocks * BLOCK_BYTES;
      assert(header.blocks > 0, 'an authenticated record has blocks');
      // A ring made smaller cuts what reaches beyond its new end.
      if (end <= limitBytes || header.kind === 'skip') found.push(header);
      position = end;
      expected = true;
      continue;
    }
    const dead = opened.what === 'foreign' && opened.keyId === retiredId;
    if (opened.what !== 'nothing' && !dead) damagedAt.add(position);
    if (opened.what === 'foreign' && !dead) foreign += 1;
    position += BLOCK_BYTES;
  }
  const { records, missing } = inOrder(found, damagedAt, limitBytes);
  return { records, damaged: damagedAt.size + missing, foreign, sequenceMax };
}

/** Reads single blocks where a header is expected, and whole strides while searching for one. */
class BlockReader {
  private readonly file: DiskFile;
  private bytes: Uint8Array = new Uint8Array(0);
  private from = 0;

  constructor(file: DiskFile) {
    this.file = file;
  }

  async at(position: number, expected: boolean): Promise<Uint8Array> {
    const inside = position - this.from;
    if (inside < 0 || inside + BLOCK_BYTES > this.bytes.length) {
      this.bytes = await this.file.read(position, expected ? BLOCK_BYTES : STRIDE_BYTES);
      this.from = position;
    }
    const at = position - this.from;
    return this.bytes.subarray(at, at + BLOCK_BYTES);
  }
}

/**
 * Puts headers found by ascending position into the order written. A ring goes round: what lies behind the newest record
 * is the older lap. Sequence numbers must rise along that order, and each record names the one before it: an older copy
 * put back in a record's place breaks one or the other, and its place is added to `damagedAt`.
 */
function inOrder(
  found: readonly RecordHeader[],
  damagedAt: Set<number>,
  limitBytes: number,
): { records: RecordHeader[]; missing: number } {
  const newest = found.reduce<RecordHeader | null>((a, b) => (a && a.sequence > b.sequence ? a : b), null);
  if (!newest) return { records: [], missing: 0 };
  const lap = [
    ...found.filter((header) => header.position > newest.position),
    ...found.filter((header) => header.position <= newest.position),
  ];
  let highest = 0;
  const rising = lap.filter((header) => {
    if (header.sequence <= highest) damagedAt.add(header.position);
    else highest = header.sequence;
    return header.sequence === highest;
  });
  const records: RecordHeader[] = [];
  let missing = 0;
  let named: RecordHeader['previous'] = null;
  for (const header of rising.toReversed()) {
    if (named?.position === header.position && named.sequence !== header.sequence) {
      // In the place that the next record names, but not the record it names.
      damagedAt.add(header.position);
      continue;
    }
    if (named && named.position !== header.position && named.position < limitBytes && !damagedAt.has(named.position)) {
      missing += 1;
    }
    records.push(header);
    named = header.previous;
  }
  return { records: records.reverse(), missing };
}
