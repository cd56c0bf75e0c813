// Owns: what the still scene looks like and which blocks of a picture differ from it: running average, exposure, votes.
// Not here: which of these blocks count and when they are an event (blobs.ts, detector.ts). Arrays are reused for speed.
import { BLOCK_COLUMNS, BLOCK_PIXELS, BLOCKS, PICTURE_HEIGHT, PICTURE_WIDTH } from './gray-picture-size.ts';

const PIXELS = PICTURE_WIDTH * PICTURE_HEIGHT;
/** Constants of this module for the loops over pixels: an imported binding is looked up each time where modules are not bundled. */
const WIDTH = PICTURE_WIDTH;
const SIDE = BLOCK_PIXELS;

/** How sharply a block is judged. */
export interface Votes {
  /** A pixel votes when it differs from the background by more gray levels than this. */
  levels: number;
  /** A block differs when more than this share of its pixels votes. */
  share: number;
}

/** Time in which a quiet part of the scene follows the picture by 63 %. */
const FOLLOW_MS = 4_000;
/** How much slower far-off pixels follow in a block that is quiet as a whole. */
const OFF_STEP = 1 / 16;
/** A block that differs but stays as it is for this long is background: a parked car, a chair that was moved. */
const ABSORB_MS = 60_000;
/** A block stays as it is while no more than this share of its pixels votes against the picture before. */
const STILL_SHARE = 0.1;
/** Darker blocks say nothing about the exposure: their ratio is noise. */
const GAIN_LEVEL_LEAST = 16;
const GAIN_BLOCKS_LEAST = 8;
/** One block in this many is used for the exposure: sorting all of them costs a quarter of the whole. Does not divide a row's blocks. */
const GAIN_STEP = 3;
/** When so much of the picture differs at once, and little did before, the light changed: nobody covers a scene in one frame. */
const JUMP_SHARE = 0.5;
const BEFORE_JUMP_SHARE = 0.25;
/** A block whose pattern is still the scene's (correlation, squared) is only lit differently: sun, shadow, exposure. */
const SAME_PATTERN = 0.6 ** 2;
/** Light alone makes a block at most this much brighter or darker. */
const LIGHT_RATIO_MAX = 1.7;
/** A block with less variance than this (in gray levels squared) has no pattern to compare. */
const PATTERN_VARIANCE_LEAST = 4;

/** First pixel of each block. */
const STARTS = Uint16Array.from(
  { length: BLOCKS },
  (_, block) => Math.floor(block / BLOCK_COLUMNS) * SIDE * WIDTH + (block % BLOCK_COLUMNS) * SIDE,
);
/** Where the lines of each block end: the lowest row of blocks is cut short by the picture. */
const ENDS = STARTS.map((start) => Math.min(start + SIDE * WIDTH, PIXELS));
/** Pixels of each block. */
const SIZES = STARTS.map((start) => SIDE * Math.min(SIDE, PICTURE_HEIGHT - Math.floor(start / WIDTH)));

/** The learnt scene. */
export class Background {
  /** 1 for each block that differed in the last picture. */
  readonly differs = new Uint8Array(BLOCKS);
  /** For how long each block has stayed as it is, from one picture to the next; a block that does not vote counts as staying. */
  readonly stillMs = new Float32Array(BLOCKS);
  private scene = new Float32Array(PIXELS);
  /** What the scene becomes: a block can be written more than once until the picture is done. */
  private next = new Float32Array(PIXELS);
  private readonly before = new Uint8Array(PIXELS);
  private readonly ratios = new Float32Array(BLOCKS);
  private differing = 0;

  /** Takes a picture (PICTURE_WIDTH x PICTURE_HEIGHT gray bytes) as the still scene. */
  learn(picture: Uint8Array): void {
    this.scene.set(picture);
    this.before.set(picture);
    this.stillMs.fill(0);
    this.differs.fill(0);
    this.differing = 0;
  }

  /**
   * Compares a picture, `passedMs` after the last one, with the scene, marks the blocks that differ, and lets the scene
   * follow. Returns false when the light changed as a whole: then the scene has been learnt anew and nothing differs.
   */
  compare(picture: Uint8Array, passedMs: number, { levels, share }: Votes): boolean {
    const gain = this.exposureGain(picture);
    const step = 1 - Math.exp(-passedMs / FOLLOW_MS);
    const differedBefore = this.differing;
    this.differing = 0;
    for (let block = 0; block < BLOCKS; block += 1) {
      const pixels = SIZES[block] ?? 0;
      const votes = this.follow(picture, gain, block, step, levels) > share * pixels;
      const still = !votes || this.movedIn(picture, block, levels) <= STILL_SHARE * pixels;
      const stillMs = still ? (this.stillMs[block] ?? 0) + passedMs : 0;
      this.stillMs[block] = stillMs;
      let differs = false;
      if (votes) {
        const light = this.lightOf(picture, block);
        differs = light === null;
        if (light !== null) this.relight(gain + step * (light - gain), block);
        else if (stillMs >= ABSORB_MS) this.follow(picture, gain, block, 1, 255);
        else this.relight(gain, block);
      }
      this.differs[block] = differs ? 1 : 0;
      if (differs) this.differing += 1;
    }
    this.before.set(picture);
    [this.scene, this.next] = [this.next, this.scene];
    if (this.differing > JUMP_SHARE * BLOCKS && differedBefore < BEFORE_JUMP_SHARE * BLOCKS) {
      this.learn(picture);
      return false;
    }
    return true;
  }

  /** How much brighter the picture is than the scene: the median over blocks that showed nothing new the last time. */
  private exposureGain(picture: Uint8Array): number {
    const { scene, ratios } = this;
    let count = 0;
    for (let block = 0; block < BLOCKS; block += GAIN_STEP) {
      if (this.differs[block] === 1) continue;
      let sceneSum = 0;
      let pictureSum = 0;
      // Every other line is enough for a mean.
      for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += 2 * WIDTH) {
        for (let at = line; at < line + SIDE; at += 1) {
          sceneSum += scene[at] ?? 0;
          pictureSum += picture[at] ?? 0;
        }
      }
      if (sceneSum > (GAIN_LEVEL_LEAST * (SIZES[block] ?? 0)) / 2) ratios[count++] = pictureSum / sceneSum;
    }
    if (count < GAIN_BLOCKS_LEAST) return 1;
    return ratios.subarray(0, count).sort()[count >> 1] ?? 1;
  }

  /**
   * Counts the pixels of a block that are more than `levels` from `gain` times the scene. In the same pass, since this is what
   * each pixel of each picture costs, the block follows: it takes the picture's exposure, and moves by `step` (0 to 1) towards
   * the picture; slowly where a pixel is more than `levels` off, or the edge of a visitor who stands there would stay behind
   * as a ghost. All of it into `next`.
   */
  private follow(picture: Uint8Array, gain: number, block: number, step: number, levels: number): number {
    const { scene, next } = this;
    const offStep = step * OFF_STEP;
    let voted = 0;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) {
        const expected = gain * (scene[at] ?? 0);
        const difference = (picture[at] ?? 0) - expected;
        if (Math.abs(difference) > levels) {
          voted += 1;
          next[at] = expected + offStep * difference;
        } else {
          next[at] = expected + step * difference;
        }
      }
    }
    return voted;
  }

  /** Counts the pixels of a block that are more than half of `levels` from the picture before. */
  private movedIn(picture: Uint8Array, block: number, levels: number): number {
    const { before } = this;
    // Whole gray levels differ by a whole number.
    const half = Math.floor(levels / 2);
    let moved = 0;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) {
        if (Math.abs((picture[at] ?? 0) - (before[at] ?? 0)) > half) moved += 1;
      }
    }
    return moved;
  }

  /** How many times brighter a block is when it shows the scene's own pattern (normalised cross-correlation); else null. */
  private lightOf(picture: Uint8Array, block: number): number | null {
    const pixels = SIZES[block] ?? 0;
    let s = 0;
    let p = 0;
    let ss = 0;
    let pp = 0;
    let sp = 0;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) {
        const scene = this.scene[at] ?? 0;
        const now = picture[at] ?? 0;
        s += scene;
        p += now;
        ss += scene * scene;
        pp += now * now;
        sp += scene * now;
      }
    }
    if (p > LIGHT_RATIO_MAX * s || s > LIGHT_RATIO_MAX * p) return null;
    const least = PATTERN_VARIANCE_LEAST * pixels * pixels;
    const sceneVariance = pixels * ss - s * s;
    const pictureVariance = pixels * pp - p * p;
    const covariance = pixels * sp - s * p;
    if (sceneVariance < least || pictureVariance < least || covariance <= 0) return null;
    return covariance * covariance > SAME_PATTERN * sceneVariance * pictureVariance ? p / s : null;
  }

  /** Gives a block of the scene another brightness and keeps its pattern: with the picture's own, a visitor could creep in. */
  private relight(gain: number, block: number): void {
    const { scene, next } = this;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) next[at] = gain * (scene[at] ?? 0);
    }
  }
}
