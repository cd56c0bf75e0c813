// Holds: only plain AAC-LC enters a clip, and packets pass through ADTS unchanged.
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { AdtsSplitter, adtsPacket, parseSoundConfig, soundConfigOf } from '../../../../device/contract/media/aac.ts';

describe('a sound configuration', () => {
  it('is accepted when it is plain AAC-LC', () => {
    expect(parseSoundConfig(Uint8Array.of(0x11, 0x90))).toEqual({
      config: Uint8Array.of(0x11, 0x90),
      sampleRate: 48_000,
      channels: 2,
    });
  });

  it('loses the bytes after its first two', () => {
    expect(parseSoundConfig(Uint8Array.of(0x11, 0x88, 0x56, 0xe5, 0x00))?.config).toEqual(Uint8Array.of(0x11, 0x88));
  });

  it.each([
    ['HE-AAC', [0x2b, 0x11, 0x88, 0x00]],
    ['an explicit rate', [0x17, 0x80, 0x5d, 0xc0, 0x08]],
    ['960 samples a packet', [0x11, 0x94]],
    ['channels listed elsewhere', [0x11, 0x80]],
    ['one byte', [0x11]],
  ])('is refused with %s', (_, bytes) => {
    expect(parseSoundConfig(Uint8Array.from(bytes))).toBeNull();
  });
});

describe('ADTS', () => {
  const stereo = soundConfigOf(48_000, 2);
  const packets = [1, 2, 700, 8_184].map((length) => new Uint8Array(length).fill(length & 255));
  const stream = concatBytes(packets.map((packet) => adtsPacket(stereo, packet)));

  it('begins with the header of ISO/IEC 14496-3 §1.A.2', () => {
    expect([...adtsPacket(stereo, Uint8Array.of(9))]).toEqual([0xff, 0xf1, 0x4c, 0x80, 0x01, 0x1f, 0xfc, 9]);
  });

  it.each([1, 7, 1_000, stream.length])('gives the packets back from parts of %i bytes', (length) => {
    const splitter = new AdtsSplitter(stereo);
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += length) found.push(...splitter.push(stream.subarray(at, at + length)));
    expect(found).toEqual(packets);
    expect(splitter.isEmpty).toBe(true);
  });

  it('reports an incomplete packet', () => {
    const splitter = new AdtsSplitter(stereo);
    expect(splitter.push(stream.subarray(0, stream.length - 1))).toHaveLength(3);
    expect(splitter.isEmpty).toBe(false);
  });

  it('is refused with sound of another configuration, and with a packet that is too long', () => {
    expect(() => new AdtsSplitter(soundConfigOf(44_100, 2)).push(stream)).toThrow(/other sound/);
    expect(() => adtsPacket(stereo, new Uint8Array(8_185))).toThrow(/too long/);
  });
});
