// The file of records: recovery at start, position of the next record, allocation, writing, overwriting headers.
import type { Clock } from '@doorsill/base/clock';
import type { DiskFile } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { SEAL_KEY_BYTES } from '@doorsill/base/seal';
import { BLOCK_BYTES, BODY_AT, type RecordHeader, type RecordSeal, recordBlocks } from './record.ts';
import { giveSpaceBack, takeSpace } from './ring-buffers.ts';
import { type Scan, scanRing } from './ring-scan.ts';

/** The file grows in steps of zeros, so that later writes change no metadata and a full disk is noticed early. */
const ALLOCATION_BYTES = 16_777_216;
const ZEROS_BYTES = 1_048_576;

/** Sequence numbers skipped at every start: more than a run can have used without the next scan finding one of them. */
const SEQUENCE_JUMP = 2 ** 20;

export interface RecordFileOptions {
  file: DiskFile;
  seal: RecordSeal;
  clock: Clock;
  random: Random;
  /** Where the ring wraps around: a multiple of BLOCK_BYTES. */
  capacity: number;
}

/** A segment to be written: its times, its encoding, and the encoding's length before sealing. */
export interface Unwritten {
  startUs: number;
  clockTrusted: boolean;
  endUs: number;
  body: readonly Uint8Array[];
  bodyBytes: number;
}

/** The records of one ring in one file. Calls must not overlap, except `readBody`, which may run beside any other. */
export class RecordFile {
  private readonly options: RecordFileOptions;
  /** Bytes of the file that exist. */
  private allocated = 0;
  /** Position of the next record: after the newest. */
  private head = 0;
  private previous: RecordHeader['previous'] = null;
  private sequenceNext = 1;
  /** Whether there are writes that may not be durable yet. */
  private unsynced = true;

  constructor(options: RecordFileOptions) {
    this.options = options;
  }

  get bytesMissing(): number {
    return this.options.capacity - this.allocated;
  }

  /** The headers in the file that authenticate and fit together. `retiredId`: the former key, whose records are dead. */
  async scan(retiredId: string | null): Promise<Scan> {
    const { file, seal, capacity } = this.options;
    return scanRing(file, Math.min(await file.size(), capacity), seal, retiredId);
  }

  /**
   * Continues after the records that `scan` found; returns those to keep, oldest first, and `torn`: those that a crash during the last
   * write tore, which are the newest or those it was overwriting. Only the bodies of these candidates are read, within the reach of a
   * write twice as long as the longest record in the file. (Other damage is found when it is read.)
   */
  async resume(scan: Scan): Promise<{ records: RecordHeader[]; torn: RecordHeader[] }> {
    const { file, capacity } = this.options;
    if ((await file.size()) > capacity) await file.truncate(capacity);
    this.allocated = Math.floor((await file.size()) / BLOCK_BYTES) * BLOCK_BYTES;
    const torn = await this.findTorn(scan.records);
    const records = scan.records.filter((header) => !torn.includes(header));
    const last = records.at(-1);
    if (last) this.advance(last);
    this.sequenceNext = scan.sequenceMax + SEQUENCE_JUMP;
    return { records, torn };
  }

  private async findTorn(records: readonly RecordHeader[]): Promise<RecordHeader[]> {
    const newest = records.at(-1);
    if (!newest) return [];
    const end = newest.position + newest.blocks * BLOCK_BYTES;
    const from = end < this.options.capacity ? end : 0;
    const largest = records.reduce((most, { kind, blocks }) => (kind === 'live' ? Math.max(most, blocks) : most), 0);
    const reach = from + 2 * largest * BLOCK_BYTES;
    const torn: RecordHeader[] = [];
    for (const header of records) {
      const suspect = header === newest || (header.position >= from && header.position < reach);
      if (header.kind === 'live' && suspect && (await this.readBody(header)) === null) torn.push(header);
    }
    return torn;
  }

  /**
   * Writes one record after the newest; it is part of the ring after `sync`. `release(from, to)` is called before bytes between these
   * positions are overwritten. `alone` is called after that: if nothing else is to be written before `sync`, the write itself is
   * durable, one system call for both. Rejects with the operating system's error; then nothing is added, and the next call writes to
   * the same position under another sequence number.
   */
  async write(
    what: Unwritten,
    release: (from: number, to: number) => void,
    alone: () => boolean,
  ): Promise<RecordHeader> {
    const { file, seal, random, capacity } = this.options;
    const blocks = recordBlocks(what.bodyBytes);
    const bytes = blocks * BLOCK_BYTES;
    if (this.head + bytes > capacity) await this.skipRest(release);
    await this.allocate(this.head + bytes);
    release(this.head, this.head + bytes);
    const { startUs, endUs, clockTrusted, bodyBytes } = what;
    const header = this.nextHeader({ kind: 'live', blocks, bodyBytes, startUs, endUs, clockTrusted });
    const record = takeSpace(bytes);
    try {
      seal.sealRecordInto(header, random.bytes(SEAL_KEY_BYTES), what.body, record);
      if (!this.unsynced && alone()) {
        await file.writeDurably(header.position, record);
      } else {
        this.unsynced = true;
        await file.write(header.position, record);
      }
    } finally {
      giveSpaceBack(record);
    }
    return header;
  }

  /** Makes all writes durable, and `written`, the record just written, part of the ring. */
  async sync(written?: RecordHeader): Promise<void> {
    if (this.unsynced) await this.options.file.sync();
    this.unsynced = false;
    if (written) this.advance(written);
  }

  /** Overwrites a header, which holds the only copy of its body's key. Durable with the next `sync`. */
  async erase(header: RecordHeader): Promise<void> {
    const { file, seal } = this.options;
    const erased = {
      ...header,
      kind: 'erased' as const,
      bodyBytes: 0,
      startUs: 0,
      endUs: 0,
      clockTrusted: false,
      writtenUs: null,
    };
    this.unsynced = true;
    await file.write(header.position, seal.sealHeader(erased));
  }

  /**
   * The plain body of a record, in new memory; null if the file does not hold, or no longer holds, this header's record. The sealed
   * record is read into `scratch` if it fits.
   */
  async readBody(header: RecordHeader, scratch?: Uint8Array): Promise<Uint8Array | null> {
    const { file, seal } = this.options;
    const record = await file.read(header.position, seal.recordBytes(header), scratch);
    return seal.openBody(record, header.position, header.sequence);
  }

  async close(): Promise<void> {
    await this.options.file.close();
  }

  /** Marks the end of the file as unused, durably before anything is written at its start, so that no stale record reappears. */
  private async skipRest(release: (from: number, to: number) => void): Promise<void> {
    const { file, seal, capacity } = this.options;
    if (this.head < capacity) {
      await this.allocate(this.head + BLOCK_BYTES);
      release(this.head, capacity);
      const blocks = (capacity - this.head) / BLOCK_BYTES;
      const header = this.nextHeader({ kind: 'skip', blocks, bodyBytes: 0, startUs: 0, endUs: 0, clockTrusted: false });
      this.unsynced = true;
      await file.write(header.position, seal.sealHeader(header));
      await this.sync(header);
    }
    this.head = 0;
  }

  private nextHeader({
    kind,
    blocks,
    bodyBytes,
    startUs,
    endUs,
    clockTrusted,
  }: Pick<RecordHeader, 'kind' | 'blocks' | 'bodyBytes' | 'startUs' | 'endUs' | 'clockTrusted'>): RecordHeader {
    const { clock } = this.options;
    // Incremented before the write: a number whose write failed is never reused.
    const sequence = this.sequenceNext++;
    const writtenUs = clock.synchronised() ? clock.wallUs() : null;
    const { head: position, previous } = this;
    // Not spread: a spread object's hidden class of its own would take three times the memory for every second of a ring.
    return {
      kind,
      position,
      sequence,
      blocks,
      bodyAt: BODY_AT,
      bodyBytes,
      previous,
      startUs,
      endUs,
      clockTrusted,
      writtenUs,
    };
  }

  private advance(newest: RecordHeader): void {
    this.previous = { sequence: newest.sequence, position: newest.position };
    this.head = newest.position + newest.blocks * BLOCK_BYTES;
  }

  /** Extends the file to `end`, so that records only overwrite existing bytes. */
  private async allocate(end: number): Promise<void> {
    if (end <= this.allocated) return;
    const { file, capacity } = this.options;
    const target = Math.min(capacity, Math.ceil(end / ALLOCATION_BYTES) * ALLOCATION_BYTES);
    const zeros = new Uint8Array(ZEROS_BYTES);
    for (let at = this.allocated; at < target; at += zeros.length) {
      await file.write(at, zeros.subarray(0, target - at));
    }
    await file.sync();
    this.allocated = target;
  }
}
