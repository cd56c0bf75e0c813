import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../../../device/contract/bytes.ts';
import { boxesIn, FieldReader, findBox, needBox, readBox } from '../../../../device/contract/media/read-boxes.ts';

function box(type: string, content: Uint8Array, wide = false): Uint8Array {
  const header = new DataView(new ArrayBuffer(wide ? 16 : 8));
  header.setUint32(0, wide ? 1 : content.length + 8);
  for (let n = 0; n < 4; n += 1) header.setUint8(4 + n, type.charCodeAt(n));
  if (wide) header.setBigUint64(8, BigInt(content.length + 16));
  return concatBytes([new Uint8Array(header.buffer), content]);
}

describe('boxes', () => {
  it('walks boxes with sizes of 32 and of 64 bits', () => {
    const bytes = concatBytes([box('free', utf8('abc')), box('mdat', utf8('defgh'), true)]);
    expect([...boxesIn(bytes)]).toEqual([
      { type: 'free', start: 0, contentStart: 8, end: 11 },
      { type: 'mdat', start: 11, contentStart: 27, end: 32 },
    ]);
  });

  it('finds a box along a path and says which one is missing', () => {
    const bytes = box('moov', box('mvex', box('trex', utf8('x'))));
    expect(needBox(bytes, ['moov', 'mvex', 'trex']).contentStart).toBe(24);
    expect(() => needBox(bytes, ['moov', 'trak'])).toThrow('there is no trak box');
    expect(findBox(bytes, 'free')).toBeNull();
  });

  it.each([
    ['longer than what holds it', Uint8Array.of(0, 0, 0, 9, 102, 114, 101, 101)],
    ['shorter than its header', Uint8Array.of(0, 0, 0, 7, 102, 114, 101, 101)],
    ['of the size 0 that means "to the end"', Uint8Array.of(0, 0, 0, 0, 102, 114, 101, 101)],
    ['of a 64-bit size beyond exact numbers', Uint8Array.of(0, 0, 0, 1, 1, 1, 1, 1, 127, 0, 0, 0, 0, 0, 0, 0)],
    ['cut inside its header', Uint8Array.of(0, 0, 0, 8, 102)],
  ])('refuses a box %s', (_, bytes) => {
    expect(() => [...boxesIn(bytes)]).toThrow(expect.objectContaining({ code: 'fragment_malformed' }));
  });

  it('refuses an endless number of boxes', () => {
    const bytes = concatBytes(Array.from({ length: 5_000 }, () => box('free', new Uint8Array(0))));
    expect(() => [...boxesIn(bytes)]).toThrow('too many boxes');
  });

  it('reads nothing beyond the given end', () => {
    const fields = new FieldReader(Uint8Array.of(1, 2, 3, 4, 5), 1, 4);
    expect(fields.u16()).toBe(0x0203);
    expect(() => fields.u16()).toThrow(expect.objectContaining({ code: 'fragment_malformed' }));
    expect(() => fields.skip(-1)).toThrow(expect.objectContaining({ code: 'fragment_malformed' }));
  });

  it('waits for more bytes while the header of a box in a stream is incomplete', () => {
    expect(readBox(Uint8Array.of(0, 0, 0, 1, 109, 100, 97, 116, 0, 0), 0)).toBeNull();
    expect(readBox(Uint8Array.of(0, 0, 1, 0, 109, 100, 97, 116), 0)?.end).toBe(256);
  });

  it('throws no other error than its code, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          for (const each of boxesIn(bytes)) expect(each.end).toBeLessThanOrEqual(bytes.length);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'fragment_malformed' });
        }
      }),
    );
  });
});
