// Hostile MP4 files with excessive counts, sizes and depths, and boxes to build them.
import { deflateSync } from 'node:zlib';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { grown } from '../../../support/plain-mp4.ts';

/** Big-endian 32-bit numbers. */
export function u32(values: readonly number[]): Uint8Array {
  const out = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) out.writeUInt32BE(value >>> 0, at * 4);
  return out;
}

/** A big-endian 64-bit number. */
export function u64(value: number): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value));
  return out;
}

/** An ISO base media box. */
export function box(type: string, ...content: readonly Uint8Array[]): Uint8Array {
  const bytes = concatBytes(content);
  return concatBytes([u32([bytes.length + 8]), Buffer.from(type, 'latin1'), bytes]);
}

/** A box of version 0 without flags. */
export function fullBox(type: string, ...content: readonly Uint8Array[]): Uint8Array {
  return box(type, u32([0]), ...content);
}

/** A RIFF chunk. */
export function chunk(type: string, content: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.length);
  return concatBytes([Buffer.from(type, 'latin1'), length, content]);
}

/** The start of a plausible MP4. */
export const FTYP = box('ftyp', Buffer.from('isom\0\0\0\0isommp41', 'latin1'));

const HUGE = 0xffff_ffff;

/** MP4s with excessive counts, sizes and depths. */
export function boxBombs(plain: Uint8Array): [string, Uint8Array][] {
  const tables = (name: string, type: string, content: Uint8Array): [string, Uint8Array] => [
    name,
    withTable(plain, type, content),
  ];
  return [
    ['nested-100000-deep', concatBytes([FTYP, nested(100_000)])],
    [
      'a-hundred-thousand-tracks',
      concatBytes([FTYP, box('moov', ...Array.from({ length: 100_000 }, () => box('trak')))]),
    ],
    ['size-0', concatBytes([FTYP, u32([0]), Buffer.from('moov')])],
    ['size-2-to-the-63', concatBytes([FTYP, u32([1]), Buffer.from('moov'), u32([0x7fff_ffff, HUGE])])],
    ['size-2-to-the-64', concatBytes([FTYP, u32([1]), Buffer.from('moov'), u32([HUGE, HUGE])])],
    ['size-beyond-the-end', concatBytes([FTYP, u32([HUGE]), Buffer.from('moov'), plain.subarray(0, 500)])],
    tables('stsz-of-2-to-the-32', 'stsz', u32([0, 0, HUGE])),
    tables('stsz-of-equal-2-to-the-32', 'stsz', u32([0, 1, HUGE])),
    tables('stsz-of-equal-10-million', 'stsz', u32([0, 1, 10_000_000])),
    tables('stts-of-2-to-the-32-entries', 'stts', u32([0, HUGE])),
    tables('stts-of-2-to-the-32-samples', 'stts', u32([0, 1, HUGE, 1])),
    tables('stts-of-endless-frames', 'stts', u32([0, 1, 10, HUGE])),
    tables('stsc-of-2-to-the-32', 'stsc', u32([0, HUGE, 1, HUGE, 1])),
    tables('stsc-of-huge-chunks', 'stsc', u32([0, 1, 1, HUGE, 1])),
    tables('stco-of-2-to-the-32', 'stco', u32([0, HUGE])),
    tables('stss-of-2-to-the-32', 'stss', u32([0, HUGE])),
    tables('stsd-of-2-to-the-32', 'stsd', u32([0, HUGE])),
    tables('elst-of-2-to-the-32', 'elst', u32([0, HUGE])),
    tables('elst-of-endless-edits', 'elst', u32([0, 1, HUGE, 0, 0x1_0000])),
    tables(
      'elst-of-a-thousand-edits',
      'elst',
      u32([0, 1_000, ...Array.from({ length: 3_000 }, (_, n) => [10, 0, 0x1_0000][n % 3] ?? 0)]),
    ),
    tables('dref-of-2-to-the-32', 'dref', u32([0, HUGE])),
    tables('mdhd-of-timescale-0', 'mdhd', u32([0, 0, 0, 0, 1, 0x55c4_0000])),
    ['ctts-of-2-to-the-32', grown(plain, ['moov', 'trak', 'mdia', 'minf', 'stbl'], fullBox('ctts', u32([HUGE, 1, 1])))],
    ['keys-of-2-to-the-32', grown(plain, ['moov'], box('meta', u32([0]), fullBox('keys', u32([HUGE]))))],
    ['senc-of-2-to-the-32', grown(plain, ['moov', 'trak'], fullBox('senc', u32([HUGE])))],
    ['sidx-of-65535', concatBytes([FTYP, fullBox('sidx', u32([1, 1, 0, 0, 0xffff])), plain])],
    ['trun-of-2-to-the-32', concatBytes([plain, trun(HUGE)])],
    ['trun-of-100-million-of-nothing', concatBytes([plain, trun(100_000_000)])],
    ['compressed-header-bomb', concatBytes([FTYP, compressedHeader(200_000_000)])],
    ['compressed-header-lie', concatBytes([FTYP, compressedHeader(1_000, HUGE)])],
  ];
}

function nested(depth: number): Uint8Array {
  const out = Buffer.alloc(depth * 8);
  for (let level = 0; level < depth; level += 1) {
    out.writeUInt32BE((depth - level) * 8, level * 8);
    out.write(level % 2 === 0 ? 'moov' : 'trak', level * 8 + 4, 'latin1');
  }
  return out;
}

/** A fragment of one run that claims `count` samples, each of default size. */
function trun(count: number): Uint8Array {
  const traf = box('traf', fullBox('tfhd', u32([1])), fullBox('trun', u32([count])));
  return concatBytes([box('moof', fullBox('mfhd', u32([1])), traf), box('mdat', new Uint8Array(64))]);
}

/** QuickTime's compressed header: `bytes` zeros, with a stated length of `told`. */
function compressedHeader(bytes: number, told = bytes): Uint8Array {
  const packed = deflateSync(new Uint8Array(bytes), { level: 9 });
  return box('moov', box('cmov', box('dcom', Buffer.from('zlib')), box('cmvd', u32([told]), packed)));
}

/** The file with the content of the first box of a type replaced, its parents resized, and the media unmoved. */
function withTable(file: Uint8Array, type: string, content: Uint8Array): Uint8Array {
  const out = Buffer.from(file);
  // The old table becomes a filler, and the new one is appended to their parent.
  const at = out.indexOf(type, 0, 'latin1');
  if (at < 0) throw new Error(`no ${type}`);
  out.write('free', at, 'latin1');
  const holders: Record<string, string[]> = {
    elst: ['moov', 'trak', 'edts'],
    mdhd: ['moov', 'trak', 'mdia'],
    dref: ['moov', 'trak', 'mdia', 'minf', 'dinf'],
  };
  return grown(out, holders[type] ?? ['moov', 'trak', 'mdia', 'minf', 'stbl'], box(type, content));
}
