// Footage of a waiting clip is kept when the ring overwrites it, but not beyond the grant, an order to forget, five minutes, or 16 MiB.
import { afterEach, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { HeldFootage } from '../../../device/clip/held-footage.ts';

const MIB = 1024 * 1024;
const ALL = { startUs: 0, endUs: 100_000_000 };
const clock = new ManualClock(1_790_000_000_000_000);

/** A GOP of a second. */
const gop = (index: number, bytes = 1_000): Segment => ({
  ...{ recording: 'recording-1', index, boot: 'boot-1', clockTrusted: true, wallOffsetUs: 0 },
  ...{ startUs: index * 1_000_000, endUs: (index + 1) * 1_000_000 },
  init: new Uint8Array(10).fill(1),
  fragment: new Uint8Array(bytes).fill(index),
});

let ring: Segment[] = [];
/** Called while the ring is read, before each GOP. */
let before: (index: number) => void = () => undefined;
const held = new HeldFootage({
  ...{ clock, random: new SystemRandom(), cipher: 'aes-256-gcm' as const },
  segments: async function* ({ startUs, endUs }) {
    for (const segment of ring.filter((one) => one.startUs < endUs && one.endUs > startUs)) {
      before(segment.index);
      yield segment;
    }
  },
});
afterEach(() => {
  held.forget();
  before = () => undefined;
});

const gops = (from: number, to: number, bytes?: number) =>
  Array.from({ length: to - from }, (_, at) => gop(from + at, bytes));

async function read(hold: ReturnType<HeldFootage['hold']>, window = ALL): Promise<Segment[]> {
  const found: Segment[] = [];
  for await (const segment of hold.segments(window)) found.push(segment);
  return found;
}

/** Holds the ring's footage of a window, to its end. */
async function holdAll(window = ALL, signal = new AbortController().signal) {
  const hold = held.hold(window, signal);
  await new Promise((resolve) => setImmediate(resolve));
  return hold;
}

it('returns overwritten GOPs in order, each once and unchanged', async () => {
  ring = gops(0, 6);
  const hold = await holdAll({ startUs: 1_000_000, endUs: 5_000_000 });
  const whole = gops(0, 9);
  for (const lost of [0, 1, 3, 5, 9]) {
    ring = whole.slice(lost);
    const expected = whole.filter(({ index }) => index >= lost || (index >= 1 && index < 5));
    expect(await read(hold), `${lost} lost`).toEqual(expected);
  }
  // Also if the ring overwrites it while it is read.
  ring = whole;
  before = (index) => {
    if (index === 1) ring.splice(0, ring.length);
  };
  expect(await read(hold, { startUs: 2_000_000, endUs: 4_000_000 })).toEqual(whole.slice(2, 4));
});

it.each([
  ['its clip is made', (hold: { release(): void }) => hold.release()],
  ['footage is forgotten', () => held.forget()],
  ['the grant ends', (_: unknown, grant: AbortController) => grant.abort()],
  ['five minutes have passed', () => clock.advance(300_001)],
])('holds nothing once %s, and reads the ring only', async (_, end) => {
  ring = gops(0, 4);
  const grant = new AbortController();
  const hold = await holdAll(ALL, grant.signal);
  expect(held.bytes).toBeGreaterThan(4_000);
  await end(hold, grant);
  ring = gops(3, 5);
  expect(await read(hold)).toEqual(gops(3, 5));
  expect(held.bytes).toBe(0);
});

it('stops copying and reading once footage is forgotten in the middle', async () => {
  ring = gops(0, 4);
  before = (index) => {
    if (index === 2) held.forget();
  };
  const hold = await holdAll();
  ring = [];
  expect([await read(hold), held.bytes]).toEqual([[], 0]);
  before = () => undefined;
  ring = gops(0, 4);
  const other = await holdAll();
  ring = [];
  const reading = other.segments(ALL)[Symbol.asyncIterator]();
  expect((await reading.next()).value?.index).toBe(0);
  held.forget();
  expect((await reading.next()).done).toBe(true);
});

it('returns no GOP read ahead once footage is forgotten while the ring is read', async () => {
  ring = gops(0, 4);
  const hold = await holdAll();
  ring = gops(3, 4);
  before = () => held.forget();
  expect(await read(hold)).toEqual(gops(3, 4));
});

it('holds at most 16 MiB for all clips, the beginning of each', async () => {
  ring = gops(0, 12, 2 * MIB);
  const first = await holdAll();
  const second = await holdAll();
  ring = [];
  expect((await read(first)).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(await read(second)).toEqual([]);
  first.release();
  expect(held.bytes).toBe(0);
});

it('holds nothing for a grant that has ended already', async () => {
  ring = gops(0, 2);
  await holdAll(ALL, AbortSignal.abort());
  expect(held.bytes).toBe(0);
});
