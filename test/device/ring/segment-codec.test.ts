// The encoding of segments round-trips exactly, and nothing else decodes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import {
  decodeSegment,
  encodeSegment,
  SEGMENT_INIT_BYTES_MAX,
  SEGMENT_NAME_BYTES_MAX,
} from '../../../device/ring/segment-codec.ts';
import { segmentOf } from './segments.ts';

const encoded = (segment: Segment) => {
  const parts = encodeSegment(segment);
  return parts && concatBytes(parts);
};

const safe = fc.maxSafeInteger();
const segments: fc.Arbitrary<Segment> = fc
  .record({
    recording: fc.string({ maxLength: 40 }),
    index: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    boot: fc.string({ maxLength: 40 }),
    clockTrusted: fc.boolean(),
    startUs: safe,
    endUs: safe,
    wallOffsetUs: safe,
    init: fc.uint8Array({ maxLength: 50 }),
    fragment: fc.uint8Array({ maxLength: 200 }),
  })
  .filter((segment) => segment.startUs < segment.endUs);

describe('the encoding of a segment', () => {
  it('returns every segment unchanged', () => {
    fc.assert(
      fc.property(segments, (segment) => {
        expect(decodeSegment(encoded(segment) ?? new Uint8Array(0))).toEqual(segment);
      }),
    );
  });

  it('decodes nothing that it would encode differently', () => {
    fc.assert(
      fc.property(segments, fc.nat(), fc.integer({ min: 1, max: 255 }), (segment, place, change) => {
        const bytes = encoded(segment) ?? new Uint8Array(0);
        bytes[place % bytes.length] = (bytes[place % bytes.length] ?? 0) ^ change;
        const read = decodeSegment(bytes);
        if (read) expect(encoded(read)).toEqual(bytes);
      }),
    );
  });

  it('decodes nothing that is truncated, longer, or of another version', () => {
    const bytes = encoded(segmentOf(1)) ?? new Uint8Array(0);
    for (let length = 0; length < bytes.length; length += 97)
      expect(decodeSegment(bytes.subarray(0, length))).toBeNull();
    expect(decodeSegment(concatBytes([bytes, new Uint8Array(1)]))).toBeNull();
    expect(decodeSegment(Uint8Array.from(bytes, (byte, at) => (at === 0 ? 2 : byte)))).toBeNull();
    expect(decodeSegment(Uint8Array.from(bytes, (byte, at) => (at === 1 ? 3 : byte)))).toBeNull();
  });

  it.each<[string, Partial<Segment>]>([
    ['a name that is too long', { recording: 'r'.repeat(SEGMENT_NAME_BYTES_MAX + 1) }],
    ['a boot id that is too long', { boot: 'ü'.repeat(SEGMENT_NAME_BYTES_MAX / 2 + 1) }],
    ['an init segment that is too long', { init: new Uint8Array(SEGMENT_INIT_BYTES_MAX + 1) }],
    ['an index that is no number of a GOP', { index: -1 }],
    ['a time that is not whole', { startUs: 0.5 }],
    ['a time that is no number', { wallOffsetUs: Number.NaN }],
    ['an end that is not after its start', { endUs: segmentOf(1).startUs }],
  ])('refuses %s', (_, change) => {
    expect(encodeSegment({ ...segmentOf(1), ...change })).toBeNull();
  });
});
