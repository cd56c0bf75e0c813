// Owns: the bounded queue of finished segments between a capture and whoever stores them, one after the other.
// Not here: storing them (ring/). Memory never grows with a slow disk: a full queue waits or drops.
import { assert } from '@doorsill/contract/assert';
import type { Segment } from './segment.ts';

/** The line's sink and what it is told about. */
export interface SegmentQueueSinks {
  /** Stores one segment; the next is given when it has settled. */
  segment(segment: Segment): Promise<void>;
  /** Storing one failed; it is lost. */
  failed(thrown: unknown): void;
}

/** Segments waiting to be stored, bounded in bytes. */
export class SegmentQueue {
  private readonly sinks: SegmentQueueSinks;
  private readonly bytesMax: number;
  private readonly waiting: Segment[] = [];
  private bytes = 0;
  private draining = false;
  private readonly watchers = new Set<() => void>();

  constructor(sinks: SegmentQueueSinks, bytesMax: number) {
    this.sinks = sinks;
    this.bytesMax = bytesMax;
  }

  /** Adds a segment to the queue; false when there is no room and it was dropped. A single one always fits an empty queue. */
  offer(segment: Segment): boolean {
    if (!this.hasRoom(segment.fragment.length)) return false;
    this.waiting.push(segment);
    this.bytes += segment.fragment.length;
    if (!this.draining) void this.drain();
    return true;
  }

  /** Resolves when a fragment of this size fits, or when the signal is aborted. */
  async room(fragmentBytes: number, signal: AbortSignal): Promise<void> {
    while (!this.hasRoom(fragmentBytes) && !signal.aborted) await this.change(signal);
  }

  /** Resolves when nothing waits any more. */
  async empty(): Promise<void> {
    while (this.draining) await this.change();
  }

  private hasRoom(fragmentBytes: number): boolean {
    return this.bytes === 0 || this.bytes + fragmentBytes <= this.bytesMax;
  }

  private change(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.watchers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.watchers.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  private async drain(): Promise<void> {
    this.draining = true;
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      try {
        await this.sinks.segment(next);
      } catch (thrown) {
        this.sinks.failed(thrown);
      }
      const stored = this.waiting.shift();
      assert(stored === next, 'segments are stored in order');
      this.bytes -= next.fragment.length;
      this.wake();
    }
    this.draining = false;
    this.wake();
  }

  private wake(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}
