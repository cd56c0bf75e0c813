// Memory that rings reuse: space for sealing a record, and pages of a ring in memory. New allocations for each second of footage would
// make as much garbage as footage.
import { assert } from '@doorsill/contract/assert';

const spaces: Uint8Array[] = [];
/** Spaces kept: one for each concurrent write of the process's devices; further ones are garbage-collected. */
const SPACES_MAX = 16;

/** Memory of `bytes` length, which may still hold an earlier record's sealed bytes. To be returned with `giveSpaceBack`. */
export function takeSpace(bytes: number): Uint8Array {
  const last = spaces.pop();
  return (last && last.buffer.byteLength >= bytes ? new Uint8Array(last.buffer) : new Uint8Array(bytes)).subarray(
    0,
    bytes,
  );
}

/** Returns space from `takeSpace`; the caller must no longer use it. */
export function giveSpaceBack(space: Uint8Array): void {
  if (spaces.length < SPACES_MAX) spaces.push(space);
}

const PAGE_BYTES = 4_096;
/** Pages allocated together. */
const CHUNK_PAGES = 16;

/** Handle of bytes in `RingPages`. */
export interface PagedBytes {
  readonly pages: Uint32Array;
  readonly length: number;
}

/** Memory that grows as it is filled, and reuses released pages. */
export class RingPages {
  private readonly chunks: Uint8Array[] = [];
  private readonly free: number[] = [];

  /** Bytes allocated. */
  get bytes(): number {
    return this.chunks.length * CHUNK_PAGES * PAGE_BYTES;
  }

  /** Stores a copy of the `length` bytes that `fill` passes to `write`. */
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

  /** A copy of stored bytes. */
  copy({ pages, length }: PagedBytes): Uint8Array {
    const bytes = new Uint8Array(length);
    for (const [at, page] of pages.entries()) {
      const { chunk, from } = this.place(page);
      const end = from + Math.min(PAGE_BYTES, length - at * PAGE_BYTES);
      bytes.set(chunk.subarray(from, end), at * PAGE_BYTES);
    }
    return bytes;
  }

  /** Frees stored bytes for reuse. */
  release({ pages }: PagedBytes): void {
    // The last freed pages are reused first, so that a smaller ring stays in the same memory.
    for (const page of pages) this.free.push(page);
  }

  /** Releases all memory. */
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
