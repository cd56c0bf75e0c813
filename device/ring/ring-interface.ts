// The interface of the ring, the encrypted ring buffer that stores recent footage on the device. ring-file.ts and ring-memory.ts implement
// it; the same tests run on both.

import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';

export interface RingStats {
  kind: 'file' | 'memory';
  bytes: number;
  bytesMax: number;
  segments: number;
  /** Records that failed to authenticate when read: torn, swapped, replayed or altered. They are never returned. */
  damaged: number;
}

/** Bounded, sealed storage of segments, oldest overwritten first. Times are wall time in integer microseconds. */
export interface Ring {
  /** Opens the stored records and rebuilds the index. Throws `ring_too_small`, `ring_full_disk`, `ring_key_lost`. */
  start(): Promise<void>;
  /** Stores one segment durably. Calls may overlap, and are done in order. Throws `ring_full_disk`, `ring_write_failed`. */
  append(segment: Segment): Promise<void>;
  /** Segments that touch the window, by start time; damaged ones are counted and left out. */
  read(window: Window): AsyncIterable<Segment>;
  /** Spans covered without a gap longer than `GAP_US`, oldest first. */
  coverage(): Window[];
  /**
   * Whether the wall time of any footage in the window is doubtful: it was recorded while the clock was not trusted
   * (`Segment.clockTrusted`), or two segments overlap by more than GAP_US because the clock was set back. Needs no reading of footage.
   */
  ambiguous(window: Window): boolean;
  /** Start and end of each segment that touches the window, by start time. */
  segmentTimes(window: Window): Window[];
  stats(): RingStats;
  /** Destroys segments that touch the window, or all; returns how many. Nobody can read them again. */
  forget(window?: Window): Promise<number>;
  /** Changes the retention; older footage is destroyed at once. May be called before the start. */
  keepFor(retentionS: number): void;
  /** Factory reset: destroys the key, so that no stored footage can be read, and starts empty under a new key. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Segments that are further apart than this have a gap between them, and so have frames of a clip. */
export { GAP_US } from '@doorsill/contract/clip-facts';
