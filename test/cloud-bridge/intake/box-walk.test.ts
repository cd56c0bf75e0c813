// Holds: boxes are read within their bounds and the file's, whatever their headers claim.
import { describe, expect, it } from 'vitest';
import { BoxReader, children, readHeader } from '../../../cloud-bridge/intake/box-walk.ts';
import { concatBytes } from '../../../device/base/bytes.ts';
import { fillerBox } from '../../support/plain-mp4.ts';

const long = (size: bigint) => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(1, 0);
  bytes.write('mdat', 4, 'latin1');
  bytes.writeBigUInt64BE(size, 8);
  return new Uint8Array(bytes);
};
const structureFault = expect.objectContaining({ code: 'intake_structure' });

describe('readHeader', () => {
  it('reads lengths of 32 and of 64 bits', () => {
    expect(readHeader(fillerBox('moov', 12), 0, 20)).toEqual({ type: 'moov', headerBytes: 8, bytes: 20 });
    expect(readHeader(long(5_000_000_000n), 0, 5_000_000_000)).toEqual({
      type: 'mdat',
      headerBytes: 16,
      bytes: 5_000_000_000,
    });
  });

  it.each([
    ['seven bytes', new Uint8Array(7), 7],
    ['a 64-bit length that is cut off', long(16n).subarray(0, 12), 12],
    ['a 64-bit length beyond all files', long(2n ** 63n), 100],
    ['a 64-bit length below its own header', long(9n), 100],
    ['a length beyond what is left', fillerBox('moov', 12), 19],
    ['a length below its own header', Uint8Array.of(0, 0, 0, 7, 0x6d, 0x6f, 0x6f, 0x76), 8],
    ['no length', Uint8Array.of(0, 0, 0, 0, 0x6d, 0x6f, 0x6f, 0x76), 8],
  ])('refuses %s', (_what, bytes, left) => expect(() => readHeader(bytes, 0, left)).toThrow(structureFault));
});

describe('children', () => {
  it('refuses more boxes than any clip has', () => {
    const crowd = concatBytes(Array.from({ length: 65 }, () => fillerBox('trak', 0)));
    expect(() => children(crowd, { start: 0, end: crowd.length }, new Set(['trak']))).toThrow(structureFault);
    expect(children(crowd, { start: 0, end: 64 * 8 }, new Set(['trak']))).toHaveLength(64);
  });

  it('refuses a rest that is no box', () => {
    const bytes = concatBytes([fillerBox('trak', 4), new Uint8Array(3)]);
    expect(() => children(bytes, { start: 0, end: bytes.length }, new Set(['trak']))).toThrow(structureFault);
  });
});

describe('BoxReader', () => {
  const bytes = new Uint8Array(24).fill(0xff);
  it('never reads beyond its box, though the bytes go on', () => {
    const reader = new BoxReader(bytes, { type: 'stts', start: 4, end: 10 });
    expect(reader.u32()).toBe(0xffff_ffff);
    expect(() => reader.u32()).toThrow(structureFault);
    expect(() => reader.skip(3)).toThrow(structureFault);
  });

  it('refuses numbers that are not exact', () => {
    const reader = new BoxReader(bytes, { type: 'co64', start: 0, end: 24 });
    expect(() => reader.u64()).toThrow(structureFault);
  });
});
