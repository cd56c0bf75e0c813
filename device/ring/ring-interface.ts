// Owns: what a ring is to the rest of the firmware. Two kinds keep it: ring-file.ts and ring-memory.ts; one contract suite
// runs on both. Not here: what a segment holds (camera/segment.ts).

import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';

/** How full and how healthy a ring is. */
export interface RingStats {
  kind: 'file' | 'memory';
  bytes: number;
  bytesMax: number;
  segments: number;
  /** Records that did not authenticate when they were read back: torn, swapped, replayed or altered. Skipped, never returned. */
  damaged: number;
}

/** Bounded, sealed storage of segments, oldest overwritten first. Times are wall time in integer microseconds. */
export interface Ring {
  /** Opens what is there and rebuilds the index. Throws `ring_too_small`, `ring_full_disk`, `ring_key_lost`. */
  start(): Promise<void>;
  /** Stores one segment durably. Calls may overlap; they are stored in the order called. Throws `ring_full_disk`, `ring_write_failed`. */
  append(segment: Segment): Promise<void>;
  /** Segments that touch the window, by start time; damaged ones are counted and left out. */
  read(window: Window): AsyncIterable<Segment>;
  /** Spans covered without a gap longer than `GAP_US`, oldest first. */
  coverage(): Window[];
  /**
   * Whether the wall time of any footage in the window is doubtful: recorded while the clock was not trusted
   * (`Segment.clockTrusted`), or two segments claim the same time (overlap of more than GAP_US: the clock was set back).
   * Known from the index alone, also after a restart.
   */
  ambiguous(window: Window): boolean;
  /** Start and end of each segment that touches the window, by start time. */
  segmentTimes(window: Window): Window[];
  stats(): RingStats;
  /** Destroys segments that touch the window, or all of them; returns how many. They cannot be read again by anyone. */
  forget(window?: Window): Promise<number>;
  /** Keeps footage this long from now on: what is older is destroyed at once. May be called before the start. */
  keepFor(retentionS: number): void;
  /** Factory reset: destroys the key, so that nothing ever written can be read, and starts empty under a new one. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Two segments further apart than this have a gap between them, as two frames of a clip have. */
export { GAP_US } from '@doorsill/contract/clip-facts';
