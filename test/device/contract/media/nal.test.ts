// Holds: samples are joined from NAL units and split again, and torn ones are refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { joinSample, splitSample } from '../../../../device/contract/media/nal.ts';

/** A unit without zeros, so that its bytes contain no start code, as emulation prevention ensures. */
const unit = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => bytes.map((byte) => (byte === 0 ? 7 : byte)));

describe('a sample', () => {
  it('gives back the units it was joined from', () => {
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 6 }), (units) => {
        expect(splitSample(joinSample(units), 4)).toEqual(units);
      }),
    );
  });

  it.each([1, 2, 4])('is read with lengths of %i bytes', (lengthBytes) => {
    const length = new Uint8Array(lengthBytes);
    length[lengthBytes - 1] = 2;
    expect(splitSample(concatBytes([length, Uint8Array.of(0x65, 1)]), lengthBytes)).toEqual([Uint8Array.of(0x65, 1)]);
  });

  it('is refused when a unit is longer than the rest of the sample', () => {
    expect(() => splitSample(Uint8Array.of(0, 0, 0, 9, 1), 4)).toThrow(/torn NAL unit/);
    expect(() => splitSample(Uint8Array.of(0, 0, 0), 4)).toThrow(/torn NAL length/);
  });
});
