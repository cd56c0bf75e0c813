// The boxes of a clip's MP4 (ISO/IEC 14496-12, -14, -15). All creation times are zero, all names empty, and there are only the fields
// that playback needs.
import { concatBytes, utf8 } from '@doorsill/contract/bytes';
import type { SoundConfig } from '@doorsill/contract/media/aac';
import { isHighProfile, type Sps } from '@doorsill/contract/media/parameter-sets';
import { displayMatrix, type Rotation } from './display-rotation.ts';

/** Units of `mvhd`, `tkhd` and `elst` in a second. */
export const MOVIE_TIMESCALE = 90_000;

const U32_MAX = 0xffff_ffff;
/** 'und': undetermined language (ISO 639-2/T, three times five bits). */
const LANGUAGE_NONE = 0x55c4;

const u8 = (...values: number[]) => Uint8Array.from(values);
const u16 = (...values: number[]) => Uint8Array.from(values.flatMap((value) => [value >> 8, value & 255]));

/** Big-endian 32-bit numbers; negative ones as two's complement. */
export function u32(values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  for (let at = 0; at < values.length; at += 1) view.setUint32(at * 4, (values[at] ?? 0) >>> 0);
  return out;
}

/** Big-endian 64-bit numbers. */
export function u64(values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 8);
  const view = new DataView(out.buffer);
  for (let at = 0; at < values.length; at += 1) view.setBigUint64(at * 8, BigInt(values[at] ?? 0));
  return out;
}

/** A box of a type around its content. */
export function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const body = concatBytes(content);
  return concatBytes([u32([body.length + 8]), utf8(type), body]);
}

/** A box with version and flags (§4.2). */
export function fullBox(type: string, version: number, flags: number, ...content: Uint8Array[]): Uint8Array {
  return box(type, u32([version * 2 ** 24 + flags]), ...content);
}

/** The file's brands (§4.3). */
export function ftyp(): Uint8Array {
  return box('ftyp', utf8('isom'), u32([0x200]), utf8('isomiso2avc1mp41'));
}

/** A header with creation and modification time zero, of version 0 or 1 depending on the duration. */
function timed(type: string, flags: number, before: number[], duration: number, ...after: Uint8Array[]): Uint8Array {
  return duration > U32_MAX
    ? fullBox(type, 1, flags, u64([0, 0]), u32(before), u64([duration]), ...after)
    : fullBox(type, 0, flags, u32([0, 0]), u32(before), u32([duration]), ...after);
}

/** Duration in movie units; `nextTrack` is the lowest unused track id. */
export function mvhd(duration: number, nextTrack: number): Uint8Array {
  const fixed = [u32([0x10000]), u16(0x100), u16(0), u32([0, 0]), u32(displayMatrix(0, 0, 0)), u32([0, 0, 0, 0, 0, 0])];
  return timed('mvhd', 0, [MOVIE_TIMESCALE], duration, ...fixed, u32([nextTrack]));
}

/** Flags 3: enabled, in the movie. Sizes are 16.16 fixed point; `volume` is 0x100 for sound. */
function tkhd(id: number, duration: number, volume: number, matrix: number[], size: [number, number]): Uint8Array {
  const end = [u32([0, 0]), u16(0, volume > 0 ? 1 : 0, volume, 0), u32(matrix), u32(size)];
  return timed('tkhd', 3, [id, 0], duration, ...end);
}

/** The header of a video track (§8.3.2). `duration` in movie units. */
export function videoTkhd(id: number, duration: number, sps: Sps, rotation: Rotation): Uint8Array {
  const width = Math.round((sps.width * sps.aspect[0]) / sps.aspect[1]);
  const size: [number, number] = [width * 0x10000, sps.height * 0x10000];
  return tkhd(id, duration, 0, displayMatrix(rotation, width, sps.height), size);
}

/** The header of a sound track (§8.3.2). `duration` in movie units. */
export function audioTkhd(id: number, duration: number): Uint8Array {
  return tkhd(id, duration, 0x100, displayMatrix(0, 0, 0), [0, 0]);
}

/** An edit list that delays sound by `delay` movie units, then plays `duration` of it from its start. */
export function delayedStart(delay: number, duration: number): Uint8Array {
  const wide = Math.max(delay, duration) > U32_MAX;
  const edits = wide
    ? concatBytes([u64([delay]), u32([-1, -1, 0x10000]), u64([duration, 0]), u32([0x10000])])
    : u32([delay, -1, 0x10000, duration, 0, 0x10000]);
  return box('edts', fullBox('elst', wide ? 1 : 0, 0, u32([2]), edits));
}

/** `duration` in units of `timescale`. */
export function mdhd(timescale: number, duration: number): Uint8Array {
  return timed('mdhd', 0, [timescale], duration, u16(LANGUAGE_NONE, 0));
}

/** Which media a track holds (§8.4.3). */
export function hdlr(kind: 'vide' | 'soun'): Uint8Array {
  return fullBox('hdlr', 0, 0, u32([0]), utf8(kind), u32([0, 0, 0]), u8(0));
}

/** The video track's media header (§12.1.2). */
export function vmhd(): Uint8Array {
  return fullBox('vmhd', 0, 1, u16(0, 0, 0, 0));
}

/** The sound track's media header (§12.2.2). */
export function smhd(): Uint8Array {
  return fullBox('smhd', 0, 0, u16(0, 0));
}

/** All data is in this file. */
export function dinf(): Uint8Array {
  return box('dinf', fullBox('dref', 0, 0, u32([1]), fullBox('url ', 0, 1)));
}

/** The decoder configuration record of a clip whose slices use these sets (ISO/IEC 14496-15 §5.3.3.1). */
export function avcC(sps: readonly Sps[], pps: readonly Uint8Array[]): Uint8Array {
  const highest = [...sps].sort((a, b) => b.profileIdc - a.profileIdc)[0];
  const profile = highest?.profileIdc ?? 0;
  const constraints = sps.reduce((common, each) => common & each.constraints, 255);
  const level = Math.max(...sps.map((each) => each.levelIdc));
  const sets = (units: readonly Uint8Array[]) => units.flatMap((unit) => [u16(unit.length), unit]);
  const extension =
    highest && isHighProfile(profile)
      ? u8(0xfc | highest.chromaFormat, 0xf8 | (highest.bitDepthLuma - 8), 0xf8 | (highest.bitDepthChroma - 8), 0)
      : u8();
  const spsBytes = sps.map((each) => each.bytes);
  // Lengths of 4 bytes (lengthSizeMinusOne 3) before every NAL unit.
  return concatBytes([
    u8(1, profile, constraints, level, 0xff, 0xe0 | sps.length),
    ...sets(spsBytes),
    u8(pps.length),
    ...sets(pps),
    extension,
  ]);
}

/** The one sample entry of the video track; `pasp` only where pixels are not square. */
export function avc1(sps: Sps, configuration: Uint8Array): Uint8Array {
  const [across, down] = sps.aspect;
  return box(
    'avc1',
    u16(0, 0, 0, 1),
    u32([0, 0, 0, 0]),
    u16(sps.width, sps.height),
    u32([0x480000, 0x480000, 0]),
    u16(1),
    new Uint8Array(32),
    u16(0x18, 0xffff),
    box('avcC', configuration),
    ...(across === down ? [] : [box('pasp', u32([across, down]))]),
  );
}

/** A descriptor of ISO/IEC 14496-1 §8.3.3; all of ours are shorter than 128 bytes. */
function descriptor(tag: number, ...content: Uint8Array[]): Uint8Array {
  const body = concatBytes(content);
  return concatBytes([u8(tag, body.length), body]);
}

/** The one sample entry of the audio track. Buffer size and bit rates are 0: unspecified. */
export function mp4a(sound: SoundConfig): Uint8Array {
  const decoder = descriptor(4, u8(0x40, 0x15, 0, 0, 0), u32([0, 0]), descriptor(5, sound.config));
  const esds = fullBox('esds', 0, 0, descriptor(3, u16(0), u8(0), decoder, descriptor(6, u8(2))));
  // The rate is 16.16 fixed point with a maximum of 65,535; the configuration has the exact rate.
  const rate = sound.sampleRate > 0xffff ? 0 : sound.sampleRate * 0x10000;
  const channels = sound.channels === 7 ? 8 : sound.channels;
  return box('mp4a', u16(0, 0, 0, 1), u32([0, 0]), u16(channels, 16, 0, 0), u32([rate]), esds);
}
