// Bytes in pages stay unchanged until they are released, and memory is reused instead of growing.
import { describe, expect, it } from 'vitest';
import { giveSpaceBack, RingPages, takeSpace } from '../../../device/ring/ring-buffers.ts';

/** Written in pieces that do not end with a page. */
const keep = (pages: RingPages, bytes: Uint8Array) =>
  pages.keep(bytes.length, (write) => {
    for (let from = 0; from < bytes.length; from += 9_001) write(bytes.subarray(from, from + 9_001));
  });
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);

describe('pages', () => {
  it.each([0, 1, 4_095, 4_096, 4_097, 139_264, 200_001])('return a copy of %i bytes', (length) => {
    const pages = new RingPages();
    const bytes = Uint8Array.from({ length }, (_, at) => at % 251);
    const kept = keep(pages, bytes);
    bytes.fill(0);
    const written = Uint8Array.from({ length }, (_, at) => at % 251);
    expect(Buffer.compare(pages.copy(kept), written)).toBe(0);
  });

  it('never overwrite stored bytes, in whatever order others are released', () => {
    const pages = new RingPages();
    const held = new Map<number, ReturnType<RingPages['keep']>>();
    for (let round = 0; round < 300; round += 1) {
      const length = 1 + ((round * 7_919) % 30_000);
      held.set(round, keep(pages, filled(length, round % 256)));
      const gone = (round * 31) % (round + 1);
      const released = held.get(gone);
      if (released && held.size > 5) {
        pages.release(released);
        held.delete(gone);
      }
    }
    expect(held.size).toBeGreaterThan(20);
    for (const [round, kept] of held) {
      const written = filled(1 + ((round * 7_919) % 30_000), round % 256);
      expect(Buffer.compare(pages.copy(kept), written)).toBe(0);
    }
  });

  it('grow no further than the bytes held at one time, and release all memory', () => {
    const pages = new RingPages();
    const held = Array.from({ length: 10 }, () => keep(pages, filled(139_000, 1)));
    const { bytes } = pages;
    expect(bytes).toBeGreaterThanOrEqual(10 * 139_000);
    expect(bytes).toBeLessThan(10 * 139_000 + 10 * 4_096 + 65_536);
    for (let round = 0; round < 100; round += 1) {
      for (const oldest of held.splice(0, 1)) pages.release(oldest);
      held.push(keep(pages, filled(139_000, 2)));
    }
    expect(pages.bytes).toBe(bytes);
    pages.clear();
    expect(pages.bytes).toBe(0);
  });
});

describe('space for sealing', () => {
  it('is reused, also by a shorter record, and never by two at once', () => {
    const [first, second] = [takeSpace(100_000), takeSpace(100_000)];
    expect(second.buffer).not.toBe(first.buffer);
    giveSpaceBack(first);
    const third = takeSpace(50_000);
    expect(third.buffer).toBe(first.buffer);
    expect(third).toHaveLength(50_000);
    giveSpaceBack(third);
    expect(takeSpace(100_000).buffer).toBe(first.buffer);
  });
});
