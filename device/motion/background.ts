// Owns: what the still scene looks like and which blocks of a picture differ from it: running average, exposure, noise, votes.
// Not here: which of these blocks count and when they are an event (blobs.ts, detector.ts). Arrays are reused for speed.
import { BLOCK_COLUMNS, BLOCK_PIXELS, BLOCK_ROWS, BLOCKS, PICTURE_HEIGHT, PICTURE_WIDTH } from './gray-picture-size.ts';

const PIXELS = PICTURE_WIDTH * PICTURE_HEIGHT;
/** Constants of this module for the loops over pixels: an imported binding is looked up each time where modules are not bundled. */
const WIDTH = PICTURE_WIDTH;
const SIDE = BLOCK_PIXELS;

/** How sharply a block is judged by day. By night, what a visitor changes is fainter, and so is what counts. */
export interface Votes {
  /** A pixel votes when it differs from the background by more gray levels than this. */
  levels: number;
  /** A block differs when this share of its pixels votes; of a small dark figure, fewer that are further off are as good. */
  share: number;
}

/** Time in which a quiet part of the scene follows the picture by 63 %. */
const FOLLOW_MS = 4_000;
/** How much slower far-off pixels follow in a block that is quiet as a whole. */
const OFF_STEP = 1 / 16;
/** A pixel that is far off counts as this many that are just off, or one lamp would be a visitor. */
const VOTE_MOST = 3;
/** A block that differs but stays as it is for this long is background: a parked car, a chair that was moved. */
const ABSORB_MS = 60_000;
/** A block stays as it is while no more than this share of its pixels votes against the picture before. */
const STILL_SHARE = 0.1;
/**
 * The first picture may show somebody who walks: a block is learnt anew until it has stayed as it is for this long. One that never
 * does (a fountain) is always compared with the picture before.
 */
const LEARN_STILL_MS = 1_500;

/** A scene with this mean brightness is as bright as day; in a darker one, fewer levels count, in proportion. */
const DAY_LEVEL = 96;
/** Of the levels by day, at least this share counts however dark it is. */
const DARK_SHARE_LEAST = 0.05;
/** A pixel's vote is not noise when it is so many times further off than pixels are on average: here, or anywhere. */
const NOISE_FACTOR = 4;
/** Differences of fewer levels are the encoder's, however dark it is. */
const LEVELS_LEAST = 4;
/** The picture before is as noisy as this one. */
const MOVED_NOISE_FACTOR = 4.5;
/** The mean distance of pixels that is assumed until it has been measured. */
const FIRST_NOISE = 4;
/** Time in which the noise of a block is known by 63 %; that of the picture moves by at most this share a picture. */
const BLOCK_NOISE_MS = 4_000;
const NOISE_SHARE_LEAST = 0.1;
/** Darker blocks say nothing about the exposure: their ratio is noise. */
const GAIN_LEVEL_LEAST = 4;
const GAIN_BLOCKS_LEAST = 8;
/** One block in this many is used for the exposure: sorting all of them costs a quarter of the whole. Does not divide a row's blocks. */
const GAIN_STEP = 7;
/** When so much of the picture differs at once, and little did before, the light changed: nobody covers a scene in one frame. */
const JUMP_SHARE = 0.5;
const BEFORE_JUMP_SHARE = 0.25;
/** A block whose pattern is still the scene's (correlation, squared) is only lit differently: sun, shadow, exposure. */
const SAME_PATTERN = 0.6 ** 2;
/** Light alone makes a block at most this much brighter or darker. */
const LIGHT_RATIO_MAX = 1.7;
/** A block with less variance than this (in gray levels squared; with little noise, than that times the noise squared) has no pattern to compare. */
const PATTERN_VARIANCE_LEAST = 4;
const PATTERN_NOISE_FACTOR = 3;
/** One with less than this times the noise squared is so flat that its pattern proves nothing: it is lit as its neighbours are. */
const FLAT_NOISE_FACTOR = 8;
/** The light of neighbours differs by at most this share. */
const SAME_LIGHT = 0.15;

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
  /** How strongly each block votes: 1 is just enough. */
  readonly strength = new Float32Array(BLOCKS);
  /** For how long each block has stayed as it is, from one picture to the next; a block that does not vote counts as staying. */
  readonly stillMs = new Float32Array(BLOCKS);
  /** How many blocks of the last picture were only lit differently. */
  lit = 0;
  /** The scene, and what it becomes: a block can be written more than once until the picture is done. */
  private scene = new Float32Array(PIXELS);
  private next = new Float32Array(PIXELS);
  /** For each block of the last picture: from how many gray levels on a pixel votes. */
  private readonly levels = new Float32Array(BLOCKS);
  /** What its pixels vote, brighter ones less darker ones. */
  private readonly votes = new Float32Array(BLOCKS);
  /** The sum of its pixels' distances, without what the whole block has in common. */
  private readonly distances = new Float32Array(BLOCKS);
  private readonly before = new Uint8Array(PIXELS);
  /** 1 for each block that is still learnt with each picture. */
  private readonly unlearnt = new Uint8Array(BLOCKS);
  private unlearntCount = 0;
  private readonly ratios = new Float32Array(BLOCKS);
  /** How many times brighter than the scene each block is that is only lit differently; else 0. */
  private readonly lights = new Float32Array(BLOCKS);
  private differing = 0;
  /** Mean brightness of the scene where nothing differs. */
  private brightness = 0;
  /** How far a pixel is from the scene on average where nothing differs: in each block, and in all of them. */
  private readonly noises = new Float32Array(BLOCKS);
  private noise = FIRST_NOISE;
  private comparisons = 0;

  /** True until most of the scene has been learnt: until then, what moves is seen, but not what stands there. */
  get isLearning(): boolean {
    return this.unlearntCount > BLOCKS / 2;
  }

  /** Takes a picture (PICTURE_WIDTH x PICTURE_HEIGHT gray bytes) as the scene, to be learnt anew where it moves. */
  learn(picture: Uint8Array): void {
    this.scene.set(picture);
    this.before.set(picture);
    this.stillMs.fill(0);
    this.differs.fill(0);
    this.differing = 0;
    this.lights.fill(0);
    this.lit = 0;
    this.unlearnt.fill(1);
    this.unlearntCount = BLOCKS;
  }

  /**
   * Compares a picture, `passedMs` after the last one, with the scene, marks the blocks that differ, and lets the scene
   * follow. Returns false when the light changed as a whole: then the scene has been learnt anew and nothing differs.
   */
  compare(picture: Uint8Array, passedMs: number, votes: Votes): boolean {
    const gain = this.exposureGain(picture);
    const light = Math.min(1, Math.max(DARK_SHARE_LEAST, this.brightness / DAY_LEVEL));
    const levelsLeast = Math.max(LEVELS_LEAST, votes.levels * light, NOISE_FACTOR * this.noise);
    const step = 1 - Math.exp(-passedMs / FOLLOW_MS);
    const noiseStep = 1 - Math.exp(-passedMs / BLOCK_NOISE_MS);
    const differedBefore = this.differing;
    this.differing = 0;
    this.lit = 0;
    let quietNoise = 0;
    let quietPixels = 0;
    this.follow(picture, gain, step, levelsLeast);
    for (let block = 0; block < BLOCKS; block += 1) {
      const pixels = SIZES[block] ?? 0;
      const ownNoise = this.noises[block] ?? 0;
      const levels = this.levels[block] ?? 0;
      const distance = this.distances[block] ?? 0;
      const strength = Math.abs(this.votes[block] ?? 0) / (votes.share * pixels * levels);
      this.strength[block] = strength;
      if (strength > 1) {
        this.judge(picture, gain, block, step, levels, passedMs);
      } else {
        this.noises[block] = ownNoise + noiseStep * (distance / pixels - ownNoise);
        quietNoise += distance;
        quietPixels += pixels;
        this.stillMs[block] = (this.stillMs[block] ?? 0) + passedMs;
        this.differs[block] = 0;
        this.lights[block] = 0;
      }
      if (this.unlearnt[block] === 1) this.learnBlock(picture, block);
    }
    this.comparisons += 1;
    const noiseShare = Math.max(NOISE_SHARE_LEAST, 1 / this.comparisons);
    if (quietPixels > 0) this.noise += noiseShare * (quietNoise / quietPixels - this.noise);
    this.before.set(picture);
    [this.scene, this.next] = [this.next, this.scene];
    if (this.differing > JUMP_SHARE * BLOCKS && differedBefore < BEFORE_JUMP_SHARE * BLOCKS) {
      this.learn(picture);
      return false;
    }
    return true;
  }

  /** Says of a block that votes whether it differs, is only lit differently, or has become background; into `next`, too. */
  private judge(
    picture: Uint8Array,
    gain: number,
    block: number,
    step: number,
    levels: number,
    passedMs: number,
  ): void {
    const isStill = this.movedIn(picture, block, levels) <= STILL_SHARE * (SIZES[block] ?? 0);
    const stillMs = isStill ? (this.stillMs[block] ?? 0) + passedMs : 0;
    this.stillMs[block] = stillMs;
    const light = this.lightOf(picture, block);
    this.lights[block] = light ?? 0;
    this.differs[block] = light === null ? 1 : 0;
    if (light !== null) {
      this.lit += 1;
      this.relight(gain + step * (light - gain), block);
      return;
    }
    this.differing += 1;
    if (stillMs >= ABSORB_MS) this.take(picture, block);
    else this.relight(gain, block);
  }

  /** Takes a block anew that is still being learnt; or has it learnt, once it has stayed as it is. */
  private learnBlock(picture: Uint8Array, block: number): void {
    if ((this.stillMs[block] ?? 0) < LEARN_STILL_MS) {
      this.take(picture, block);
      return;
    }
    this.unlearnt[block] = 0;
    this.unlearntCount -= 1;
  }

  /** How much brighter the picture is than the scene: the median over blocks that showed nothing new the last time. */
  private exposureGain(picture: Uint8Array): number {
    const { ratios, scene } = this;
    let count = 0;
    let compared = 0;
    let brightness = 0;
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
      const half = (SIZES[block] ?? 0) / 2;
      compared += 1;
      brightness += pictureSum / half;
      if (sceneSum > GAIN_LEVEL_LEAST * half) ratios[count++] = pictureSum / sceneSum;
    }
    if (compared > 0) this.brightness = brightness / compared;
    if (count < GAIN_BLOCKS_LEAST) return 1;
    return ratios.subarray(0, count).sort()[count >> 1] ?? 1;
  }

  /**
   * Adds up how far the pixels of each block are off that are more than its levels from `gain` times the scene: brighter ones against
   * darker ones, because who comes before a scene makes most of a block darker, or most of it brighter, while leaves and water that
   * move make it darker here and brighter there. In the same pass, since this is what each pixel of each picture costs, the scene
   * follows: it takes the picture's exposure, and moves by `step` (0 to 1) towards the picture; slowly where a pixel votes, or the
   * edge of a visitor who stands there would stay behind as a ghost.
   */
  private follow(picture: Uint8Array, gain: number, step: number, levelsLeast: number): void {
    const { scene, next } = this;
    const offStep = step * OFF_STEP;
    for (let block = 0; block < BLOCKS; block += 1) {
      const levels = Math.max(levelsLeast, NOISE_FACTOR * (this.noises[block] ?? 0));
      const voteMost = VOTE_MOST * levels;
      let vote = 0;
      let sum = 0;
      let distances = 0;
      for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
        for (let at = line; at < line + SIDE; at += 1) {
          const expected = gain * (scene[at] ?? 0);
          const difference = (picture[at] ?? 0) - expected;
          const isOff = Math.abs(difference) > levels;
          sum += difference;
          distances += Math.abs(difference);
          if (isOff) vote += Math.max(-voteMost, Math.min(difference, voteMost));
          next[at] = expected + (isOff ? offStep : step) * difference;
        }
      }
      this.levels[block] = levels;
      this.votes[block] = vote;
      this.distances[block] = distances - Math.abs(sum);
    }
  }

  /** Counts the pixels of a block that are more than half of `levels`, and more than noise, from the picture before. */
  private movedIn(picture: Uint8Array, block: number, levels: number): number {
    const { before } = this;
    // Whole gray levels differ by a whole number.
    const half = Math.floor(Math.max(levels / 2, MOVED_NOISE_FACTOR * this.noise));
    let moved = 0;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) {
        if (Math.abs((picture[at] ?? 0) - (before[at] ?? 0)) > half) moved += 1;
      }
    }
    return moved;
  }

  /**
   * How many times brighter a block is when it shows the scene's own pattern (normalised cross-correlation), or none, as the scene
   * does, and the light of a neighbour; else null.
   */
  private lightOf(picture: Uint8Array, block: number): number | null {
    const pixels = SIZES[block] ?? 0;
    const { scene } = this;
    let s = 0;
    let p = 0;
    let ss = 0;
    let pp = 0;
    let sp = 0;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) {
        const was = scene[at] ?? 0;
        const now = picture[at] ?? 0;
        s += was;
        p += now;
        ss += was * was;
        pp += now * now;
        sp += was * now;
      }
    }
    if (p > LIGHT_RATIO_MAX * s || s > LIGHT_RATIO_MAX * p) return null;
    const noise = this.noise ** 2;
    const least = Math.max(1, Math.min(PATTERN_VARIANCE_LEAST, PATTERN_NOISE_FACTOR * noise)) * pixels * pixels;
    const sceneVariance = pixels * ss - s * s;
    const pictureVariance = pixels * pp - p * p;
    const covariance = pixels * sp - s * p;
    const flat = Math.max(least, FLAT_NOISE_FACTOR * noise * pixels * pixels);
    if (sceneVariance < flat && pictureVariance < flat && this.isBesideLight(block, p / s)) return p / s;
    if (sceneVariance < least || pictureVariance < least || covariance <= 0) return null;
    return covariance * covariance > SAME_PATTERN * sceneVariance * pictureVariance ? p / s : null;
  }

  /** Whether a block that is `ratio` times brighter has a neighbour, in this picture or the last, on which about that light falls. */
  private isBesideLight(block: number, ratio: number): boolean {
    const row = Math.floor(block / BLOCK_COLUMNS);
    const column = block % BLOCK_COLUMNS;
    for (let y = Math.max(0, row - 1); y <= Math.min(BLOCK_ROWS - 1, row + 1); y += 1) {
      for (let x = Math.max(0, column - 1); x <= Math.min(BLOCK_COLUMNS - 1, column + 1); x += 1) {
        const light = this.lights[y * BLOCK_COLUMNS + x] ?? 0;
        if (light > 0 && Math.abs(ratio / light - 1) < SAME_LIGHT) return true;
      }
    }
    return false;
  }

  /** Makes a block of the picture one of the scene. */
  private take(picture: Uint8Array, block: number): void {
    const { next } = this;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) next[at] = picture[at] ?? 0;
    }
  }

  /** Gives a block of the scene another brightness and keeps its pattern: with the picture's own, a visitor could creep in. */
  private relight(gain: number, block: number): void {
    const { scene, next } = this;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) next[at] = gain * (scene[at] ?? 0);
    }
  }
}
