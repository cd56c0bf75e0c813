// Types of a finished clip.
import type { CutMethod } from '@doorsill/contract/manifest';
import type { Window } from '@doorsill/contract/shared-claims';

/** Facts about a clip besides its bytes. */
export interface CutFacts {
  /** Bytes of the whole MP4 file. */
  sizeBytes: number;
  frames: number;
  /** Wall time from the first frame to the end of the last one's display, clamped to the window. */
  coverage: Window;
  /** Spans of the window without footage. */
  gaps: Window[];
  audioPackets: number;
  method: CutMethod;
  encodedFrames: number;
  redacted: boolean;
}

/** A clip cut exactly to its grant, still on the device. `parts` streams it, so a long clip need not fit into memory. */
export interface Clip extends CutFacts {
  /** The file's bytes; read once, right after the cut, by the outbox that seals it. */
  parts(): AsyncIterable<Uint8Array>;
}

/** Random access to a finished clip's bytes. */
export interface ClipReader {
  sizeBytes: number;
  /** Exactly `length` bytes at `position`; the result may use `into` as its buffer if `into` has that length. */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
}
