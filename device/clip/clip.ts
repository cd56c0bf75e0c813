// Owns: what a finished clip is to the rest of the firmware. Not here: how it is cut (trim.ts) and checked (self-check.ts).
import type { Window } from '../protocol/claims.ts';
import type { CUT_METHODS } from '../protocol/manifest.ts';

/** What is known of a clip besides its bytes. */
export interface CutFacts {
  /** Bytes of the whole MP4 file. */
  sizeBytes: number;
  frames: number;
  /** Wall time of the first frame and where the last one's display ends, clamped to the window. */
  coverage: Window;
  /** Spans of the window without footage. */
  gaps: Window[];
  audioPackets: number;
  method: (typeof CUT_METHODS)[number];
  encodedFrames: number;
  redacted: boolean;
}

/** A clip cut exactly to its grant, still on the device. A long one never has to fit into memory: `parts` streams it. */
export interface Clip extends CutFacts {
  /** The file from its first byte to its last; read once, right after the cut, by the outbox that seals it. */
  parts(): AsyncIterable<Uint8Array>;
}

/** Random access to a finished clip's bytes, wherever they are kept. */
export interface ClipReader {
  sizeBytes: number;
  /** Exactly `length` bytes at `position`; they may lie in `into`, if that is given and as long. */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
}
