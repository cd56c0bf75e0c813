// Segments for the ring's tests: one second each, with bytes derived from their number.
import { SeededRandom } from '../../../device/base/random.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import type { Ring } from '../../../device/ring/ring-interface.ts';

/** Wall time at which tests start: 2026-11-25 12:00 UTC. */
export const NOON_US = 1_795_608_000_000_000;
export const SECOND_US = 1_000_000;
export const ALWAYS = { startUs: 0, endUs: 8_000_000_000_000_000 };

/** Segment number `number`, starting that many seconds after `originUs`. */
export function segmentOf(number: number, { fragmentBytes = 13_000, originUs = NOON_US } = {}): Segment {
  const seed = new SeededRandom(number).bytes(64);
  const fragment = new Uint8Array(fragmentBytes);
  for (let at = 0; at < fragmentBytes; at += 1) fragment[at] = (seed[at % 64] ?? 0) + (at >> 6);
  return {
    recording: 'recording-1',
    index: number,
    boot: 'boot-1',
    clockTrusted: true,
    startUs: originUs + number * SECOND_US,
    endUs: originUs + (number + 1) * SECOND_US,
    wallOffsetUs: originUs,
    init: new SeededRandom(7).bytes(800),
    fragment,
  };
}

/** A segment with its bytes as texts, which `toEqual` compares at once. */
export function textOf({ init, fragment, ...rest }: Segment) {
  return { ...rest, init: Buffer.from(init).toString('hex'), fragment: Buffer.from(fragment).toString('hex') };
}

/** The segments `from` to `to`, both included. */
export function segmentsOf(from: number, to: number, options = {}): Segment[] {
  return Array.from({ length: to - from + 1 }, (_, at) => segmentOf(from + at, options));
}

/** All segments that a ring returns for a window. */
export async function readAll(ring: Ring, window = ALWAYS): Promise<Segment[]> {
  const segments: Segment[] = [];
  for await (const segment of ring.read(window)) segments.push(segment);
  return segments;
}

/** The numbers of all segments that a ring returns for a window. */
export async function numbersIn(ring: Ring, window = ALWAYS): Promise<number[]> {
  return (await readAll(ring, window)).map((segment) => segment.index);
}
