// Finds the records of a ring file by their headers alone, in the order written, and detects those that do not fit.

import type { DiskFile } from '@doorsill/base/disk';
import { assert } from '@doorsill/contract/assert';
import { BLOCK_BYTES, type RecordHeader, type RecordSeal } from './record.ts';

/** Bytes read at once while searching for a header. */
const STRIDE_BYTES = 64 * BLOCK_BYTES;

export interface Scan {
  /** Authenticated headers that fit together, oldest written first. */
  records: RecordHeader[];
  /** Records that cannot be trusted: altered, moved, replayed, or missing between two others. */
  damaged: number;
  /** Damaged records sealed under a key that is neither the current one nor its predecessor. */
  foreign: number;
  /** The highest sequence number found; 0 without any. */
  sequenceMax: number;
}

/** Reads the headers of the first `limitBytes` of a file. Skips bodies. */
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
      // A ring that was made smaller drops records beyond its new end.
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

/** Reads single blocks if a header is expected, and whole strides while searching for one. */
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
 * Sorts headers, found by ascending position, into the order written: the records after the newest one are of the previous lap. Sequence
 * numbers must rise in that order, and each record must name the one before it. An older copy put back in a record's place breaks one of
 * the rules, and its position is added to `damagedAt`.
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
      // At the position that the next record names, but with another sequence number.
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
