import { describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import { SegmentQueue } from '../../../device/camera/segment-queue.ts';

function segment(index: number, bytes: number): Segment {
  const times = { startUs: index, endUs: index + 1, wallOffsetUs: 0 };
  const bodies = { init: new Uint8Array(0), fragment: new Uint8Array(bytes) };
  return { recording: 'r', index, boot: 'b', clockTrusted: true, ...times, ...bodies };
}

/** A sink that stores on demand. */
function slowSink() {
  const stored: number[] = [];
  const failures: unknown[] = [];
  const gates: ((fault?: Error) => void)[] = [];
  const sinks = {
    segment: (given: Segment) =>
      new Promise<void>((resolve, reject) => {
        gates.push((fault) => {
          if (fault) return reject(fault);
          stored.push(given.index);
          resolve();
        });
      }),
    failed: (thrown: unknown) => void failures.push(thrown),
  };
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const release = (fault?: Error) => {
    gates.shift()?.(fault);
    return turn();
  };
  return { stored, failures, sinks, release };
}

describe('the segment queue', () => {
  it('stores one after the other, in order', async () => {
    const sink = slowSink();
    const queue = new SegmentQueue(sink.sinks, 1_000);
    for (const index of [0, 1, 2]) expect(queue.offer(segment(index, 100))).toBe(true);
    for (let n = 0; n < 3; n += 1) await sink.release();
    await queue.empty();
    expect(sink.stored).toEqual([0, 1, 2]);
  });

  it('drops segments that do not fit, and accepts them again when there is room', async () => {
    const sink = slowSink();
    const queue = new SegmentQueue(sink.sinks, 250);
    expect([0, 1, 2].map((index) => queue.offer(segment(index, 100)))).toEqual([true, true, false]);
    await sink.release();
    expect(queue.offer(segment(3, 100))).toBe(true);
    await sink.release();
    await sink.release();
    expect(sink.stored).toEqual([0, 1, 3]);
  });

  it('makes sources wait that can, and releases them when aborted', async () => {
    const sink = slowSink();
    const queue = new SegmentQueue(sink.sinks, 150);
    queue.offer(segment(0, 100));
    let free = false;
    const waiting = queue.room(100, new AbortController().signal).then(() => {
      free = true;
    });
    await Promise.resolve();
    expect(free).toBe(false);
    await sink.release();
    await waiting;
    queue.offer(segment(1, 100));
    const stop = new AbortController();
    const given = queue.room(100, stop.signal);
    stop.abort();
    await given;
    await sink.release();
  });

  it('accepts a segment over its limit when it is empty', async () => {
    const sink = slowSink();
    const queue = new SegmentQueue(sink.sinks, 10);
    expect(queue.offer(segment(0, 100))).toBe(true);
    await sink.release();
    await queue.empty();
  });

  it('reports a segment that could not be stored, and continues', async () => {
    const sink = slowSink();
    const queue = new SegmentQueue(sink.sinks, 1_000);
    queue.offer(segment(0, 1));
    queue.offer(segment(1, 1));
    await sink.release(new Error('full'));
    await sink.release();
    await queue.empty();
    expect(sink.stored).toEqual([1]);
    expect(sink.failures).toEqual([new Error('full')]);
  });
});
