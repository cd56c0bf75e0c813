// Owns: memory that rings use again and again: space in which a record is sealed, and the pages of a ring in memory. A new piece for
// each second of footage would make as much garbage as footage. Not here: what lies in them (record-file.ts, ring-memory.ts).
import { assert } from '@doorsill/contract/assert';

const spaces: Uint8Array[] = [];
/** A device needs one, a process of many as many as it writes at the same time; more are left to the garbage collection. */
const SPACES_MAX = 16;

/** Memory of `bytes`, with what an earlier record of any ring in this process left in it: sealed bytes. For `giveSpaceBack`. */
export function takeSpace(bytes: number): Uint8Array {
  const last = spaces.pop();
  return (last && last.buffer.byteLength >= bytes ? new Uint8Array(last.buffer) : new Uint8Array(bytes)).subarray(
    0,
    bytes,
  );
}

/** Whoever took it does not use it any more. */
export function giveSpaceBack(space: Uint8Array): void {
  if (spaces.length < SPACES_MAX) spaces.push(space);
}

const PAGE_BYTES = 4_096;
/** Pages that are allocated together. */
const CHUNK_PAGES = 16;

/** Where some bytes lie in `RingPages`: an opaque name. */
export interface PagedBytes {
  readonly pages: Uint32Array;
  readonly length: number;
}

/** Memory that grows as it is filled, and is filled again where something was released. */
export class RingPages {
  private readonly chunks: Uint8Array[] = [];
  private readonly free: number[] = [];

  /** Bytes that are allocated. */
  get bytes(): number {
    return this.chunks.length * CHUNK_PAGES * PAGE_BYTES;
  }

  /** Keeps `length` bytes: a copy of what `fill` gives to `write`, in order, before it returns. */
  keep(length: number, fill: (write: (bytes: Uint8Array) => void) => void): PagedBytes {
    const pages = new Uint32Array(Math.ceil(length / PAGE_BYTES));
    for (let at = 0; at < pages.length; at += 1) pages[at] = this.takePage();
    let end = 0;
    fill((bytes) => {
      assert(end + bytes.length <= length, 'no more is written than was said');
      for (let from = 0; from < bytes.length; ) {
        const { chunk, from: pageAt } = this.place(pages[Math.floor(end / PAGE_BYTES)] ?? 0);
        const into = end % PAGE_BYTES;
        const part = bytes.subarray(from, from + PAGE_BYTES - into);
        chunk.set(part, pageAt + into);
        from += part.length;
        end += part.length;
      }
    });
    return { pages, length };
  }

  /** A copy of what was kept. */
  copy({ pages, length }: PagedBytes): Uint8Array {
    const bytes = new Uint8Array(length);
    for (const [at, page] of pages.entries()) {
      const { chunk, from } = this.place(page);
      const end = from + Math.min(PAGE_BYTES, length - at * PAGE_BYTES);
      bytes.set(chunk.subarray(from, end), at * PAGE_BYTES);
    }
    return bytes;
  }

  /** What was kept may be written over. */
  release({ pages }: PagedBytes): void {
    // The last ones are taken first: a ring that holds less for a while stays in the same memory.
    for (const page of pages) this.free.push(page);
  }

  /** Gives all memory back. */
  clear(): void {
    this.chunks.length = 0;
    this.free.length = 0;
  }

  private takePage(): number {
    if (this.free.length === 0) {
      const first = this.chunks.length * CHUNK_PAGES;
      this.chunks.push(new Uint8Array(CHUNK_PAGES * PAGE_BYTES));
      for (let page = first + CHUNK_PAGES - 1; page >= first; page -= 1) this.free.push(page);
    }
    const page = this.free.pop();
    assert(page !== undefined, 'a new chunk has free pages');
    return page;
  }

  private place(page: number): { chunk: Uint8Array; from: number } {
    const chunk = this.chunks[Math.floor(page / CHUNK_PAGES)];
    assert(chunk, 'a page lies in a chunk');
    return { chunk, from: (page % CHUNK_PAGES) * PAGE_BYTES };
  }
}
