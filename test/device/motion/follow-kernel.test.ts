// Shows that the kernel's vectors and its plain loops say the same of any picture, to the lowest row of blocks, and decide alike.
import { expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
import { Background } from '../../../device/motion/background.ts';
import { followKernel } from '../../../device/motion/follow-kernel.ts';
import { BLOCKS, PICTURE_HEIGHT, PICTURE_WIDTH } from '../../../device/motion/gray-picture-size.ts';

const PIXELS = PICTURE_WIDTH * PICTURE_HEIGHT;
const random = new SeededRandom(3);

/** The largest distance between two lists of numbers. */
const apart = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] ?? Number.NaN))), 0);

it('vectors and loops differ by less than floats of 32 bits do', () => {
  const [vectors, loops] = [followKernel(), followKernel(true)];
  // The memory of WebAssembly comes in pages of 64 KiB: these are vectors, on every machine that runs the tests.
  expect(vectors.picture.buffer.byteLength % 65_536).toBe(0);
  expect(loops.picture.buffer.byteLength).toBe(PIXELS);
  const scene = Float32Array.from(random.bytes(PIXELS));
  for (const kernel of [vectors, loops]) kernel.scene.set(scene);
  for (let round = 0; round < 20; round += 1) {
    // Some near the scene and some far off, at levels from a few to most of the scale.
    const picture = random
      .bytes(PIXELS)
      .map((byte, at) => (round % 2 === 0 ? byte : (vectors.scene[at] ?? 0) + (byte >> 4)));
    const levels = Float32Array.from(random.bytes(BLOCKS), (byte) => 4 + byte / 2);
    const [gain, step] = [0.8 + round / 50, 0.01 + round / 100];
    for (const kernel of [vectors, loops]) {
      kernel.picture.set(picture);
      kernel.levels.set(levels);
      kernel.run(gain, step, step / 16);
    }
    expect(apart(vectors.next, loops.next)).toBeLessThan(0.01);
    expect(apart(vectors.votes, loops.votes)).toBeLessThan(0.1);
    expect(apart(vectors.noises, loops.noises)).toBeLessThan(0.1);
    expect(Math.max(...loops.votes.map(Math.abs), ...loops.noises)).toBeGreaterThan(100);
    for (const kernel of [vectors, loops]) {
      kernel.turn();
      // A pixel at its level votes in one and not in the other, once rounding differs: both go on from the same scene.
      kernel.scene.set(vectors.scene);
    }
  }
});

it('decides the same of a visitor with either, block by block', () => {
  const backgrounds = [new Background(), new Background(followKernel(true))];
  const noise = random.bytes(8_192);
  const pictureAt = (number: number) =>
    Uint8Array.from({ length: PIXELS }, (_, at) => {
      const x = at % PICTURE_WIDTH;
      const isVisited = number > 20 && x >= number && x < number + 24;
      return (isVisited ? 200 : 60 + (x % 32)) + ((noise[(at * 7 + number * 131) % noise.length] ?? 0) & 3);
    });
  let differing = 0;
  for (const background of backgrounds) background.learn(pictureAt(0));
  for (let number = 1; number < 80; number += 1) {
    const picture = pictureAt(number);
    for (const background of backgrounds) background.compare(picture, 200, { levels: 24, share: 0.25 });
    const [vectors, loops] = backgrounds.map(({ differs }) => [...differs]);
    expect(vectors).toEqual(loops);
    differing += vectors?.filter((differs) => differs === 1).length ?? 0;
  }
  expect(differing).toBeGreaterThan(500);
});
