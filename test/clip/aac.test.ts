// Shows which sound configurations enter a clip, and that what encoders write in front of the sound is blanked.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../device/base/bytes.ts';
import { blankLeadingData, readSoundConfig } from '../../device/clip/aac.ts';

/** Bytes from a text of bits. */
function bytesOf(bits: string): Uint8Array {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

const bitsOf = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');

/** A single channel element that begins 000, with sound behind it. */
const SOUND = `000${bitsOf(Uint8Array.of(0x5a, 0xc3, 0x11, 0x7f))}`;
const NAME = bitsOf(utf8('Lavc'));

describe('a sound configuration', () => {
  it('is taken when it is plain AAC-LC', () => {
    expect(readSoundConfig(Uint8Array.of(0x11, 0x90))).toEqual({
      config: Uint8Array.of(0x11, 0x90),
      sampleRate: 48_000,
      channels: 2,
    });
  });

  it('loses what follows its two bytes', () => {
    expect(readSoundConfig(Uint8Array.of(0x11, 0x88, 0x56, 0xe5, 0x00))?.config).toEqual(Uint8Array.of(0x11, 0x88));
  });

  it.each([
    ['HE-AAC', [0x2b, 0x11, 0x88, 0x00]],
    ['an explicit rate', [0x17, 0x80, 0x5d, 0xc0, 0x08]],
    ['960 samples a packet', [0x11, 0x94]],
    ['channels listed elsewhere', [0x11, 0x80]],
    ['one byte', [0x11]],
  ])('is refused with %s', (_, bytes) => {
    expect(readSoundConfig(Uint8Array.from(bytes))).toBeNull();
  });
});

describe('a sound packet', () => {
  it('stays as it is when it begins with sound', () => {
    const packet = bytesOf(SOUND);
    expect(blankLeadingData(packet)).toBe(packet);
  });

  it('has a fill element in front of its sound blanked, and nothing else', () => {
    const packet = bytesOf(`110${'0100'}${NAME}${SOUND}`);
    expect(bitsOf(blankLeadingData(packet))).toBe(bitsOf(bytesOf(`110${'0100'}${'0'.repeat(32)}${SOUND}`)));
  });

  it('has a long fill element and an aligned data stream blanked', () => {
    const fill = `110${'1111'}${'00000010'}`;
    const data = `100${'0000'}1${'00000100'}`;
    const before = `${fill}${'1'.repeat(128)}${data}`;
    const align = '0'.repeat((8 - (before.length % 8)) % 8);
    const packet = bytesOf(`${before}${align}${NAME}${SOUND}`);
    const blank = bytesOf(`${fill}${'0'.repeat(128)}${data}${align}${'0'.repeat(32)}${SOUND}`);
    expect(bitsOf(blankLeadingData(packet))).toBe(bitsOf(blank));
  });

  it('is refused when its data reaches beyond its end', () => {
    expect(() => blankLeadingData(bytesOf(`110${'1111'}${'11111111'}`))).toThrow(/ends too early/);
  });
});
