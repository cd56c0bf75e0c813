// Owns: which blocks of the picture the detector takes for motion, picture by picture, for people who set it up. Its own scene is learnt
// while somebody watches; the detector that makes events is not touched. Not here: showing it (console/).

import { initialMotion, nextMotion } from './detector.ts';
import { BLOCKS } from './gray-picture-size.ts';

export interface MaskPicture {
  /** The first pictures only teach: nothing counts yet. */
  isLearning: boolean;
  /** A bit for each block, row by row, the first in the highest bit; 1 where something moves. */
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
