import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { FragmentSplitter, type SplitPart } from '../../../../device/contract/media/fragment-splitter.ts';

function box(type: string, length: number, fill: number): Uint8Array {
  const bytes = new Uint8Array(8 + length).fill(fill);
  new DataView(bytes.buffer).setUint32(0, 8 + length);
  bytes.set(
    [...type].map((letter) => letter.charCodeAt(0)),
    4,
  );
  return bytes;
}

const init = concatBytes([box('ftyp', 16, 1), box('moov', 300, 2)]);
const fragment = (length: number, fill: number) => concatBytes([box('moof', 40, fill), box('mdat', length, fill)]);

/** `toEqual` compares texts at once, and arrays byte by byte. */
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Pushes a stream in pieces that end at the given positions. */
function split(stream: Uint8Array, cuts: readonly number[], bytesMax?: number): SplitPart[] {
  const splitter = new FragmentSplitter(bytesMax);
  const places = [...new Set([...cuts.map((cut) => cut % stream.length), stream.length])].sort((a, b) => a - b);
  let from = 0;
  return places.flatMap((to) => {
    const parts = splitter.push(stream.slice(from, to));
    from = to;
    return parts;
  });
}

describe('the fragment splitter', () => {
  it('gives the same parts however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 3_000 }), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        fc.boolean(),
        (lengths, cuts, styp) => {
          const fragments = lengths.map((length, n) => fragment(length, n + 3));
          const between = styp ? [box('styp', 12, 9)] : [];
          const stream = concatBytes([init, ...fragments.flatMap((each) => [...between, each]), box('mfra', 20, 7)]);
          const parts = split(stream, cuts);
          expect(parts.map((part) => part.kind)).toEqual(['init', ...fragments.map(() => 'fragment')]);
          expect(parts.map((part) => hex(part.bytes))).toEqual([init, ...fragments].map(hex));
        },
      ),
    );
  });

  it('returns a fragment that fills its array without a copy, and copies any other', () => {
    const splitter = new FragmentSplitter();
    const [first, second] = [fragment(100, 3), fragment(100, 4)];
    expect(splitter.push(init)[0]?.bytes.buffer).toBe(init.buffer);
    const [whole] = splitter.push(first);
    expect(whole?.bytes).toEqual(first);
    expect(whole?.bytes.buffer).toBe(first.buffer);
    // The array has more bytes after it, or before it.
    const longer = concatBytes([second, Uint8Array.of(0, 0)]);
    const [part] = splitter.push(longer);
    expect(part?.bytes).toEqual(second);
    expect(part?.bytes.buffer).not.toBe(longer.buffer);
  });

  it('returns a part as soon as its last byte has come, even byte by byte', () => {
    const stream = concatBytes([init, fragment(100, 3)]);
    const splitter = new FragmentSplitter();
    const at: number[] = [];
    stream.forEach((byte, n) => {
      if (splitter.push(Uint8Array.of(byte)).length > 0) at.push(n + 1);
    });
    expect(at).toEqual([init.length, stream.length]);
  });

  it('returns nothing of an incomplete fragment', () => {
    const splitter = new FragmentSplitter();
    const parts = splitter.push(concatBytes([init, fragment(100, 3)]).slice(0, -1));
    expect(parts.map((part) => part.kind)).toEqual(['init']);
  });

  it('refuses a fragment over its limit as soon as its size is known, without buffering it', () => {
    const splitter = new FragmentSplitter(1_000);
    splitter.push(init);
    splitter.push(box('moof', 40, 3));
    expect(() => splitter.push(box('mdat', 1_000, 3).slice(0, 8))).toThrow('more than 1000 bytes');
  });

  it('refuses an init segment over 64 KiB', () => {
    expect(() => new FragmentSplitter().push(box('moov', 70_000, 1).slice(0, 8))).toThrow(
      expect.objectContaining({ code: 'fragment_malformed' }),
    );
  });

  it.each([
    ['media data without its moof', [init, box('mdat', 4, 1)]],
    ['a moof without media data', [init, box('moof', 4, 1), box('free', 4, 1)]],
    ['a fragment before the init segment', [fragment(4, 1)]],
    ['a second init segment', [init, box('moov', 4, 1)]],
    ['a second ftyp', [init, box('ftyp', 4, 1)]],
  ])('refuses %s', (_, parts) => {
    expect(() => new FragmentSplitter().push(concatBytes(parts))).toThrow(
      expect.objectContaining({ code: 'fragment_malformed' }),
    );
  });
});
