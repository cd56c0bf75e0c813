// The ring in a file under attack and accident: whatever is done to the file, only stored segments are returned, missing ones are
// counted, and nothing else is lost.
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { integerBelow, SeededRandom } from '../../../device/base/random.ts';
import { BLOCK_BYTES, BODY_AT } from '../../../device/ring/record.ts';
import { osError } from './probing-disk.ts';
import { RingFolder } from './ring-folder.ts';
import { numbersIn, readAll, segmentOf, segmentsOf, textOf } from './segments.ts';

/** Blocks of one test segment's record: a header and three blocks of body. */
const RECORD_BYTES = 4 * BLOCK_BYTES;

let folder: RingFolder;
let image: Buffer;

beforeEach(async () => {
  folder = new RingFolder();
  await folder.make();
  await append(0, 9);
});

afterEach(() => folder.remove());

async function append(from: number, to: number): Promise<void> {
  await folder.with(async (ring) => {
    for (const segment of segmentsOf(from, to)) await ring.append(segment);
  });
  image = await readFile(folder.ringPath);
}

/** Installs the changed image, and returns the contents of a restarted ring. */
async function outcome(): Promise<{ numbers: number[]; damaged: number }> {
  await writeFile(folder.ringPath, image);
  return folder.with(async (ring) => {
    const segments = await readAll(ring);
    for (const segment of segments) expect(textOf(segment)).toEqual(textOf(segmentOf(segment.index)));
    expect(ring.coverage()).toHaveLength(spansOf(segments.map(({ index }) => index)));
    return { numbers: segments.map(({ index }) => index), damaged: ring.stats().damaged };
  });
}

function spansOf(numbers: number[]): number {
  return numbers.filter((number, at) => at === 0 || number !== (numbers[at - 1] ?? 0) + 1).length;
}

const recordAt = (number: number) => number * RECORD_BYTES;
const copyOf = (number: number) => Buffer.from(image.subarray(recordAt(number), recordAt(number + 1)));
const without = (...gone: number[]) => segmentsOf(0, 9).flatMap(({ index }) => (gone.includes(index) ? [] : [index]));

describe('a ring file', () => {
  it('has the layout that these tests expect', async () => {
    for (let number = 0; number < 10; number += 1) {
      expect(image.subarray(recordAt(number), recordAt(number) + 8).toString()).toBe('DSRING02');
    }
    expect(await outcome()).toEqual({ numbers: without(), damaged: 0 });
  });

  it.each([
    ['magic', 3],
    ['key id', 10],
    ['salt', 20],
    ['kind', 32],
    ['sequence', 43],
    ['sealed header', 60],
    ['header tag', 140],
    ['body', BODY_AT + 5_000],
    ['body tag', BODY_AT + 13_862],
  ])('loses one segment to one flipped bit in its %s, and counts it', async (_, at) => {
    for (const number of [4, 5]) {
      const position = recordAt(number) + at;
      image[position] = (image[position] ?? 0) ^ 4;
    }
    expect(await outcome()).toEqual({ numbers: without(4, 5), damaged: at === 3 ? 1 : 2 });
  });

  it('never returns a wrong byte, whatever is overwritten', {
    tags: ['long'],
    timeout: 120_000,
  }, async () => {
    const random = new SeededRandom(20_261_125);
    const whole = Buffer.from(image);
    for (let round = 0; round < 60; round += 1) {
      whole.copy(image);
      const length = integerBelow(random, 3 * RECORD_BYTES);
      const at = integerBelow(random, 10 * RECORD_BYTES - length);
      if (round % 2 === 0) image.set(random.bytes(length), at);
      else {
        const from = integerBelow(random, 10 * RECORD_BYTES - length);
        image.copyWithin(at, from, from + length);
      }
      const { numbers } = await outcome();
      // All unchanged records are still there.
      const untouched = without().filter((number) => recordAt(number + 1) <= at || recordAt(number) >= at + length);
      expect(numbers).toEqual(expect.arrayContaining(untouched));
    }
  });

  it('detects two records that changed places', async () => {
    const [third, seventh] = [copyOf(3), copyOf(7)];
    image.set(seventh, recordAt(3));
    image.set(third, recordAt(7));
    expect(await outcome()).toEqual({ numbers: without(3, 7), damaged: 2 });
  });

  it('detects a header put before another body', async () => {
    image.copyWithin(recordAt(3) + BLOCK_BYTES, recordAt(7) + BLOCK_BYTES, recordAt(8));
    expect(await outcome()).toEqual({ numbers: without(3), damaged: 1 });
  });

  it('detects a record of an earlier lap put back in its old place', async () => {
    const old = copyOf(5);
    await append(10, 25);
    const kept = await folder.with(numbersIn);
    const inPlace = 16 + 5;
    expect(kept).toContain(inPlace);
    image.set(old, recordAt(5));
    const { numbers, damaged } = await outcome();
    expect(numbers).toEqual(kept.filter((number) => number !== inPlace));
    expect(damaged).toBe(1);
  });

  it('detects a record of an earlier lap put back in place of the oldest', async () => {
    const old = copyOf(5);
    await append(10, 20);
    await append(21, 36);
    const kept = await folder.with(numbersIn);
    // 36 is in the fifth place; the sixth holds the oldest.
    expect(kept[0]).toBe(21);
    image.set(old, recordAt(5));
    const { numbers, damaged } = await outcome();
    expect(numbers).toEqual(kept.slice(1));
    expect(damaged).toBe(1);
  });

  it('detects a record of an earlier lap put back, although the record that exposes it is destroyed, too', async () => {
    const old = copyOf(4);
    await append(10, 25);
    const kept = await folder.with(numbersIn);
    image.set(old, recordAt(4));
    image.fill(0, recordAt(5), recordAt(6));
    const { numbers } = await outcome();
    expect(numbers).toEqual(kept.filter((number) => number !== 16 + 4 && number !== 16 + 5));
  });

  it('drops a torn newest record, and destroys it', async () => {
    image.fill(0, recordAt(9) + 2 * BLOCK_BYTES);
    expect(await outcome()).toEqual({ numbers: without(9), damaged: 1 });
    const erasedKind = 1;
    expect((await readFile(folder.ringPath))[recordAt(9) + 32]).toBe(erasedKind);
    await append(10, 10);
    expect(await outcome()).toEqual({ numbers: [...without(9), 10], damaged: 0 });
  });

  it('drops an old record whose body was torn by the write that was replacing it', async () => {
    await append(10, 20);
    // The newest is number 20 in the fifth place; before a crash only the next record's last block was written.
    image.fill(7, recordAt(5) + 3 * BLOCK_BYTES, recordAt(6));
    const { numbers, damaged } = await outcome();
    expect(numbers).toEqual(segmentsOf(6, 20).map(({ index }) => index));
    expect(damaged).toBe(1);
  });

  it('survives a write that stopped anywhere, within a lap and at its end', {
    tags: ['long'],
    timeout: 120_000,
  }, async () => {
    let stored = 9;
    for (let number = 10; number < 34; number += 1) {
      const stopAt = (number * 3) % 5;
      folder.disk.onWrite = async ({ path, position, bytes }) => {
        if (path !== folder.ringPath || bytes.length < 2 * BLOCK_BYTES) return;
        const now = await readFile(folder.ringPath);
        now.set(bytes.subarray(0, stopAt * BLOCK_BYTES), position);
        await writeFile(folder.ringPath, now);
        throw osError('EIO');
      };
      await folder.with((ring) =>
        expect(ring.append(segmentOf(number))).rejects.toMatchObject({ code: 'ring_write_failed' }),
      );
      folder.disk.onWrite = () => undefined;
      const numbers = await folder.with(async (ring) => {
        const found = await readAll(ring);
        for (const segment of found) expect(textOf(segment)).toEqual(textOf(segmentOf(segment.index)));
        await ring.append(segmentOf(number));
        return found.map(({ index }) => index);
      });
      // All acknowledged segments are there, except the oldest, which the stopped write was replacing.
      expect(numbers).toContain(stored);
      expect(numbers.length).toBeGreaterThanOrEqual(Math.min(number - 1, 14));
      stored = number;
    }
  });
});
