// Only the slices of a frame get into a clip, whatever other units a camera writes.
import { describe, expect, it } from 'vitest';
import { frameOf } from '../../../device/clip/strip-frame-to-slices.ts';
import { concatBytes, utf8 } from '../../../device/contract/bytes.ts';

/** A slice of NAL type `type`: first_mb 0, then slice type and picture parameter set id as Exp-Golomb bits. */
function slice(type: number, headerBits: string): Uint8Array {
  return Uint8Array.of(0x60 | type, Number.parseInt(`1${headerBits}`.padEnd(8, '1'), 2), 0xaa, 0xbb);
}

const P_SLICE = slice(1, '1' + '1'); // type 0, set 0
const B_SLICE = slice(1, '010' + '1'); // type 1, set 0
const IDR_SLICE = slice(5, '011' + '1'); // type 2, set 0
const SWITCHING_SLICE = slice(1, '00100' + '1'); // type 3, set 0
const SECRET = utf8('serial number 4711');

describe('a frame', () => {
  it.each([0, 6, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21, 24, 28, 31])('drops NAL units of type %i', (type) => {
    const foreign = concatBytes([Uint8Array.of(type), SECRET]);
    const frame = frameOf([foreign, P_SLICE, foreign]);
    expect(frame.slices).toEqual([P_SLICE]);
    expect(frame.sets).toEqual([]);
    expect(frame.sizeBytes).toBe(P_SLICE.length + 4);
  });

  it('separates parameter sets from its slices', () => {
    const [sps, pps] = [Uint8Array.of(0x67, 1), Uint8Array.of(0x68, 1)];
    expect(frameOf([sps, pps, IDR_SLICE])).toMatchObject({ sets: [sps, pps], slices: [IDR_SLICE], idr: true });
  });

  it('is independently decodable only if all its slices are', () => {
    expect(frameOf([IDR_SLICE, IDR_SLICE]).idr).toBe(true);
    expect(frameOf([IDR_SLICE, P_SLICE]).idr).toBe(false);
    expect(frameOf([P_SLICE]).idr).toBe(false);
  });

  it('detects bidirectional and switching slices', () => {
    expect(frameOf([P_SLICE])).toMatchObject({ bidirectional: false, extended: false });
    expect(frameOf([P_SLICE, B_SLICE]).bidirectional).toBe(true);
    expect(frameOf([SWITCHING_SLICE]).extended).toBe(true);
  });

  it('is refused without a picture', () => {
    expect(() => frameOf([Uint8Array.of(6, 1)])).toThrow(/empty/);
  });

  it('is refused if a slice ends in its header', () => {
    expect(() => frameOf([Uint8Array.of(0x61)])).toThrow(/ends too early/);
  });
});
