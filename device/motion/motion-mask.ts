// Shows owners, picture by picture, which blocks the detector takes for motion. It learns a scene of its own while somebody watches; the
// detector of events is not affected.

import { initialMotion, nextMotion } from './detector.ts';
import { BLOCKS } from './gray-picture-size.ts';

export interface MaskPicture {
  /** True for the first pictures, in which no block counts. */
  isLearning: boolean;
  /** A bit for each block, row by row, the first in the highest bit; 1: differs. */
  bits: Uint8Array;
}

export class MotionMask {
  private state: ReturnType<typeof initialMotion>;

  constructor(sensitivity: number) {
    this.state = initialMotion({ sensitivity, zones: [] });
  }

  /** Takes the next picture; `atUs` is wall time. */
  see({ pixels, atUs }: { pixels: Uint8Array; atUs: number }): MaskPicture {
    this.state = nextMotion(this.state, { type: 'frame', pixels, atUs }).state;
    const { isLearning, differs: blocks } = this.state.background;
    const bits = new Uint8Array(Math.ceil(BLOCKS / 8));
    if (isLearning) return { isLearning, bits };
    for (const [block, differs] of blocks.entries()) {
      if (differs === 1) bits[block >> 3] = (bits[block >> 3] ?? 0) | (0x80 >> (block & 7));
    }
    return { isLearning, bits };
  }
}
