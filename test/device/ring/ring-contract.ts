// The contract suite of rings; the test file of each kind runs it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GAP_US, type Ring } from '../../../device/ring/ring-interface.ts';
import { CountingClock } from './counting-clock.ts';
import { ALWAYS, NOON_US, numbersIn, readAll, SECOND_US, segmentOf, segmentsOf, textOf } from './segments.ts';

/** How a contract test gets its ring. */
export interface RingMaker {
  make(options: { clock: CountingClock; bytesMax: number; retentionS: number }): Promise<Ring>;
  clean(): Promise<void>;
}

/** Size of a ring for about twenty test segments. */
const BYTES_MAX = 256 * 1024;
const RETENTION_S = 3600;

const second = (number: number, seconds = 1) => ({
  startUs: NOON_US + number * SECOND_US,
  endUs: NOON_US + (number + seconds) * SECOND_US,
});

export function ringContract(kind: string, maker: RingMaker): void {
  describe(`a ring in ${kind}`, () => {
    let clock: CountingClock;
    let ring: Ring;

    beforeEach(async () => {
      clock = new CountingClock(NOON_US);
      ring = await maker.make({ clock, bytesMax: BYTES_MAX, retentionS: RETENTION_S });
      await ring.start();
    });

    afterEach(async () => {
      await ring.stop();
      expect(clock.timers).toBe(0);
      await maker.clean();
    });

    const append = async (from: number, to: number) => {
      for (const segment of segmentsOf(from, to)) await ring.append(segment);
    };

    it('returns appended segments byte for byte, by start time', async () => {
      const [late, early] = [segmentOf(5), segmentOf(2)];
      await ring.append(late);
      await ring.append(early);
      expect((await readAll(ring)).map(textOf)).toEqual([early, late].map(textOf));
      expect(ring.stats()).toMatchObject({ segments: 2, damaged: 0 });
    });

    it('returns the segments that touch a half-open window and no others', async () => {
      await append(0, 5);
      expect(await numbersIn(ring, second(2))).toEqual([2]);
      expect(await numbersIn(ring, { startUs: second(2).startUs + 1, endUs: second(3).startUs + 1 })).toEqual([2, 3]);
      expect(await numbersIn(ring, second(6, 100))).toEqual([]);
    });

    it('stores overlapping calls in the order called', async () => {
      const segments = segmentsOf(0, 9, { fragmentBytes: 3_000 }).map((segment) => ({ ...segment, ...second(0) }));
      await Promise.all(segments.map((segment) => ring.append(segment)));
      expect(await numbersIn(ring)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('merges spans up to the gap limit and reports longer gaps', async () => {
      await ring.append(segmentOf(0));
      const shifted = (number: number, byUs: number) => segmentOf(number, { originUs: NOON_US + byUs });
      await ring.append(shifted(1, GAP_US));
      await ring.append(shifted(2, 2 * GAP_US + 1));
      expect(ring.coverage()).toEqual([
        { startUs: NOON_US, endUs: second(2).startUs + GAP_US },
        { startUs: second(2).startUs + 2 * GAP_US + 1, endUs: second(3).startUs + 2 * GAP_US + 1 },
      ]);
    });

    it('reports a window as ambiguous exactly if its clock was not trusted or two segments overlap', async () => {
      await append(0, 1);
      await ring.append({ ...segmentOf(2), clockTrusted: false });
      await append(3, 4);
      await ring.append(segmentOf(4, { originUs: NOON_US + SECOND_US / 2 }));
      expect(ring.ambiguous(second(0, 2))).toBe(false);
      expect(ring.ambiguous(second(1, 2))).toBe(true);
      expect(ring.ambiguous(second(3))).toBe(false);
      expect(ring.ambiguous(second(4, 2))).toBe(true);
      expect(ring.ambiguous(second(50))).toBe(false);
    });

    it('stays within its bytes and overwrites the oldest first', async () => {
      await append(0, 99);
      const kept = await numbersIn(ring);
      expect(ring.stats().bytes).toBeLessThanOrEqual(BYTES_MAX);
      expect(kept.length).toBeGreaterThan(10);
      expect(kept).toEqual(segmentsOf(100 - kept.length, 99).map(({ index }) => index));
      expect(ring.coverage()).toEqual([second(100 - kept.length, kept.length)]);
    });

    it('overwrites the first written segments even if the wall clock was set back in between', async () => {
      await append(1000, 1009);
      await append(0, 99);
      const kept = await numbersIn(ring);
      expect(kept.at(-1)).toBe(99);
      expect(kept.every((number) => number < 1000)).toBe(true);
    });

    it('destroys footage older than its retention, by elapsed time', async () => {
      await append(0, 1);
      await clock.advance((RETENTION_S - 10) * 1000);
      await append(2, 2);
      await clock.advance(11_000);
      expect(await numbersIn(ring)).toEqual([2]);
      expect(ring.coverage()).toEqual([second(2)]);
      expect(ring.stats().segments).toBe(1);
    });

    it('applies a new retention, a shorter one at once', async () => {
      await append(0, 1);
      await clock.advance(600_000);
      await append(2, 2);
      ring.keepFor(300);
      expect(await numbersIn(ring)).toEqual([2]);
      ring.keepFor(2 * RETENTION_S);
      await clock.advance((RETENTION_S + 60) * 1_000);
      expect(await numbersIn(ring)).toEqual([2]);
      ring.keepFor(60);
      // Also without reads or writes, at the interval of the new retention.
      await clock.advance(15_000);
      await expect.poll(() => ring.stats().segments).toBe(0);
    });

    it('destroys nothing when the wall clock jumps', async () => {
      await append(0, 1);
      clock.setWallUs(NOON_US + 1e6 * SECOND_US);
      await append(2, 2);
      clock.setWallUs(0, false);
      expect(await numbersIn(ring)).toEqual([0, 1, 2]);
    });

    it('forgets the segments that touch a window and returns their number', async () => {
      await append(0, 5);
      expect(await ring.forget({ startUs: second(2).startUs + 1, endUs: second(4).startUs })).toBe(2);
      expect(await numbersIn(ring)).toEqual([0, 1, 4, 5]);
      expect(ring.coverage()).toEqual([second(0, 2), second(4, 2)]);
      expect(await ring.forget(second(2, 2))).toBe(0);
    });

    it('forgets everything and continues', async () => {
      await append(0, 5);
      expect(await ring.forget()).toBe(6);
      expect(await numbersIn(ring)).toEqual([]);
      expect(ring.coverage()).toEqual([]);
      await append(6, 7);
      expect(await numbersIn(ring)).toEqual([6, 7]);
    });

    it('starts empty after a reset and continues', async () => {
      await append(0, 5);
      await ring.reset();
      expect(await numbersIn(ring)).toEqual([]);
      await append(6, 6);
      expect(await numbersIn(ring)).toEqual([6]);
    });

    it('returns no segment of a running read once it is forgotten', async () => {
      await append(0, 5);
      const reading = ring.read(ALWAYS)[Symbol.asyncIterator]();
      expect((await reading.next()).value?.index).toBe(0);
      const ahead = reading.next();
      await ring.forget();
      const late = await ahead;
      // A segment requested before the order may be returned; none after it.
      expect(late.done === true || late.value.index === 1).toBe(true);
      expect((await reading.next()).done).toBe(true);
    });

    it('returns nothing wrong to a reader that is overtaken by writes', { tags: ['long'] }, async () => {
      await append(0, 19);
      const seen: number[] = [];
      const writing = (async () => {
        for (const segment of segmentsOf(20, 120)) await ring.append(segment);
      })();
      for (let round = 0; round < 10; round += 1) {
        for await (const segment of ring.read(ALWAYS)) {
          expect(textOf(segment)).toEqual(textOf(segmentOf(segment.index)));
          seen.push(segment.index);
        }
      }
      await writing;
      expect(seen.length).toBeGreaterThan(0);
      expect(ring.stats().damaged).toBe(0);
    });

    it('refuses a segment that is too long, and an invalid one', async () => {
      await expect(ring.append(segmentOf(0, { fragmentBytes: BYTES_MAX }))).rejects.toMatchObject({
        code: 'ring_too_small',
      });
      const backwards = { ...segmentOf(0), endUs: NOON_US };
      await expect(ring.append(backwards)).rejects.toMatchObject({ code: 'ring_write_failed' });
      await append(1, 1);
      expect(await numbersIn(ring)).toEqual([1]);
    });

    it('refuses to store once it is stopped', async () => {
      await ring.stop();
      await expect(ring.append(segmentOf(0))).rejects.toMatchObject({ code: 'ring_write_failed' });
      expect(await numbersIn(ring)).toEqual([]);
    });

    it('refuses a size that is too small', async () => {
      const small = await maker.make({ clock, bytesMax: 20_000, retentionS: RETENTION_S });
      await expect(small.start()).rejects.toMatchObject({ code: 'ring_too_small' });
      await small.stop();
    });
  });
}
