// Learns the still scene and finds the blocks of a picture that differ from it. The scene is a running average of pictures. The pixels
// of a block vote whether it differs; changes of exposure and noise do not count. Arrays are reused for speed.
import { BLOCK_COLUMNS, BLOCK_PIXELS, BLOCK_ROWS, BLOCKS, PICTURE_HEIGHT, PICTURE_WIDTH } from './gray-picture-size.ts';

const PIXELS = PICTURE_WIDTH * PICTURE_HEIGHT;
/** Local copies for the loops over pixels: without bundling, an imported binding is looked up at each access. */
const WIDTH = PICTURE_WIDTH;
const SIDE = BLOCK_PIXELS;

/** Thresholds by day. By night a visitor changes fewer gray levels, and the thresholds are lower. */
export interface Votes {
  /** A pixel votes when it differs from the background by more gray levels than this. */
  levels: number;
  /** A block differs when this share of its pixels votes; fewer pixels suffice if they differ more, as in a small dark figure. */
  share: number;
}

/** Time in which a quiet part of the scene follows the picture by 63 %. */
const FOLLOW_MS = 4_000;
/** In a quiet block the scene follows voting pixels more slowly, by this factor. */
const OFF_STEP = 1 / 16;
/** A pixel's vote is capped at this many threshold votes, or a single lamp would count as a visitor. */
const VOTE_MOST = 3;
/** A block that differs but does not change for this long becomes background: a parked car, a chair that was moved. */
const ABSORB_MS = 60_000;
/** A block counts as unchanged while at most this share of its pixels differs from the picture before. */
const STILL_SHARE = 0.1;
/**
 * The first picture may show somebody walking, so a block is learnt again until it has not changed for this long. A block that always
 * changes (a fountain) is always compared with the picture before.
 */
const LEARN_STILL_MS = 1_500;

/** Mean brightness of a scene by day; in a darker scene the threshold in levels is lower, in proportion. */
const DAY_LEVEL = 96;
/** Least share of the daylight threshold, however dark it is. */
const DARK_SHARE_LEAST = 0.05;
/** The threshold is at least this multiple of the noise, which is the average distance of pixels from the scene. */
const NOISE_FACTOR = 4;
/** Least threshold: smaller differences come from the encoder. */
const LEVELS_LEAST = 4;
/** As NOISE_FACTOR, for the difference of two pictures: both are noisy, while the scene is not. */
const MOVED_NOISE_FACTOR = 4.5;
/** The noise that is assumed until it is measured. */
const FIRST_NOISE = 4;
/** Time in which the measured noise of a block follows by 63 %. */
const BLOCK_NOISE_MS = 4_000;
/** Weight of each new picture in the measured noise of the whole picture; the first pictures weigh more. */
const NOISE_SHARE_LEAST = 0.1;
/** Darker blocks are not used for the exposure: their ratio is noise. */
const GAIN_LEVEL_LEAST = 4;
const GAIN_BLOCKS_LEAST = 8;
/** One block in this many is used for the exposure: sorting all costs a quarter of the total time. Must not divide the blocks of a row. */
const GAIN_STEP = 7;
/** If this share of blocks differs at once, and few did before, the light changed: nobody covers a scene within one frame. */
const JUMP_SHARE = 0.5;
const BEFORE_JUMP_SHARE = 0.25;
/** A block that correlates this well with the scene (squared) is only lit differently: sun, shadow, exposure. */
const SAME_PATTERN = 0.6 ** 2;
/** Largest change of brightness by light alone. */
const LIGHT_RATIO_MAX = 1.7;
/** Least variance of a block with a pattern, in gray levels squared; or PATTERN_NOISE_FACTOR times the noise squared, if that is less. */
const PATTERN_VARIANCE_LEAST = 4;
const PATTERN_NOISE_FACTOR = 3;
/** A block with less variance than this times the noise squared is flat: it counts as lit differently if a neighbour is. */
const FLAT_NOISE_FACTOR = 8;
/** Largest difference of the light of neighbours, as a share. */
const SAME_LIGHT = 0.15;

/** First pixel of each block. */
const STARTS = Uint16Array.from(
  { length: BLOCKS },
  (_, block) => Math.floor(block / BLOCK_COLUMNS) * SIDE * WIDTH + (block % BLOCK_COLUMNS) * SIDE,
);
/** End of each block's lines; the picture's edge cuts the lowest row of blocks short. */
const ENDS = STARTS.map((start) => Math.min(start + SIDE * WIDTH, PIXELS));
/** Pixels of each block. */
const SIZES = STARTS.map((start) => SIDE * Math.min(SIDE, PICTURE_HEIGHT - Math.floor(start / WIDTH)));

/** The learnt scene. */
export class BackgroundModel {
  /** 1 for each block that differed in the last picture. */
  readonly differs = new Uint8Array(BLOCKS);
  /** Votes of each block as a multiple of the threshold. */
  readonly strength = new Float32Array(BLOCKS);
  /** How long each block has not changed from one picture to the next; a block that does not differ counts as unchanged. */
  readonly stillMs = new Float32Array(BLOCKS);
  /** Number of blocks of the last picture that were only lit differently. */
  lit = 0;
  /** The scene, and the next one; a block of the next one may be written more than once for each picture. */
  private scene = new Float32Array(PIXELS);
  private next = new Float32Array(PIXELS);
  /** Threshold of each block in gray levels, for the last picture. */
  private readonly levels = new Float32Array(BLOCKS);
  /** Sum of each block's votes, brighter pixels minus darker ones. */
  private readonly votes = new Float32Array(BLOCKS);
  /** Sum of the distances of each block's pixels from the scene, less the part by which the block is brighter or darker as a whole. */
  private readonly distances = new Float32Array(BLOCKS);
  private readonly before = new Uint8Array(PIXELS);
  /** 1 for each block that is still being learnt. */
  private readonly unlearnt = new Uint8Array(BLOCKS);
  private unlearntCount = 0;
  private readonly ratios = new Float32Array(BLOCKS);
  /** Ratio of brightness to the scene for each block that is only lit differently; else 0. */
  private readonly lights = new Float32Array(BLOCKS);
  private differing = 0;
  /** Mean brightness of blocks that do not differ. */
  private brightness = 0;
  /** Average distance of a pixel from the scene in blocks that do not differ: for each block, and for all. */
  private readonly noises = new Float32Array(BLOCKS);
  private noise = FIRST_NOISE;
  private comparisons = 0;

  /** True until most of the scene has been learnt; until then only moving things are detected. */
  get isLearning(): boolean {
    return this.unlearntCount > BLOCKS / 2;
  }

  /** Takes a picture (PICTURE_WIDTH x PICTURE_HEIGHT gray bytes) as the scene; blocks that move are learnt again. */
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
   * Compares a picture, `passedMs` after the last one, with the scene, marks the blocks that differ, and updates the scene. Returns false
   * if the light changed as a whole: then the scene was learnt again, and no block differs.
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

  /** Decides whether a block over the threshold differs, is only lit differently, or becomes background; updates `next`. */
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

  /** Copies an unlearnt block into the scene, or marks it as learnt once it has not changed for long enough. */
  private learnBlock(picture: Uint8Array, block: number): void {
    if ((this.stillMs[block] ?? 0) < LEARN_STILL_MS) {
      this.take(picture, block);
      return;
    }
    this.unlearnt[block] = 0;
    this.unlearntCount -= 1;
  }

  /** Ratio of the picture's brightness to the scene's: the median over blocks that did not differ in the last picture. */
  private exposureGain(picture: Uint8Array): number {
    const { ratios, scene } = this;
    let count = 0;
    let compared = 0;
    let brightness = 0;
    for (let block = 0; block < BLOCKS; block += GAIN_STEP) {
      if (this.differs[block] === 1) continue;
      let sceneSum = 0;
      let pictureSum = 0;
      // Every other line suffices for a mean.
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
   * Sums up each block's votes: the differences of pixels that are more than its threshold from `gain` times the scene. Brighter and
   * darker pixels cancel out, because a visitor makes most of a block darker, or most of it brighter, while moving leaves and water do
   * both. The same pass, for speed, updates the scene: it takes the picture's exposure and moves by `step` (0 to 1) towards the picture;
   * more slowly for voting pixels, or the edges of a standing visitor would remain in the scene.
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

  /** Counts the pixels of a block that differ from the picture before by more than half of `levels`, and by more than noise. */
  private movedIn(picture: Uint8Array, block: number, levels: number): number {
    const { before } = this;
    // Rounded down: gray levels differ by whole numbers.
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
   * Ratio of a block's brightness to the scene's if only its light has changed: it shows the scene's pattern (normalised
   * cross-correlation), or both are flat and a neighbour has the same light. Else null.
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

  /** Whether a neighbour, in this picture or the last, is lit differently by about the same `ratio`. */
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

  /** Copies a block of the picture into the scene. */
  private take(picture: Uint8Array, block: number): void {
    const { next } = this;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) next[at] = picture[at] ?? 0;
    }
  }

  /** Changes a block's brightness and keeps the scene's pattern; taking the picture's pattern would let a visitor become scene. */
  private relight(gain: number, block: number): void {
    const { scene, next } = this;
    for (let line = STARTS[block] ?? 0, end = ENDS[block] ?? 0; line < end; line += WIDTH) {
      for (let at = line; at < line + SIDE; at += 1) next[at] = gain * (scene[at] ?? 0);
    }
  }
}
