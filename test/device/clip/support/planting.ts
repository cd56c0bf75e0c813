// Hides text in footage like a camera: after slices, and in data elements of AAC packets.

import type { Segment } from '../../../../device/camera/segment.ts';
import { box, fullBox, u32, u64 } from '../../../../device/clip/mp4-boxes.ts';
import { concatBytes, utf8 } from '../../../../device/contract/bytes.ts';
import { parseFragment, parseInit, type Sample } from '../../../../device/contract/media/fragment.ts';

/** New bytes of a sample; `number` counts the samples of its track over all segments. */
export type Change = (data: Uint8Array, number: number) => Uint8Array;

/** The same segments with other bytes in their samples, and the same times. */
export function withSamples(segments: readonly Segment[], video: Change, audio: Change): Segment[] {
  const count = { video: 0, audio: 0 };
  return segments.map((segment) => {
    const info = parseInit(segment.init);
    const samples = parseFragment(info, segment.fragment);
    const frames = samples.video.map((sample) => ({ ...sample, data: video(sample.data, count.video++) }));
    const packets = samples.audio.map((sample) => ({ ...sample, data: audio(sample.data, count.audio++) }));
    const tracks = [{ id: info.video.trackId, samples: frames }];
    if (info.audio && packets.length > 0) tracks.push({ id: info.audio.trackId, samples: packets });
    return { ...segment, fragment: fragmentOf(tracks) };
  });
}

interface Track {
  id: number;
  samples: readonly Sample[];
}

function fragmentOf(tracks: readonly Track[]): Uint8Array {
  const moof = (from: number) => {
    let at = from + 8;
    const trafs = tracks.map(({ id, samples }) => {
      const dataOffset = at;
      for (const { data } of samples) at += data.length;
      const entries = samples.flatMap(({ duration, data, key, pts, dts }) => [
        ...[duration, data.length, key ? 0x2000000 : 0x1010000, (pts - dts) >>> 0],
      ]);
      return box(
        'traf',
        fullBox('tfhd', 0, 0x20000, u32([id])),
        fullBox('tfdt', 1, 0, signed64(samples[0]?.dts ?? 0)),
        fullBox('trun', 1, 0xf01, u32([samples.length, dataOffset, ...entries])),
      );
    });
    return box('moof', fullBox('mfhd', 0, 0, u32([1])), ...trafs);
  };
  const head = moof(moof(0).length);
  return concatBytes([head, box('mdat', ...tracks.flatMap(({ samples }) => samples.map(({ data }) => data)))]);
}

function signed64(value: number): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeBigInt64BE(BigInt(value));
  return value >= 0 ? u64([value]) : out;
}

/** A length-prefixed frame whose slices each end with more bytes. */
export function behindSlices(frame: Uint8Array, tail: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  for (let at = 0; at < frame.length; ) {
    const length = view.getUint32(at);
    const unit = frame.subarray(at + 4, at + 4 + length);
    const isSlice = [1, 5].includes((unit[0] ?? 0) & 31);
    const grown = isSlice ? concatBytes([unit, tail]) : unit;
    parts.push(u32([grown.length]), grown);
    at += 4 + length;
  }
  return concatBytes(parts);
}

const bitsOf = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');

function bytesOf(bits: string): Uint8Array {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

/** A fill element (ISO/IEC 14496-3 §4.4.2.7) of up to 269 bytes. */
function fillElement(text: string): string {
  const bytes = utf8(text);
  const count = bytes.length < 15 ? bitsOf(Uint8Array.of(bytes.length << 4)).slice(0, 4) : '1111';
  return `110${count}${count === '1111' ? bitsOf(Uint8Array.of(bytes.length - 14)) : ''}${bitsOf(bytes)}`;
}

/** A data stream element (§4.4.2.5), not aligned, of less than 255 bytes. */
function dataElement(text: string): string {
  const bytes = utf8(text);
  return `10000000${bitsOf(Uint8Array.of(bytes.length))}${bitsOf(bytes)}`;
}

/** An AAC packet with a fill and a data stream element after its sound. */
export function behindSound(packet: Uint8Array, fill: string, data: string): Uint8Array {
  const bits = bitsOf(packet);
  const end = bits.lastIndexOf('1') - 2;
  if (bits.slice(end, end + 3) !== '111') throw new Error('the packet has no end element');
  return bytesOf(`${bits.slice(0, end)}${fillElement(fill)}${dataElement(data)}111`);
}

/** An AAC packet with a data stream and a fill element before its sound. */
export function beforeSound(packet: Uint8Array, fill: string, data: string): Uint8Array {
  return bytesOf(`${fillElement(fill)}${dataElement(data)}${bitsOf(packet)}`);
}

/**
 * An AAC packet with libfaac's name before its sound, as in that encoder's first packet: after the extension's type (4 bits) and 13
 * unused bits. ffmpeg's decoder drops such a packet by default.
 */
export function markedByLibfaac(packet: Uint8Array): Uint8Array {
  const payload = `${'0'.repeat(17)}${bitsOf(utf8('libfaac 1.28'))}`.padEnd(120, '0');
  return bytesOf(`1101111${bitsOf(Uint8Array.of(120 / 8 - 14))}${payload}${bitsOf(packet)}`);
}

/** How many of the texts are in the bytes, at any of the eight bit positions: AAC elements are not byte-aligned. */
export function countHeld(bytes: Uint8Array, texts: readonly string[]): number {
  const held = new Set<string>();
  const wanted = new Set(texts);
  const lengths = new Set(texts.map((text) => text.length));
  const starts = new Set(texts.map((text) => text.slice(0, 4)));
  for (let shift = 0; shift < 8; shift += 1) {
    const shifted = Buffer.alloc(bytes.length);
    for (let at = 0; at < bytes.length; at += 1) {
      shifted[at] = (((bytes[at] ?? 0) << shift) | ((bytes[at + 1] ?? 0) >> (8 - shift))) & 255;
    }
    for (const start of starts) {
      for (let at = shifted.indexOf(start); at >= 0; at = shifted.indexOf(start, at + 1)) {
        for (const length of lengths) held.add(shifted.toString('latin1', at, at + length));
      }
    }
  }
  return [...held].filter((text) => wanted.has(text)).length;
}
