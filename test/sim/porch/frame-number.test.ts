import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawFrameNumber, FRAME_NUMBERS, readFrameNumber, stripHeight } from '../../../sim/porch/frame-number.ts';

describe("a frame's number in the picture", () => {
  it('is readable at every size from 160 pixels up, with any picture below it', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: FRAME_NUMBERS - 1 }),
        fc.constantFrom([160, 90], [320, 240], [640, 360], [1280, 720], [1366, 768]),
        fc.nat({ max: 255 }),
        (frame, [width = 0, height = 0], ground) => {
          const luma = new Uint8Array(width * height).fill(ground);
          drawFrameNumber(luma, width, height, frame);
          expect(readFrameNumber(luma, width, height)).toBe(frame);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is not read from a picture without one, nor from one with an altered block', () => {
    const [width, height] = [640, 360];
    expect(readFrameNumber(new Uint8Array(width * height).fill(120), width, height)).toBeNull();
    for (let block = 0; block < 40; block += 1) {
      const luma = new Uint8Array(width * height);
      drawFrameNumber(luma, width, height, 123_456);
      for (let y = 0; y < stripHeight(height); y += 1) {
        const row = luma.subarray(y * width + block * 16, y * width + block * 16 + 16);
        row.set(row.map((level) => 251 - level));
      }
      expect(readFrameNumber(luma, width, height)).toBeNull();
    }
  });

  it('starts again at zero after 2^28 frames', () => {
    const luma = new Uint8Array(320 * 180);
    drawFrameNumber(luma, 320, 180, FRAME_NUMBERS + 5);
    expect(readFrameNumber(luma, 320, 180)).toBe(5);
  });
});
