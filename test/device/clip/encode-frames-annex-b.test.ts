import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnnexBSplitter } from '../../../device/clip/encode-frames.ts';
import { joinAnnexB } from '../../../device/contract/media/nal.ts';

/** A unit without zeros, so that it cannot hold a start code. */
const unit = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => bytes.map((byte) => (byte === 0 ? 7 : byte)));

describe('Annex B', () => {
  it('is split into the same units however it arrives', () => {
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

  it('leaves out zeros between units and all bytes before the first', () => {
    const splitter = new AnnexBSplitter();
    const units = splitter.push(Uint8Array.of(9, 9, 0, 0, 1, 0x65, 5, 0, 0, 0, 0, 1, 0x41, 6, 0, 0));
    expect([...units, ...splitter.end()]).toEqual([Uint8Array.of(0x65, 5), Uint8Array.of(0x41, 6)]);
  });
});
