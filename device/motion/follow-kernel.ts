// Owns: the arithmetic that each pixel of each picture costs: how far it is from the scene, what of that votes, and what the scene becomes.
// Four pixels at a time in WebAssembly (SIMD, standardized in 2.0); in plain loops where this machine cannot do that.
// Not here: what the sums mean (background.ts). The code is written out below, so that no binary has to be believed.
import { BLOCK_COLUMNS, BLOCK_PIXELS, BLOCKS, PICTURE_HEIGHT, PICTURE_WIDTH } from './gray-picture-size.ts';

const PIXELS = PICTURE_WIDTH * PICTURE_HEIGHT;
/** A pixel that is far off counts as this many that are just off, or one lamp would be a visitor. */
const VOTE_MOST = 3;

/** Sums over the blocks of a picture. `scene` is compared with `picture`, and `next` is what the scene becomes; `turn` exchanges both. */
export interface FollowKernel {
  /** Gray bytes: the caller writes each picture here. */
  readonly picture: Uint8Array;
  readonly scene: Float32Array;
  readonly next: Float32Array;
  /** For each block: from how many gray levels on a pixel votes. */
  readonly levels: Float32Array;
  /** For each block, once it is run: what its pixels vote, brighter ones less darker ones. */
  readonly votes: Float32Array;
  /** For each block, once it is run: the sum of its pixels' distances without what the whole block has in common. */
  readonly noises: Float32Array;
  /** Expects `gain` times the scene; `next` moves from there towards the picture by `step`, or by `offStep` where a pixel votes. */
  run(gain: number, step: number, offStep: number): void;
  turn(): void;
}

/** A kernel with zeros; `plain`: with plain loops in any case. */
export function followKernel(plain = false): FollowKernel {
  return (plain ? null : vectorKernel()) ?? plainKernel();
}

function plainKernel(): FollowKernel {
  const floats = (length: number) => new Float32Array(length);
  const kernel = {
    picture: new Uint8Array(PIXELS),
    ...{ scene: floats(PIXELS), next: floats(PIXELS) },
    ...{ levels: floats(BLOCKS), votes: floats(BLOCKS), noises: floats(BLOCKS) },
    run: (gain: number, step: number, offStep: number) => {
      for (let block = 0; block < BLOCKS; block += 1) plainBlock(kernel, block, gain, step, offStep);
    },
    turn: () => {
      [kernel.scene, kernel.next] = [kernel.next, kernel.scene];
    },
  };
  return kernel;
}

function plainBlock(kernel: FollowKernel, block: number, gain: number, step: number, offStep: number): void {
  const { picture, scene, next, levels, votes, noises } = kernel;
  const start =
    Math.floor(block / BLOCK_COLUMNS) * BLOCK_PIXELS * PICTURE_WIDTH + (block % BLOCK_COLUMNS) * BLOCK_PIXELS;
  const level = levels[block] ?? 0;
  let vote = 0;
  let sum = 0;
  let distances = 0;
  for (let line = start; line < Math.min(start + BLOCK_PIXELS * PICTURE_WIDTH, PIXELS); line += PICTURE_WIDTH) {
    for (let at = line; at < line + BLOCK_PIXELS; at += 1) {
      const expected = gain * (scene[at] ?? 0);
      const difference = (picture[at] ?? 0) - expected;
      const isOff = Math.abs(difference) > level;
      sum += difference;
      distances += Math.abs(difference);
      if (isOff) vote += Math.max(-VOTE_MOST * level, Math.min(difference, VOTE_MOST * level));
      next[at] = expected + (isOff ? offStep : step) * difference;
    }
  }
  votes[block] = vote;
  noises[block] = distances - Math.abs(sum);
}

/** The part of the WebAssembly interface that is used here: the language's library has none of it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: { memory: { buffer: ArrayBuffer }; run: Run } };
};
type Run = (scene: number, next: number, gain: number, step: number, offStep: number) => void;

/** Where everything lies in the kernel's memory, in bytes. */
const SCENES = [PIXELS, 5 * PIXELS] as const;
const LEVELS = 9 * PIXELS;
const VOTES = LEVELS + 4 * BLOCKS;
const NOISES = VOTES + 4 * BLOCKS;
const PAGES = Math.ceil((NOISES + 4 * BLOCKS) / 65_536);

/** Null where WebAssembly's SIMD or its memory is not to be had. */
function vectorKernel(): FollowKernel | null {
  try {
    const { memory, run } = new WebAssembly.Instance(vectorModule()).exports;
    const floats = (at: number, length: number) => new Float32Array(memory.buffer, at, length);
    const [a, b] = [floats(SCENES[0], PIXELS), floats(SCENES[1], PIXELS)];
    const kernel = {
      picture: new Uint8Array(memory.buffer, 0, PIXELS),
      ...{ scene: a, next: b },
      ...{ levels: floats(LEVELS, BLOCKS), votes: floats(VOTES, BLOCKS), noises: floats(NOISES, BLOCKS) },
      run: (gain: number, step: number, offStep: number) =>
        run(kernel.scene.byteOffset, kernel.next.byteOffset, gain, step, offStep),
      turn: () => {
        [kernel.scene, kernel.next] = [kernel.next, kernel.scene];
      },
    };
    return kernel;
  } catch {
    return null;
  }
}

let compiled: object | null = null;
function vectorModule(): object {
  compiled ??= new WebAssembly.Module(Uint8Array.from(moduleBytes()));
  return compiled;
}

// The encoding of modules and instructions: WebAssembly Core Specification 2.0 §5.
type Code = readonly number[];

/** An unsigned LEB128 number (§5.2.2). */
function u32(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...u32(Math.floor(value / 128))];
}
const counted = (...items: Code[]): number[] => [...u32(items.length), ...items.flat()];
const sized = (...items: Code[]): number[] => [...u32(items.flat().length), ...items.flat()];

const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;

/** A positive constant: signed LEB128 has one bit for the sign. */
function constant(value: number): Code {
  const bytes = u32(value);
  return [0x41, ...((bytes.at(-1) ?? 0) < 64 ? bytes : [...bytes.slice(0, -1), (bytes.at(-1) ?? 0) | 128, 0])];
}
const get = (local: number): Code => [0x20, ...u32(local)];
const set = (local: number, value: Code): Code => [...value, 0x21, ...u32(local)];
const addInto = (local: number, value: Code): Code => set(local, [...get(local), ...value, 0x6a]);
const simd = (code: number, ...operands: Code[]): Code => [...operands.flat(), 0xfd, ...u32(code)];
const loadFloat = (address: Code, offset = 0): Code => [...address, 0x2a, 2, ...u32(offset)];
const storeFloat = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  0x38,
  2,
  ...u32(offset),
];
const load = (address: Code, offset: number): Code => [...address, 0xfd, 0, 2, ...u32(offset)];
const store = (address: Code, offset: number, value: Code): Code => [...address, ...value, 0xfd, 11, 2, ...u32(offset)];
/** Eight bytes as eight 16-bit integers. */
const loadBytes = (address: Code): Code => [...address, 0xfd, 2, 0, 0];
const splat = (value: Code): Code => simd(0x13, value);
const lane = (vector: Code, at: number): Code => [...simd(0x1f, vector), at];
const abs = (a: Code): Code => simd(0xe0, a);
const negated = (a: Code): Code => simd(0xe1, a);
const plus = (a: Code, b: Code): Code => simd(0xe4, a, b);
const minus = (a: Code, b: Code): Code => simd(0xe5, a, b);
const times = (a: Code, b: Code): Code => simd(0xe6, a, b);
/** `pmin` and `pmax`: one instruction each where `min` and `max` need several for numbers that are none. */
const least = (a: Code, b: Code): Code => simd(0xea, a, b);
const most = (a: Code, b: Code): Code => simd(0xeb, a, b);
const isMore = (a: Code, b: Code): Code => simd(0x44, a, b);
const both = (a: Code, b: Code): Code => simd(0x4e, a, b);
const choose = (a: Code, b: Code, mask: Code): Code => simd(0x52, a, b, mask);
const toFloats = (integers: Code): Code => simd(0xfa, integers);
/** The lower or the upper four of eight 16-bit integers as 32-bit ones. */
const widen = (half: 0 | 1, integers: Code): Code => simd(half === 0 ? 0xa9 : 0xaa, integers);
/** Repeats `body` while local `at` is less than what `end` gives. */
const repeatWhile = (at: number, end: Code, body: Code): Code => [
  0x03,
  0x40,
  ...body,
  ...get(at),
  ...end,
  0x49,
  0x0d,
  0,
  0x0b,
];

/** Parameters, then locals, by number. */
const [SCENE, NEXT, GAIN, STEP, OFF_STEP] = [0, 1, 2, 3, 4] as const;
const [BLOCK, PIXEL, ROW_END, AT, END] = [5, 6, 7, 8, 9] as const;
const [GAINS, STEPS, OFF_STEPS, LEVEL, MOST, VOTE, SUM, DISTANCES, BYTES, EXPECTED, DIFFERENCE, MASK, LEAST] = [
  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
] as const;

/** Four pixels: the lower or the upper half of eight. */
function fourPixels(half: 0 | 1): Code {
  // A pixel's float lies four times as far from its scene's start as its byte from the picture's.
  const floatOf = (base: number): Code => [...get(base), ...get(AT), ...constant(2), 0x74, 0x6a];
  return [
    ...set(EXPECTED, times(get(GAINS), load(floatOf(SCENE), 16 * half))),
    ...set(DIFFERENCE, minus(toFloats(widen(half, get(BYTES))), get(EXPECTED))),
    ...set(SUM, plus(get(SUM), get(DIFFERENCE))),
    ...set(DISTANCES, plus(get(DISTANCES), abs(get(DIFFERENCE)))),
    ...set(MASK, isMore(abs(get(DIFFERENCE)), get(LEVEL))),
    ...set(VOTE, plus(get(VOTE), both(get(MASK), most(get(LEAST), least(get(DIFFERENCE), get(MOST)))))),
    ...store(
      floatOf(NEXT),
      16 * half,
      plus(get(EXPECTED), times(choose(get(OFF_STEPS), get(STEPS), get(MASK)), get(DIFFERENCE))),
    ),
  ];
}

const sumOf = (vector: number): Code => [
  ...lane(get(vector), 0),
  ...[1, 2, 3].flatMap((at) => [...lane(get(vector), at), 0x92]),
];

/** All blocks, row by row. A picture's bytes lie at 0, so that a pixel's number is its address. */
function body(): Code {
  const rowBytes = PICTURE_WIDTH * BLOCK_PIXELS;
  const zero = splat([0x43, 0, 0, 0, 0]);
  const lines: Code = [
    ...set(BYTES, loadBytes(get(AT))),
    ...fourPixels(0),
    ...fourPixels(1),
    ...addInto(AT, constant(PICTURE_WIDTH)),
  ];
  const oneBlock: Code = [
    ...set(LEVEL, splat(loadFloat(get(BLOCK), LEVELS))),
    ...set(MOST, times(get(LEVEL), splat([0x43, ...new Uint8Array(Float32Array.of(VOTE_MOST).buffer)]))),
    ...set(LEAST, negated(get(MOST))),
    ...[VOTE, SUM, DISTANCES].flatMap((local) => set(local, zero)),
    ...set(AT, get(PIXEL)),
    // The lowest row of blocks is cut short by the picture.
    ...set(END, [...get(PIXEL), ...constant(rowBytes), 0x6a]),
    ...[...get(END), ...constant(PIXELS), 0x4b, 0x04, 0x40, ...set(END, constant(PIXELS)), 0x0b],
    ...repeatWhile(AT, get(END), lines),
    ...storeFloat(get(BLOCK), VOTES, sumOf(VOTE)),
    ...storeFloat(get(BLOCK), NOISES, [...sumOf(DISTANCES), ...sumOf(SUM), 0x8b, 0x93]),
    ...addInto(BLOCK, constant(4)),
    ...addInto(PIXEL, constant(BLOCK_PIXELS)),
  ];
  const oneRow: Code = [
    ...set(ROW_END, [...get(PIXEL), ...constant(PICTURE_WIDTH), 0x6a]),
    ...repeatWhile(PIXEL, get(ROW_END), oneBlock),
    ...addInto(PIXEL, constant(rowBytes - PICTURE_WIDTH)),
  ];
  return [
    ...set(GAINS, splat(get(GAIN))),
    ...set(STEPS, splat(get(STEP))),
    ...set(OFF_STEPS, splat(get(OFF_STEP))),
    ...repeatWhile(PIXEL, constant(PIXELS), oneRow),
  ];
}

function moduleBytes(): Code {
  const name = (text: string): Code => counted(...[...Buffer.from(text)].map((byte) => [byte]));
  const locals: Code = counted([...u32(5), I32], [...u32(13), V128]);
  return [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, ...sized(counted([0x60, ...counted([I32], [I32], [F32], [F32], [F32]), 0]))],
    ...[3, ...sized(counted([0]))],
    ...[5, ...sized(counted([1, ...u32(PAGES), ...u32(PAGES)]))],
    ...[7, ...sized(counted([...name('memory'), 2, 0], [...name('run'), 0, 0]))],
    ...[10, ...sized(counted(sized([...locals, ...body(), 0x0b])))],
  ];
}
