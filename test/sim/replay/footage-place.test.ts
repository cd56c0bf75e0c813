import { describe, expect, it } from 'vitest';
import type { FootagePart } from '../../../sim/replay/footage.ts';
import { FootagePlace } from '../../../sim/replay/footage-place.ts';

const S = 1_000_000;
const images = (seconds: number, more: Partial<FootagePart> = {}): FootagePart => ({
  source: { kind: 'images', paths: Array.from({ length: seconds }, (_, at) => `${at}.png`), fps: 1 },
  ...{ audio: false, fromUs: 0, loop: 1, ...more },
});
const video = (path: string): FootagePart => ({ ...images(0), source: { kind: 'video', path } });

describe('a place in footage', () => {
  it('knows the end of everything: parts, repetitions, and the time before a part begins', () => {
    const place = new FootagePlace([images(4, { loop: 2 }), images(3, { atUs: 20 * S })]);
    expect([place.lengthUs, place.endUs]).toEqual([11 * S, 23 * S]);
    // The first showing took a second longer.
    place.advance(5 * S);
    expect(place.endUs).toBe(23 * S);
    place.advance(21 * S);
    expect([place.begin(), place.isLast, place.endUs]).toEqual([21 * S, true, 24 * S]);
  });

  it('does not know the end of endless footage, nor of a video before it is probed', () => {
    expect(new FootagePlace([images(4), images(1, { loop: 'forever' })]).endUs).toBeNull();
    const place = new FootagePlace([images(4), video('porch.mp4'), video('hall.mp4')]);
    place.setLength('porch.mp4', 6 * S);
    expect([place.lengthUs, place.endUs]).toEqual([null, null]);
    place.setLength('hall.mp4', S);
    expect([place.lengthUs, place.endUs]).toEqual([11 * S, 11 * S]);
  });

  it('skips footage that passed unseen, but no part that has not begun', () => {
    const place = new FootagePlace([images(4), images(3, { atUs: 20 * S }), images(2)]);
    place.skipTo(21 * S);
    expect([place.current?.atUs, place.begin()]).toEqual([20 * S, 20 * S]);
    place.skipTo(60 * S);
    expect([place.isLast, place.begin()]).toEqual([true, 23 * S]);
  });
});
