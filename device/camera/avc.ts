// Owns: what an H.264 stream says of itself: the avcC record (ISO/IEC 14496-15 §5.3.3.1) and the parts of a sequence
// parameter set (ISO/IEC 14496-10 §7.3.2.1.1) that decide whether it can be cut without re-encoding.
// Not here: slices and SEI (the clip's cut reads those).
import { FieldReader, malformed } from './boxes.ts';

/** A decoder configuration record. The parameter sets are views into it: NAL units with their header byte. */
export interface AvcConfig {
  /** The record's bytes, as in the `avcC` box. */
  readonly record: Uint8Array;
  readonly profile: number;
  readonly compatibility: number;
  readonly level: number;
  /** Bytes of the length in front of each NAL unit in a sample: 1, 2 or 4. */
  readonly nalLengthSize: number;
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** What a sequence parameter set says of the picture's kind. */
export interface SpsFacts {
  /** 0 gray, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepth: number;
  /** Whether every picture is a whole frame (no interlaced coding). */
  readonly progressive: boolean;
}

const NAL_BYTES_MAX = 65_535;

/** Reads an avcC record. Throws `fragment_malformed`. */
export function parseAvcConfig(record: Uint8Array): AvcConfig {
  const fields = new FieldReader(record);
  if (fields.u8() !== 1) throw malformed('an avcC record of an unknown version');
  const [profile, compatibility, level] = [fields.u8(), fields.u8(), fields.u8()];
  const nalLengthSize = (fields.u8() & 3) + 1;
  if (nalLengthSize === 3) throw malformed('an avcC record with NAL lengths of 3 bytes');
  const sets = (count: number) => Array.from({ length: count }, () => fields.take(fields.u16()));
  const sps = sets(fields.u8() & 31);
  const pps = sets(fields.u8());
  if (sps.length === 0 || pps.length === 0) throw malformed('an avcC record without parameter sets');
  return { record, profile, compatibility, level, nalLengthSize, sps, pps };
}

/** Removes emulation prevention bytes (§7.4.1): what is left is the raw byte sequence payload. */
export function unescapeNal(nal: Uint8Array): Uint8Array {
  const out = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  // By index: an iterator for each of many short headers costs more than they do.
  for (let at = 0; at < nal.length; at += 1) {
    const byte = nal[at] ?? 0;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** Reads bits and Exp-Golomb codes (§9.1) from a raw byte sequence payload. */
export class BitReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  bit(): number {
    const byte = this.bytes[this.at >> 3];
    if (byte === undefined) throw malformed('a parameter set ends early');
    return (byte >> (7 - (this.at++ & 7))) & 1;
  }

  bits(count: number): number {
    let value = 0;
    for (let n = 0; n < count; n += 1) value = value * 2 + this.bit();
    return value;
  }

  /** ue(v) */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros += 1;
      if (zeros > 32) throw malformed('a parameter set has an endless number');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v) */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}

/** Profiles whose parameter sets carry chroma format, bit depth and scaling lists (§7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function skipScalingLists(bits: BitReader, chromaFormat: number): void {
  for (let list = 0; list < (chromaFormat === 3 ? 12 : 8); list += 1) {
    if (bits.bit() === 0) continue;
    let [last, next] = [8, 8];
    for (let n = 0; n < (list < 6 ? 16 : 64); n += 1) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      last = next === 0 ? last : next;
    }
  }
}

/** Reads a sequence parameter set NAL unit. Throws `fragment_malformed`. */
export function parseSps(nal: Uint8Array): SpsFacts {
  if (nal.length > NAL_BYTES_MAX || ((nal[0] ?? 0) & 31) !== 7) throw malformed('not a sequence parameter set');
  const bits = new BitReader(unescapeNal(nal.subarray(1)));
  const profile = bits.bits(8);
  bits.bits(16);
  bits.ue();
  let [chromaFormat, bitDepth] = [1, 8];
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = bits.ue();
    if (chromaFormat === 3) bits.bit();
    bitDepth = 8 + Math.max(bits.ue(), bits.ue());
    bits.bit();
    if (bits.bit() === 1) skipScalingLists(bits, chromaFormat);
  }
  bits.ue();
  const orderType = bits.ue();
  if (orderType === 0) bits.ue();
  if (orderType === 1) {
    bits.bit();
    bits.se();
    bits.se();
    const cycle = bits.ue();
    if (cycle > 255) throw malformed('a parameter set has an endless order cycle');
    for (let n = 0; n < cycle; n += 1) bits.se();
  }
  bits.ue();
  bits.bit();
  bits.ue();
  bits.ue();
  return { chromaFormat, bitDepth, progressive: bits.bit() === 1 };
}
