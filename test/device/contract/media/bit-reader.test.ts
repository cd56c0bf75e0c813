import { describe, expect, it } from 'vitest';
import { BitReader, unescapeNal } from '../../../../device/contract/media/bit-reader.ts';

const fault = (detail: string) => new Error(detail);

describe('a payload', () => {
  it('is read in Exp-Golomb numbers', () => {
    // 1 | 010 | 011 | 00100 | then trailing bits 1000.
    const bits = new BitReader(Uint8Array.of(0b10100110, 0b01001000), fault);
    expect([bits.unsigned(), bits.unsigned(), bits.signed(), bits.unsigned()]).toEqual([0, 1, -1, 3]);
    expect(bits.atTrailingBits()).toBe(true);
    expect(bits.moreData()).toBe(false);
  });

  it('is refused when it ends early or a number has no end', () => {
    expect(() => new BitReader(Uint8Array.of(1), fault).bits(9)).toThrow(/ends too early/);
    expect(() => new BitReader(new Uint8Array(9), fault).unsigned()).toThrow(/out of range/);
  });

  it('is not at its end when data follows the trailing bits', () => {
    const bits = new BitReader(Uint8Array.of(0b10000000, 0x41), fault);
    expect(bits.atTrailingBits()).toBe(false);
    expect(bits.moreData()).toBe(true);
  });
});

describe('emulation prevention', () => {
  const removed = (...bytes: number[]) => [...unescapeNal(Uint8Array.from(bytes))];

  it('is removed everywhere, and nothing else is', () => {
    expect(removed(0, 0, 3)).toEqual([0, 0]);
    expect(removed(0, 0, 0, 3, 1)).toEqual([0, 0, 0, 1]);
    expect(removed(7, 0, 0, 3, 0, 0, 3, 3)).toEqual([7, 0, 0, 0, 0, 3]);
    expect(removed(0, 3, 0, 0, 4)).toEqual([0, 3, 0, 0, 4]);
  });

  it('copies nothing if there are no such bytes', () => {
    const plain = Uint8Array.of(0, 0, 1, 3, 0, 3);
    expect(unescapeNal(plain)).toBe(plain);
  });
});
