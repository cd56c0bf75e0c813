// The ring in memory, for cards that must not wear out and devices that must keep nothing across a restart.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Random } from '@doorsill/base/random';
import {
  generateSealKey,
  openWithNonce,
  SEAL_NONCE_BYTES,
  type SealCipher,
  type SealKey,
  sealedBytesOf,
  sealTo,
  wipeSealKey,
} from '@doorsill/base/seal';
import { failure } from '@doorsill/contract/errors';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';
import { type PagedBytes, RingPages } from './ring-buffers.ts';
import { expiryTickMs, type IndexEntry, IndexedRing } from './ring-index.ts';
import type { Ring, RingStats } from './ring-interface.ts';
import { decodeSegment, encodeSegment } from './segment-codec.ts';

export interface RingMemoryOptions {
  clock: Clock;
  random: Random;
  /** Sealed bytes held at most. */
  bytesMax: number;
  /** Footage older than this is destroyed. */
  retentionS: number;
  cipher: SealCipher;
}

/** A smaller ring cannot hold a useful second of video. */
const BYTES_LEAST = 65_536;

/** The nonce is fixed because each segment has a key of its own, used once; destroying the key destroys the segment. */
const NONCE = new Uint8Array(SEAL_NONCE_BYTES);
const NOTHING = new Uint8Array(0);

interface Entry extends IndexEntry {
  readonly key: SealKey;
  readonly sealed: PagedBytes;
}

/** Segments are sealed, so that a memory image does not show forgotten ones. */
export class RingMemory extends IndexedRing<Entry> implements Ring {
  private readonly options: RingMemoryOptions;
  private readonly pages = new RingPages();
  private sequence = 0;
  private damaged = 0;
  private running = false;
  private ticker: Timer | null = null;
  private retentionS: number;

  constructor(options: RingMemoryOptions) {
    super();
    this.options = options;
    this.retentionS = options.retentionS;
  }

  /** Throws `ring_too_small`. */
  async start(): Promise<void> {
    const { bytesMax: bytes } = this.options;
    if (bytes < BYTES_LEAST) {
      throw failure('ring_too_small', { bytes, what: 'a second of video', leastBytes: BYTES_LEAST });
    }
    this.running = true;
    this.tick();
  }

  /** Throws `ring_too_small` for a segment that takes more than half of the ring, `ring_write_failed` when stopped. */
  async append(segment: Segment): Promise<void> {
    const body = encodeSegment(segment);
    if (!body) throw writeFailed('the segment breaks a limit of the format');
    if (!this.running) throw writeFailed('the ring is stopped');
    const { random, cipher, bytesMax, clock } = this.options;
    const bytes = sealedBytesOf(body.reduce((sum, part) => sum + part.length, 0));
    if (2 * bytes > bytesMax) {
      throw failure('ring_too_small', { bytes: bytesMax, what: `a segment of ${bytes} bytes`, leastBytes: 2 * bytes });
    }
    this.expire();
    while (this.index.bytes + bytes > bytesMax) {
      const oldest = this.index.oldest();
      if (!oldest) break;
      this.destroy(oldest);
    }
    const key = generateSealKey(random, cipher);
    const sealed = this.pages.keep(bytes, (write) => sealTo(key, NONCE, body, NOTHING, write));
    const { startUs, endUs, clockTrusted } = segment;
    this.sequence += 1;
    this.index.add({
      sequence: this.sequence,
      startUs,
      endUs,
      clockTrusted,
      bytes,
      key,
      sealed,
      writtenMs: clock.monotonicMs(),
    });
  }

  async *read(window: Window): AsyncIterable<Segment> {
    this.expire();
    for (const entry of this.index.touching(window)) {
      if (!this.index.has(entry)) continue;
      const body = openWithNonce(entry.key, NONCE, this.pages.copy(entry.sealed), NOTHING);
      const segment = body && decodeSegment(body);
      if (segment) {
        yield segment;
      } else {
        this.damaged += 1;
        this.destroy(entry);
      }
    }
  }

  stats(): RingStats {
    const { count: segments, bytes } = this.index;
    return { kind: 'memory', bytes, bytesMax: this.options.bytesMax, segments, damaged: this.damaged };
  }

  async forget(window?: Window): Promise<number> {
    const entries = window ? this.index.touching(window) : this.index.all();
    for (const entry of entries) this.destroy(entry);
    return entries.length;
  }

  async reset(): Promise<void> {
    await this.forget();
  }

  async stop(): Promise<void> {
    this.running = false;
    this.ticker?.cancel();
    this.ticker = null;
    await this.forget();
    this.pages.clear();
  }

  keepFor(retentionS: number): void {
    this.retentionS = retentionS;
    if (!this.running) return;
    this.ticker?.cancel();
    this.expire();
    this.tick();
  }

  private destroy(entry: Entry): void {
    this.index.remove(entry);
    wipeSealKey(entry.key);
    this.pages.release(entry.sealed);
  }

  protected expire(): void {
    const nowMs = this.options.clock.monotonicMs();
    for (const entry of this.index.olderThan(this.retentionS * 1000, nowMs)) this.destroy(entry);
  }

  private tick(): void {
    this.ticker = this.options.clock.after(expiryTickMs(this.retentionS), () => {
      this.expire();
      this.tick();
    });
  }
}

function writeFailed(detail: string): Error {
  return failure('ring_write_failed', { path: 'memory', detail });
}
