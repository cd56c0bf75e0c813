// Bounded queue between a capture and the ring, so that a slow disk never fills the memory. When it is full, the capture
// waits (`room`) or loses the segment (`offer`).
import { assert } from '@doorsill/contract/assert';
import type { Segment } from './segment.ts';

export interface SegmentQueueSinks {
  /** Stores one segment; called again when the promise has settled. */
  segment(segment: Segment): Promise<void>;
  /** Storing a segment failed; it is lost. */
  failed(thrown: unknown): void;
}

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

  /** Adds a segment; returns false if there is no room and it was dropped. An empty queue takes a segment of any size. */
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

  /** Resolves when all segments have been stored or have failed. */
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
