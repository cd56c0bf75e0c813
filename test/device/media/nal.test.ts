// Shows that NAL units are found wherever the parts of a stream break, and that torn samples are refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { AnnexBSplitter, joinAnnexB, joinSample, splitSample } from '../../../device/media/nal.ts';

/** A unit whose bytes are never taken for a start code: no zeros, as emulation prevention ensures. */
const unit = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => bytes.map((byte) => (byte === 0 ? 7 : byte)));

describe('Annex B', () => {
  it('is cut into the same units however it arrives', () => {
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(60)), (units, cuts) => {
        const stream = joinAnnexB(units);
        const splitter = new AnnexBSplitter();
        const found: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          found.push(...splitter.push(stream.subarray(at, at + cut)));
          at += cut;
        }
        found.push(...splitter.push(stream.subarray(at)), ...splitter.end());
        expect(found).toEqual(units);
      }),
    );
  });

  it('leaves out the zeros between units and what comes before the first', () => {
    const splitter = new AnnexBSplitter();
    const units = splitter.push(Uint8Array.of(9, 9, 0, 0, 1, 0x65, 5, 0, 0, 0, 0, 1, 0x41, 6, 0, 0));
    expect([...units, ...splitter.end()]).toEqual([Uint8Array.of(0x65, 5), Uint8Array.of(0x41, 6)]);
  });
});

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

  it('is refused when a unit is longer than what is left', () => {
    expect(() => splitSample(Uint8Array.of(0, 0, 0, 9, 1), 4)).toThrow(/torn NAL unit/);
    expect(() => splitSample(Uint8Array.of(0, 0, 0), 4)).toThrow(/torn NAL length/);
  });
});
