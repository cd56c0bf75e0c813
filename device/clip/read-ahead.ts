// Reads a clip's samples in order, in blocks, to keep storage reads few.
import type { ClipReader } from './finished-clip.ts';

const BLOCK_BYTES = 256 * 1024;

export class SampleReader {
  private readonly reader: ClipReader;
  private readonly buffer = new Uint8Array(BLOCK_BYTES);
  private block: { start: number; bytes: Uint8Array } = { start: 0, bytes: this.buffer.subarray(0, 0) };

  constructor(reader: ClipReader) {
    this.reader = reader;
  }

  /** Exactly `length` bytes at `position`, which must lie in the file. Valid until the next call. */
  async read(position: number, length: number): Promise<Uint8Array> {
    const { start, bytes } = this.block;
    if (position < start || position + length > start + bytes.length) {
      const wanted = Math.min(Math.max(length, BLOCK_BYTES), this.reader.sizeBytes - position);
      // The buffer is about to be overwritten, and the read may fail.
      this.block = { start: 0, bytes: this.buffer.subarray(0, 0) };
      this.block = { start: position, bytes: await this.reader.read(position, wanted, this.buffer) };
    }
    const at = position - this.block.start;
    return this.block.bytes.subarray(at, at + length);
  }
}
