// Owns: the file of records: recovery at start, where the next record goes, allocation, writing, overwriting headers.
// Not here: which records are still wanted (ring-file.ts), a record's bytes (record.ts), the search for them (ring-scan.ts).
import type { Clock } from '@doorsill/base/clock';
import type { DiskFile } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { SEAL_KEY_BYTES } from '@doorsill/base/seal';
import { BLOCK_BYTES, BODY_AT, type RecordHeader, type RecordSeal, recordBlocks } from './record.ts';
import { giveSpaceBack, takeSpace } from './ring-buffers.ts';
import { type Scan, scanRing } from './ring-scan.ts';

/** The file grows by this much at a time, written full of zeros: later writes change no metadata, and a full disk shows early. */
const ALLOCATION_BYTES = 16_777_216;
const ZEROS_BYTES = 1_048_576;

/** Sequence numbers skipped at every start: more than a run can have used without the next scan finding any of them. */
const SEQUENCE_JUMP = 2 ** 20;

/** What a record file is opened with. */
export interface RecordFileOptions {
  file: DiskFile;
  seal: RecordSeal;
  clock: Clock;
  random: Random;
  /** Where the ring wraps around: a multiple of BLOCK_BYTES. */
  capacity: number;
}

/** A segment about to be written: its times, its encoding and how long that is before sealing. */
export interface Unwritten {
  startUs: number;
  clockTrusted: boolean;
  endUs: number;
  body: readonly Uint8Array[];
  bodyBytes: number;
}

/** The records of one ring in one file. One call at a time, but for `readBody`, which may run beside any other. */
export class RecordFile {
  private readonly options: RecordFileOptions;
  /** Bytes of the file that exist. */
  private allocated = 0;
  /** Where the next record goes: behind the newest. */
  private head = 0;
  private previous: RecordHeader['previous'] = null;
  private sequenceNext = 1;
  /** Whether something was written that is not known to be durable. */
  private unsynced = true;

  constructor(options: RecordFileOptions) {
    this.options = options;
  }

  get bytesMissing(): number {
    return this.options.capacity - this.allocated;
  }

  /** Headers in the file that authenticate and fit together. `retiredId`: a key whose records are known to be dead. */
  async scan(retiredId: string | null): Promise<Scan> {
    const { file, seal, capacity } = this.options;
    return scanRing(file, Math.min(await file.size(), capacity), seal, retiredId);
  }

  /**
   * Continues behind what `scan` found; returns the records to keep, oldest first. The others, `torn`, are those that a crash
   * tore: at most the newest record, or those it was about to overwrite. Only the bodies of these candidates are read, as far as
   * a write reaches that is twice as long as the longest in the file. (Damage beyond that is found when it is read.)
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
   * Writes one record behind the newest; it counts after `sync`. `release(from, to)` is called before anything that lies
   * between these positions is overwritten. `alone`, asked after that: whether nothing else is written before `sync`; then
   * the write itself is durable, one system call for both. Rejects with the operating system's error; nothing is added then, and
   * the next call writes to the same place under another sequence number.
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

  /** Makes everything written durable, and `written`, the record just written, part of the ring. */
  async sync(written?: RecordHeader): Promise<void> {
    if (this.unsynced) await this.options.file.sync();
    this.unsynced = false;
    if (written) this.advance(written);
  }

  /** Overwrites a header, and with it the only copy of its body's key. Durable with the next `sync`. */
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
   * The plain body of a record, in memory of its own; null when it is not, or no longer, the one of this header. The sealed
   * record passes through `scratch` if it fits.
   */
  async readBody(header: RecordHeader, scratch?: Uint8Array): Promise<Uint8Array | null> {
    const { file, seal } = this.options;
    const record = await file.read(header.position, seal.recordBytes(header), scratch);
    return seal.openBody(record, header.position, header.sequence);
  }

  async close(): Promise<void> {
    await this.options.file.close();
  }

  /** Marks the end of the file as unused, durably and before anything is written at its start: nothing stale shows up later. */
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
    // Counted before it is written: a number whose write failed is never used again.
    const sequence = this.sequenceNext++;
    const writtenUs = clock.synchronised() ? clock.wallUs() : null;
    const { head: position, previous } = this;
    // Named one by one: of an object that is spread, each copy has a shape of its own, three times as much memory for every second of a ring.
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

  /** Makes the file reach `end`, so that records only ever overwrite what exists. */
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
