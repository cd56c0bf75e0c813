// Walks the boxes of an ISO base media file in memory (ISO/IEC 14496-12 §4.2) and reads big-endian fields, all within bounds.
import { failure } from '../errors.ts';

/** One box: `start` is its first header byte, `contentStart` the byte after the header, `end` the byte after the box. */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/** No encoder writes more boxes than this at one level. */
const BOXES_MAX = 4_096;

/** The failure of every reader here. `detail` never holds bytes of the media. */
export function malformed(detail: string): Error {
  return failure('fragment_malformed', { detail });
}

/** A big-endian reader over part of a byte string; every read past `end` throws `fragment_malformed`. */
export class FieldReader {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly end: number;
  /** Position of the next read in `bytes`. */
  at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = Math.min(end, bytes.length);
  }

  /** Bytes left to read. */
  get left(): number {
    return this.end - this.at;
  }

  /** Steps over `length` bytes and returns where they start. */
  skip(length: number): number {
    if (length < 0 || length > this.left) throw malformed('a field lies outside its box');
    const from = this.at;
    this.at += length;
    return from;
  }

  u8(): number {
    return this.view.getUint8(this.skip(1));
  }

  u16(): number {
    return this.view.getUint16(this.skip(2));
  }

  u24(): number {
    return (this.u8() << 16) | this.u16();
  }

  u32(): number {
    return this.view.getUint32(this.skip(4));
  }

  i32(): number {
    return this.view.getInt32(this.skip(4));
  }

  /** A signed 64-bit integer; one that a JavaScript number cannot hold exactly is refused. */
  i64(): number {
    const value = Number(this.view.getBigInt64(this.skip(8)));
    if (!Number.isSafeInteger(value)) throw malformed('a 64-bit field is out of range');
    return value;
  }

  /** A view (no copy) of the next `length` bytes. */
  take(length: number): Uint8Array {
    const from = this.skip(length);
    return this.bytes.subarray(from, from + length);
  }

  /** The next four bytes as Latin-1 text, e.g. 'moov'. */
  fourcc(): string {
    return String.fromCharCode(this.u8(), this.u8(), this.u8(), this.u8());
  }
}

/**
 * The boxes between `start` and `end`, in order. Sizes may have 32 or 64 bits; size 0 ("to the end of the file") is refused, because a
 * live stream has no end. Throws `fragment_malformed` for a box that does not fit exactly.
 */
export function* boxesIn(bytes: Uint8Array, start = 0, end = bytes.length): Generator<Box> {
  let at = start;
  for (let count = 0; at < end; count += 1) {
    if (count === BOXES_MAX) throw malformed('too many boxes');
    const box = readBox(bytes, at, end);
    if (!box || box.end > end) throw malformed('a box is longer than what holds it');
    yield box;
    at = box.end;
  }
}

/**
 * The header of the box at `start`; null when its header is not yet complete. The box's `end` may lie beyond the given bytes, since they
 * may be part of a stream. Throws `fragment_malformed` for an impossible size.
 */
export function readBox(bytes: Uint8Array, start: number, end = bytes.length): Box | null {
  if (end - start < 8) return null;
  const fields = new FieldReader(bytes, start, end);
  const size32 = fields.u32();
  const type = fields.fourcc();
  if (size32 === 1 && fields.left < 8) return null;
  const size = size32 === 1 ? fields.i64() : size32;
  if (size < fields.at - start) throw malformed('a box is shorter than its header');
  return { type, start, contentStart: fields.at, end: start + size };
}

/** The first box of a type inside another (or inside all bytes); null when there is none. */
export function findBox(bytes: Uint8Array, type: string, within?: Pick<Box, 'contentStart' | 'end'>): Box | null {
  for (const box of boxesIn(bytes, within?.contentStart, within?.end)) if (box.type === type) return box;
  return null;
}

/** The box at the end of a path of types; throws `fragment_malformed` when a step is missing. */
export function needBox(
  bytes: Uint8Array,
  path: readonly [string, ...string[]],
  within?: Pick<Box, 'contentStart' | 'end'>,
): Box {
  let found: Pick<Box, 'contentStart' | 'end'> | undefined = within;
  let last: Box | null = null;
  for (const type of path) {
    last = findBox(bytes, type, found);
    if (!last) throw malformed(`there is no ${type} box`);
    found = last;
  }
  if (!last) throw malformed('an empty path of boxes');
  return last;
}

/** A reader over a box's content. */
export function contentOf(bytes: Uint8Array, box: Box): FieldReader {
  return new FieldReader(bytes, box.contentStart, box.end);
}
