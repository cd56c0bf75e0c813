// Owns: the type of a finished clip that the rest of the firmware uses. Not here: how it is cut (trim.ts) and checked (self-check.ts).

import type { CutMethod } from '@doorsill/contract/manifest';
import type { Window } from '@doorsill/contract/shared-claims';

/** Facts about a clip besides its bytes. */
export interface CutFacts {
  /** Bytes of the whole MP4 file. */
  sizeBytes: number;
  frames: number;
  /** Wall time of the first frame and of the end of the last one's display, clamped to the window. */
  coverage: Window;
  /** Spans of the window without footage. */
  gaps: Window[];
  audioPackets: number;
  method: CutMethod;
  encodedFrames: number;
  redacted: boolean;
}

/** A clip cut exactly to its grant, still on the device. A long clip need not fit into memory: `parts` streams it. */
export interface Clip extends CutFacts {
  /** The file from its first byte to its last; read once, right after the cut, by the outbox that seals it. */
  parts(): AsyncIterable<Uint8Array>;
}

/** Random access to a finished clip's bytes, wherever they are stored. */
export interface ClipReader {
  sizeBytes: number;
  /** Exactly `length` bytes at `position`; the result may use `into` as its buffer, if given and of that length. */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
}
