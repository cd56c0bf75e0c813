// Holds: only a JPEG that holds nothing but a picture is accepted.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { plainJpegSize } from '../../../device/contract/plain-jpeg.ts';
import { BARE_JPEG } from '../../support/searches.ts';

/** The plain JPEG with a segment inserted after its start. */
const withSegment = (marker: number, content: readonly number[]) =>
  new Uint8Array([
    ...BARE_JPEG.subarray(0, 2),
    0xff,
    marker,
    0,
    content.length + 2,
    ...content,
    ...BARE_JPEG.subarray(2),
  ]);
const JFIF = [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];

it('returns the size of a plain JPEG, with or without JFIF and tables', () => {
  expect(plainJpegSize(BARE_JPEG)).toEqual({ width: 32, height: 32 });
  expect(plainJpegSize(withSegment(0xe0, JFIF))).toEqual({ width: 32, height: 32 });
  expect(plainJpegSize(withSegment(0xdb, [0, 1, 2]))).toEqual({ width: 32, height: 32 });
});

it.each([
  ['EXIF', 0xe1, [0x45, 0x78, 0x69, 0x66]],
  ['a colour profile', 0xe2, [1]],
  ['IPTC', 0xed, [1]],
  ['Adobe’s word', 0xee, [1]],
  ['a comment', 0xfe, [0x68, 0x69]],
  ['JFIF with a thumbnail', 0xe0, [...JFIF.slice(0, 12), 1, 1, 9, 9, 9]],
  ['another APP0', 0xe0, [0x4a, 0x46, 0x58, 0x58, 0]],
  ['a second frame', 0xc0, [8, 0, 9, 0, 9, 1, 1, 0x11, 0]],
  ['a progressive frame', 0xc2, [8, 0, 9, 0, 9, 1, 1, 0x11, 0]],
])('refuses %s', (_what, marker, content) => {
  expect(plainJpegSize(withSegment(marker, content))).toBeNull();
});

it('refuses data after the end, a marker inside the scan, and a missing end', () => {
  expect(plainJpegSize(new Uint8Array([...BARE_JPEG, 0]))).toBeNull();
  const [scan, end] = [BARE_JPEG.subarray(0, -2), BARE_JPEG.subarray(-2)];
  expect(plainJpegSize(new Uint8Array([...scan, 0xff, 0xe1, ...end]))).toBeNull();
  expect(plainJpegSize(new Uint8Array([...scan, ...end, ...scan.subarray(20), ...end]))).toBeNull();
  expect(plainJpegSize(new Uint8Array([...scan, 0xff, 0, 0xff, 0xd0, ...end]))).toEqual({ width: 32, height: 32 });
  expect(plainJpegSize(scan)).toBeNull();
});

it('always returns, for any bytes', () => {
  const start = fc.constantFrom([], [0xff, 0xd8], [...BARE_JPEG], [...withSegment(0xe0, JFIF)]);
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), fc.nat(60), (head, tail, cut) => {
      const found = plainJpegSize(new Uint8Array([...head.slice(0, Math.max(2, head.length - cut)), ...tail]));
      expect(found === null || found.width >= 0).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
