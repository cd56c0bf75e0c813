// Cuts ffmpeg's live stream of fragmented MP4 into its init segment and its fragments, wherever its chunks begin and end.
import { concatBytes } from '../bytes.ts';
import { INIT_BYTES_MAX } from './init-segment.ts';
import { type Box, malformed, readBox } from './read-boxes.ts';

/** `ftyp` + `moov` once, then one `moof` + `mdat` after the other. */
export type SplitPart =
  | { readonly kind: 'init'; readonly bytes: Uint8Array }
  | { readonly kind: 'fragment'; readonly bytes: Uint8Array };

/** A GOP of 5 s at 50 Mbit/s. A larger one is not buffered but refused. */
export const FRAGMENT_BYTES_MAX = 32 * 1024 * 1024;

/** Bytes of the longest box header (64-bit size). */
const HEADER_BYTES_MAX = 16;

/** One stream's splitter. Holds at most one unfinished fragment. */
export class FragmentSplitter {
  private readonly bytesMax: number;
  private chunks: Uint8Array[] = [];
  private buffered = 0;
  private kept: Uint8Array[] = [];
  private keptBytes = 0;
  private sawInit = false;
  private sawMoof = false;

  /** `bytesMax`: of one fragment. */
  constructor(bytesMax = FRAGMENT_BYTES_MAX) {
    this.bytesMax = bytesMax;
  }

  /** Takes the next bytes; returns the parts that they complete. Throws `fragment_malformed`; the splitter cannot be used after that. */
  push(chunk: Uint8Array): SplitPart[] {
    if (chunk.length > 0) this.chunks.push(chunk);
    this.buffered += chunk.length;
    const parts: SplitPart[] = [];
    for (;;) {
      const box = readBox(this.peek(), 0);
      if (!box) return parts;
      const limit = this.sawInit ? this.bytesMax : INIT_BYTES_MAX;
      if (this.keptBytes + box.end > limit) throw malformed(`more than ${limit} bytes without a whole fragment`);
      if (this.buffered < box.end) return parts;
      const part = this.accept(box, this.take(box.end));
      if (part) parts.push(part);
    }
  }

  private accept(box: Box, bytes: readonly Uint8Array[]): SplitPart | null {
    if (this.sawMoof && box.type !== 'mdat') throw malformed('a moof box without its media data');
    switch (box.type) {
      case 'ftyp':
        if (this.sawInit || this.keptBytes > 0) throw malformed('a second ftyp box');
        this.keep(bytes);
        return null;
      case 'moov':
        if (this.sawInit) throw malformed('a second moov box');
        this.sawInit = true;
        return { kind: 'init', bytes: this.release(bytes) };
      case 'moof':
        if (!this.sawInit) throw malformed('a fragment before the init segment');
        this.sawMoof = true;
        this.keep(bytes);
        return null;
      case 'mdat':
        if (!this.sawMoof) throw malformed('media data without a moof box');
        this.sawMoof = false;
        return { kind: 'fragment', bytes: this.release(bytes) };
      default:
        // `free`, `styp`, `sidx`, `mfra` hold no footage.
        return null;
    }
  }

  private keep(bytes: readonly Uint8Array[]): void {
    for (const part of bytes) {
      this.kept.push(part);
      this.keptBytes += part.length;
    }
  }

  /** Joins all kept boxes with the last one. */
  private release(last: readonly Uint8Array[]): Uint8Array {
    const parts = [...this.kept, ...last];
    const bytes = asGiven(parts) ?? concatBytes(parts);
    this.kept = [];
    this.keptBytes = 0;
    return bytes;
  }

  /** The first buffered bytes, as many as a box header can have. */
  private peek(): Uint8Array {
    const first = this.chunks[0];
    if (!first || first.length >= HEADER_BYTES_MAX || this.chunks.length === 1) return first ?? new Uint8Array(0);
    const head: number[] = [];
    for (const chunk of this.chunks) {
      head.push(...chunk.subarray(0, HEADER_BYTES_MAX - head.length));
      if (head.length === HEADER_BYTES_MAX) break;
    }
    return Uint8Array.from(head);
  }

  /** Takes `length` bytes off the front without joining them: that is done once for a whole fragment. */
  private take(length: number): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let left = length;
    let used = 0;
    for (const chunk of this.chunks) {
      if (left === 0) break;
      if (chunk.length > left) {
        parts.push(chunk.subarray(0, left));
        this.chunks[used] = chunk.subarray(left);
        left = 0;
        break;
      }
      parts.push(chunk);
      left -= chunk.length;
      used += 1;
    }
    this.chunks.splice(0, used);
    this.buffered -= length;
    return parts;
  }
}

/** The one array that the parts make up from its beginning to its end, which saves a copy; null when there is none. */
function asGiven(parts: readonly Uint8Array[]): Uint8Array | null {
  const [first] = parts;
  let end = 0;
  for (const { buffer, byteOffset, length } of parts) {
    if (buffer !== first?.buffer || byteOffset !== end) return null;
    end += length;
  }
  return first && end === first.buffer.byteLength ? new Uint8Array(first.buffer) : null;
}
