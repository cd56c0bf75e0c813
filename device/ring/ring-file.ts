// The ring in one file: which records are held, for how long, and how they are destroyed.
import { dirname } from 'node:path';
import type { Clock, Timer } from '@doorsill/base/clock';
import { type Disk, type DiskFile, isNoSpace, systemCode } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { generateSealKey, type SealCipher, type SealKey, sealedBytesOf } from '@doorsill/base/seal';
import { TaskQueue } from '@doorsill/base/task-queue';
import { failure, isFailure } from '@doorsill/contract/errors';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';
import { BLOCK_BYTES, type RecordHeader, RecordSeal, recordBlocks } from './record.ts';
import { RecordFile, type Unwritten } from './record-file.ts';
import { expiryTickMs, type IndexEntry, IndexedRing, writtenTimesMs } from './ring-index.ts';
import type { Ring, RingStats } from './ring-interface.ts';
import { RingKeyFile } from './ring-key.ts';
import { decodeSegment, encodeSegment } from './segment-codec.ts';
import { type KeyWrapper, WrappedFile } from './wrapped-key-files.ts';

/** Default for the largest sealed segment, 10 s of 13 Mbit/s; in a small ring, a quarter of the ring. */
const SEGMENT_BYTES_MAX_DEFAULT = 16_777_216;
const SEGMENTS_LEAST = 4;

/** A smaller ring cannot hold a useful second of video. */
const BYTES_LEAST = 65_536;

const SALT_BYTES = 16;

export interface RingFileOptions {
  disk: Disk;
  clock: Clock;
  random: Random;
  log: Log;
  /** The device key that the ring's own key is wrapped under. */
  wrapper: KeyWrapper;
  /** The ring's file, absolute; its key lies beside it as `<path>.key`. */
  path: string;
  /** Largest size of the file. */
  bytesMax: number;
  /** Footage older than this is destroyed. */
  retentionS: number;
  /** For a new key; an existing ring keeps its own. */
  cipher: SealCipher;
  /** Largest sealed segment; absent: 16 MiB, or a quarter of a small ring. */
  segmentBytesMax?: number;
  /** Whether the wall clock has not gone back since the device last knew it (ledger/high-water-marks.ts); absent: it has not. */
  clockTrusted?: () => boolean;
}

interface Entry extends IndexEntry {
  readonly header: RecordHeader;
}

/** README.md describes the file's layout and its guarantees. */
export class RingFile extends IndexedRing<Entry> implements Ring {
  private readonly options: RingFileOptions;
  private readonly capacity: number;
  private readonly segmentBytesMax: number;
  private readonly queue: TaskQueue;
  private readonly keyFile: RingKeyFile;
  /** Records no longer held whose headers still have to be overwritten. */
  private readonly doomed = new Map<number, RecordHeader>();
  /** Entries of earlier boots, whose age is unknown until the clock can be trusted; oldest written first. */
  private unsettled: Entry[] = [];
  private steady: SteadyClock;
  private records: RecordFile | null = null;
  private running = false;
  private keyLost = false;
  private damaged = 0;
  private ticker: Timer | null = null;
  private sweeping = false;
  private retentionS: number;

  constructor(options: RingFileOptions) {
    super();
    this.options = options;
    this.retentionS = options.retentionS;
    this.steady = this.steadyClock();
    this.capacity = Math.floor(options.bytesMax / BLOCK_BYTES) * BLOCK_BYTES;
    const quarter = Math.floor(this.capacity / SEGMENTS_LEAST);
    this.segmentBytesMax = options.segmentBytesMax ?? Math.min(SEGMENT_BYTES_MAX_DEFAULT, quarter);
    this.queue = new TaskQueue(2 * this.segmentBytesMax);
    const { disk, wrapper, path, random } = options;
    this.keyFile = new RingKeyFile(new WrappedFile(disk, wrapper, `${path}.key`, 'ring'), random);
  }

  /**
   * Throws `ring_too_small`; `ring_key_lost`, after which only `reset` or a start with the right key helps; and `ring_full_disk` or
   * `ring_write_failed`, after which the ring runs all the same: opened records can be read, and each append tries again.
   */
  async start(): Promise<void> {
    const leastBytes = Math.max(BYTES_LEAST, 2 * bytesOfRecord(this.segmentBytesMax - sealedBytesOf(0)));
    if (this.capacity < leastBytes) {
      const what = `two segments of ${this.segmentBytesMax} bytes`;
      throw failure('ring_too_small', { bytes: this.options.bytesMax, what, leastBytes });
    }
    this.running = true;
    this.keyLost = false;
    this.steady = this.steadyClock();
    await this.inTurn(async () => {
      const records = await this.open();
      const freeBytes = await this.options.disk.freeBytes(dirname(this.options.path));
      if (freeBytes < records.bytesMissing) throw failure('ring_full_disk', { path: this.options.path });
    });
  }

  /** Also throws `ring_too_small` for a segment over the limit, and `ring_key_lost` like `start`. */
  async append(segment: Segment): Promise<void> {
    const body = encodeSegment(segment);
    if (!body) throw this.writeFailed('the segment breaks a limit of the format');
    const bodyBytes = body.reduce((sum, part) => sum + part.length, 0);
    const sealedBytes = sealedBytesOf(bodyBytes);
    if (sealedBytes > this.segmentBytesMax) {
      const what = `a segment of ${sealedBytes} bytes`;
      const leastBytes = 2 * bytesOfRecord(bodyBytes);
      throw failure('ring_too_small', { bytes: this.options.bytesMax, what, leastBytes });
    }
    if (!this.running) throw this.writeFailed('the ring is stopped');
    if (!this.queue.hasRoom(bodyBytes)) throw this.writeFailed('the disk is too slow');
    const { startUs, endUs, clockTrusted } = segment;
    await this.inTurn(() => this.store({ startUs, endUs, clockTrusted, body, bodyBytes }), bodyBytes);
  }

  async *read(window: Window): AsyncIterable<Segment> {
    this.expire();
    const entries = this.index.touching(window);
    const blocks = entries.reduce((most, { header }) => Math.max(most, header.blocks), 0);
    const scratch = new Uint8Array(blocks * BLOCK_BYTES);
    for (const entry of entries) {
      const segment = await this.load(entry, scratch);
      // If it was forgotten or overwritten while it was read, it must not be returned, even if its bytes are intact.
      if (segment && this.index.has(entry)) yield segment;
    }
  }

  stats(): RingStats {
    const { count: segments, bytes } = this.index;
    return { kind: 'file', bytes, bytesMax: this.capacity, segments, damaged: this.damaged };
  }

  /**
   * Destroys segments for good. For a window: first notes their numbers durably in the key file, so that no crash can bring one back;
   * then overwrites each header, with the only copy of the body's key. For all: destroys the ring's key. Throws `ring_full_disk`,
   * `ring_write_failed`: then it must be called again.
   */
  async forget(window?: Window): Promise<number> {
    return this.inTurn(async () => {
      const records = await this.open();
      const entries = window ? this.index.touching(window) : this.index.all();
      if (!window) {
        await this.renew();
      } else if (entries.length > 0) {
        await this.keyFile.forget(this.index.runsOf(new Set(entries)), this.index.oldest()?.sequence ?? 0);
        for (const entry of entries) this.drop(entry);
        await this.eraseDoomed(records);
        await records.sync();
      }
      return entries.length;
    });
  }

  keepFor(retentionS: number): void {
    this.retentionS = retentionS;
    if (!this.running) return;
    // Not through `sweepInTurn`: a sweep that is already running may have used the former time.
    this.inTurn(() => this.sweep()).catch((thrown: unknown) => this.warnOfSweep(thrown));
    if (this.ticker) this.tick();
  }

  /** Also after `ring_key_lost`: then it starts the ring, too. */
  async reset(): Promise<void> {
    this.running = true;
    await this.inTurn(() => this.renew());
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.queue.run(async () => {
      this.ticker?.cancel();
      this.ticker = null;
      // If this fails, the next start destroys the rest: it is noted in the key file, or still too old then.
      await this.sweep().catch((thrown: unknown) => this.warnOfSweep(thrown));
      this.index.clear();
      this.doomed.clear();
      this.unsettled = [];
      this.keyFile.unload();
      await this.close();
    });
  }

  /** Opens key and file and rebuilds the index, unless they are open. */
  private async open(): Promise<RecordFile> {
    if (this.records) return this.records;
    const { disk, random, path, cipher } = this.options;
    if (!this.running) throw this.writeFailed('the ring is stopped');
    if (this.keyLost) throw failure('ring_key_lost', { path });
    await disk.makeFolder(dirname(path));
    const stored = await this.keyFile.load();
    const file = await disk.open(path, { create: true });
    try {
      // Without a key, scanning with a random one opens no record, but shows whether there are any.
      let records = this.recordFile(file, stored ?? generateSealKey(random, cipher));
      const scan = await records.scan(this.keyFile.retiredId);
      this.keyLost = scan.records.length === 0 && scan.foreign > 0;
      if (this.keyLost) throw failure('ring_key_lost', { path });
      if (!stored) records = this.recordFile(file, await this.keyFile.renew(cipher));
      const resumed = await records.resume(scan);
      this.takeOver(resumed.records);
      for (const header of resumed.torn) this.doomed.set(header.sequence, header);
      await this.eraseDoomed(records);
      await records.sync();
      this.damaged += scan.damaged + resumed.torn.length;
      this.records = records;
    } catch (thrown) {
      this.index.clear();
      this.doomed.clear();
      await file.close();
      throw thrown;
    }
    this.options.log.info('the stored footage is opened', { segments: this.index.count, damaged: this.damaged });
    this.tick();
    return this.records;
  }

  private recordFile(file: DiskFile, key: SealKey): RecordFile {
    const { clock, random } = this.options;
    const seal = new RecordSeal(key, random.bytes(SALT_BYTES));
    return new RecordFile({ file, seal, clock, random, capacity: this.capacity });
  }

  /** Indexes the records found, except those that were to be forgotten or are too old. */
  private takeOver(records: readonly RecordHeader[]): void {
    const nowMs = this.options.clock.monotonicMs();
    for (const header of records.filter(({ kind }) => kind === 'live')) {
      if (this.keyFile.wasForgotten(header.sequence)) this.doomed.set(header.sequence, header);
      else this.index.add(entryOf(header, nowMs));
    }
    this.unsettled = this.index.all();
    this.expire();
  }

  private async store(what: Unwritten): Promise<void> {
    const records = await this.open();
    this.expire();
    const release = (from: number, to: number) => this.release(from, to);
    const header = await records.write(what, release, () => this.doomed.size === 0);
    await this.eraseDoomed(records);
    await records.sync(header);
    this.index.add(entryOf(header, this.options.clock.monotonicMs()));
  }

  /** Drops every record that starts in [from, to): the oldest ones, which are about to be overwritten. */
  private release(from: number, to: number): void {
    const inside = (header: RecordHeader) => header.position >= from && header.position < to;
    for (let oldest = this.index.oldest(); oldest && inside(oldest.header); oldest = this.index.oldest()) {
      this.index.remove(oldest);
    }
    for (const header of this.doomed.values()) {
      if (inside(header)) this.doomed.delete(header.sequence);
    }
  }

  /** Removes an entry from the index at once; the next `eraseDoomed` overwrites its header. */
  private drop(entry: Entry): void {
    this.index.remove(entry);
    this.doomed.set(entry.sequence, entry.header);
  }

  private async eraseDoomed(records: RecordFile): Promise<void> {
    for (const [sequence, header] of this.doomed) {
      await records.erase(header);
      this.doomed.delete(sequence);
    }
  }

  private steadyClock(): SteadyClock {
    const { clock, clockTrusted = () => true } = this.options;
    return new SteadyClock(clock, clockTrusted);
  }

  /** The age of this boot's footage is measured by the monotonic clock; older footage is at least as old as the boot. */
  protected expire(): void {
    const { clock } = this.options;
    const nowMs = clock.monotonicMs();
    if (this.unsettled.length > 0 && this.steady.isSteady()) {
      const written = this.unsettled.map((entry) => entry.header.writtenUs);
      const times = writtenTimesMs(written, clock.wallUs(), nowMs);
      for (const [at, entry] of this.unsettled.entries()) entry.writtenMs = times[at] ?? entry.writtenMs;
      this.unsettled = [];
    }
    for (const entry of this.index.olderThan(this.retentionS * 1000, nowMs)) this.drop(entry);
  }

  private async load(entry: Entry, scratch: Uint8Array): Promise<Segment | null> {
    const records = this.records;
    if (!records || !this.index.has(entry)) return null;
    let body: Uint8Array | null;
    try {
      body = await records.readBody(entry.header, scratch);
    } catch (thrown) {
      // A disk error may be temporary: the record stays, so that it can be read later, or forgotten.
      if (this.records === records)
        this.options.log.warn(
          'a piece of stored footage could not be read; it is kept and tried again when needed (check the disk)',
          { detail: String(thrown) },
        );
      return null;
    }
    const segment = body && decodeSegment(body);
    if (!segment && this.records === records && this.index.has(entry)) {
      this.damaged += 1;
      this.drop(entry);
      this.options.log.warn(
        'a piece of stored footage is damaged and has been dropped (if it happens again: check the disk)',
        { sequence: entry.sequence },
      );
    }
    return segment;
  }

  /** Starts empty under a new key, which is durable before anything else changes, so that a crash at any point loses nothing more. */
  private async renew(): Promise<void> {
    const { disk, path, cipher } = this.options;
    await disk.makeFolder(dirname(path));
    if (!this.records) await this.keyFile.load();
    const key = await this.keyFile.renew(cipher);
    this.index.clear();
    this.doomed.clear();
    this.unsettled = [];
    await this.close();
    const file = await disk.open(path, { create: true });
    try {
      await file.truncate(0);
      await file.sync();
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    this.records = this.recordFile(file, key);
    this.keyLost = false;
    this.tick();
  }

  private async close(): Promise<void> {
    const records = this.records;
    this.records = null;
    await records?.close();
  }

  /** Destroys footage that has become too old although nothing is written; schedules itself again. */
  private tick(): void {
    this.ticker?.cancel();
    this.ticker = this.options.clock.after(expiryTickMs(this.retentionS), () => {
      this.tick();
      void this.sweepInTurn();
    });
  }

  private async sweepInTurn(): Promise<void> {
    if (this.sweeping) return;
    this.sweeping = true;
    await this.inTurn(() => this.sweep()).catch((thrown: unknown) => this.warnOfSweep(thrown));
    this.sweeping = false;
  }

  private async sweep(): Promise<void> {
    const { records } = this;
    this.expire();
    if (!records || this.doomed.size === 0) return;
    await this.eraseDoomed(records);
    await records.sync();
  }

  private warnOfSweep(thrown: unknown): void {
    this.options.log.warn('footage that is too old could not be destroyed yet; it is tried again (check the disk)', {
      detail: String(thrown),
    });
  }

  /** Runs a task after all earlier ones; turns an error of the operating system into a failure of the ring. */
  private async inTurn<Result>(task: () => Promise<Result>, weight = 0): Promise<Result> {
    try {
      return await this.queue.run(task, weight);
    } catch (thrown) {
      const code = systemCode(thrown);
      // An error without a code of the operating system is a bug.
      if (isFailure(thrown) || code === null) throw thrown;
      if (isNoSpace(thrown)) throw failure('ring_full_disk', { path: this.options.path }, thrown);
      throw this.writeFailed(code, thrown);
    }
  }

  private writeFailed(detail: string, cause?: unknown): Error {
    return failure('ring_write_failed', { path: this.options.path, detail }, cause);
  }
}

function bytesOfRecord(bodyBytes: number): number {
  return recordBlocks(bodyBytes) * BLOCK_BYTES;
}

function entryOf(header: RecordHeader, writtenMs: number): Entry {
  const { sequence, startUs, endUs, clockTrusted, blocks } = header;
  return { sequence, startUs, endUs, clockTrusted, bytes: blocks * BLOCK_BYTES, header, writtenMs };
}

/** Network time sets a clock within minutes after a boot. */
const STEADY_MS = 3_600_000;

/** If the two clocks diverge by more between two checks, the wall clock was set. */
const STEP_US_MAX = 1_000_000;

/**
 * Whether the wall clock can be trusted to measure how long the device was off: it must have kept step with the monotonic clock for an
 * hour, in which network time would have corrected it. Compares the clocks at each call of `isSteady`.
 */
class SteadyClock {
  private readonly clock: Clock;
  private readonly isTrusted: () => boolean;
  private sinceMs: number;
  private offsetUs: number;

  /** `isTrusted`: whether the wall clock passes all other checks. */
  constructor(clock: Clock, isTrusted: () => boolean) {
    this.clock = clock;
    this.isTrusted = isTrusted;
    this.sinceMs = clock.monotonicMs();
    this.offsetUs = offsetOf(clock);
  }

  /** Whether the wall clock has been synchronised, trusted and not set for an hour, as seen by the calls of this method. */
  isSteady(): boolean {
    const { clock } = this;
    const offsetUs = offsetOf(clock);
    const isStepped = Math.abs(offsetUs - this.offsetUs) > STEP_US_MAX;
    this.offsetUs = offsetUs;
    if (isStepped || !clock.synchronised() || !this.isTrusted()) this.sinceMs = clock.monotonicMs();
    return clock.monotonicMs() - this.sinceMs >= STEADY_MS;
  }
}

function offsetOf(clock: Clock): number {
  return clock.wallUs() - clock.monotonicMs() * 1_000;
}
