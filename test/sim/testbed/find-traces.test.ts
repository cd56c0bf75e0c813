import { describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { countFound, piecesOf } from '../../../sim/testbed/find-traces.ts';

const random = new SystemRandom();
const text = (...parts: (string | Uint8Array)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)));

describe('pieces of footage', () => {
  const box = (name: string, content: Uint8Array) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(8 + content.length, 0);
    head.write(name, 4, 'latin1');
    return Buffer.concat([head, content]);
  };
  const media = Buffer.from(random.bytes(20_000));
  const file = Buffer.concat([box('ftyp', Buffer.alloc(16)), box('moov', random.bytes(900)), box('mdat', media)]);
  const pieces = piecesOf(file, 50);

  it('are taken from all pictures and nothing else', () => {
    expect(pieces.length).toBeGreaterThanOrEqual(50);
    const places = pieces.map((piece) => media.indexOf(piece));
    expect(Math.min(...places)).toBe(0);
    expect(Math.max(...places)).toBeGreaterThan(19_000);
    expect(piecesOf(box('moov', random.bytes(900)), 50)).toEqual([]);
  });

  it('are not taken from padding', () => {
    expect(piecesOf(box('mdat', Buffer.alloc(5_000)), 50)).toEqual([]);
  });

  it.each([
    ['as they are', (bytes: Buffer) => bytes],
    ['in base64', (bytes: Buffer) => text(`{"picture":"${bytes.toString('base64')}"}`)],
    ['in base64url, a letter later', (bytes: Buffer) => text(Buffer.concat([text('x'), bytes]).toString('base64url'))],
    ['in base64, two letters later', (bytes: Buffer) => text(Buffer.concat([text('xy'), bytes]).toString('base64'))],
    ['in hex', (bytes: Buffer) => text(bytes.toString('hex'))],
    ['in hex in capitals', (bytes: Buffer) => text(bytes.toString('hex').toUpperCase())],
  ])('are found %s', (_how, disguise) => {
    const innocent = Buffer.from(random.bytes(5_000));
    expect(countFound(pieces, [innocent, disguise(media)])).toBe(pieces.length);
    expect(countFound(pieces, [innocent, disguise(Buffer.from(random.bytes(20_000)))])).toBe(0);
    expect(countFound(pieces.slice(0, 3), [disguise(media.subarray(0, 500))])).toBe(2);
  });
});
