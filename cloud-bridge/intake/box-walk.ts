// Owns: reading ISO base media boxes (ISO/IEC 14496-12 §4.2) within bounds. Not here: which boxes a clip may have
// (structure.ts).
import { failure } from '../../device/protocol/errors.ts';

/** One box: its type and its content's position in the bytes it was read from. */
export interface Box {
  type: string;
  start: number;
  end: number;
}

const CHILDREN_MAX = 64;

/** The failure for a structural fault; the clip is refused with it. */
export function structureFault(detail: string): Error {
  return failure('intake_structure', { detail });
}

/** A box's header: its type, the header's length and the whole box's length in bytes. Throws `intake_structure`. */
export function readHeader(
  bytes: Uint8Array,
  at: number,
  left: number,
): { type: string; headerBytes: number; bytes: number } {
  const view = viewOf(bytes);
  if (left < 8 || at + 8 > bytes.length) throw structureFault('a box is cut off');
  const short = view.getUint32(at);
  const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
  // Size 0 means "to the end of the file": boxes after it could not be told from its content.
  if (short === 0) throw structureFault('a box has no length');
  if (short !== 1) return checked(type, 8, short, left);
  if (left < 16 || at + 16 > bytes.length) throw structureFault('a box is cut off');
  const long = view.getBigUint64(at + 8);
  if (long > BigInt(Number.MAX_SAFE_INTEGER)) throw structureFault('a box is too long');
  return checked(type, 16, Number(long), left);
}

function checked(type: string, headerBytes: number, bytes: number, left: number) {
  if (bytes < headerBytes || bytes > left) throw structureFault('a box does not fit where it lies');
  return { type, headerBytes, bytes };
}

/** The boxes that fill `start` to `end` without a byte left over; each type must be allowed. Throws `intake_structure`. */
export function children(bytes: Uint8Array, box: Omit<Box, 'type'>, allowed: ReadonlySet<string>): Box[] {
  const found: Box[] = [];
  let at = box.start;
  while (at < box.end) {
    if (found.length >= CHILDREN_MAX) throw structureFault('it has too many boxes');
    const header = readHeader(bytes, at, box.end - at);
    if (!allowed.has(header.type)) throw structureFault(`it has a box '${printable(header.type)}'`);
    found.push({ type: header.type, start: at + header.headerBytes, end: at + header.bytes });
    at += header.bytes;
  }
  return found;
}

/** The one box of a type; throws `intake_structure` when there is none or more than one. */
export function only(boxes: readonly Box[], type: string): Box {
  const found = boxes.filter((box) => box.type === type);
  const [box] = found;
  if (!box || found.length > 1) throw structureFault(`it needs one box '${type}' where it has ${found.length}`);
  return box;
}

/** Reads big-endian numbers inside one box; reading past its end is a fault. */
export class BoxReader {
  private readonly view: DataView;
  private at: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, box: Box) {
    this.view = viewOf(bytes);
    this.at = box.start;
    this.end = box.end;
  }

  get left(): number {
    return this.end - this.at;
  }

  skip(count: number): void {
    this.step(count);
  }

  u32(): number {
    return this.view.getUint32(this.step(4));
  }

  i32(): number {
    return this.view.getInt32(this.step(4));
  }

  u64(): number {
    const value = this.view.getBigUint64(this.step(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw structureFault('a number is too large');
    return Number(value);
  }

  i64(): bigint {
    return this.view.getBigInt64(this.step(8));
  }

  fourcc(): string {
    const at = this.step(4);
    return String.fromCharCode(...[0, 1, 2, 3].map((offset) => this.view.getUint8(at + offset)));
  }

  /** Version of a full box; its flags are skipped. */
  version(): number {
    return this.u32() >>> 24;
  }

  private step(count: number): number {
    const at = this.at;
    if (count > this.left) throw structureFault('a box is shorter than what it holds');
    this.at += count;
    return at;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function printable(type: string): string {
  return type.replaceAll(/[^ -~]/g, '?');
}
