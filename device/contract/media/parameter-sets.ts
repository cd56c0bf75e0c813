// Reads sequence and picture parameter sets whole, to their last bit (ITU-T H.264 §7.3.2.1, §7.3.2.2, Annex E).
import { failure } from '../errors.ts';
import { type BitFault, BitReader, unescapeNal } from './bit-reader.ts';
import { NAL, nalType } from './nal.ts';

/** How colours are to be shown (§E.2.1); 2 is "unspecified". */
interface Colour {
  fullRange: boolean;
  primaries: number;
  transfer: number;
  matrix: number;
}

/** A sequence parameter set, read. */
export interface Sps {
  bytes: Uint8Array;
  id: number;
  profileIdc: number;
  /** constraint_set0..5 flags and two reserved bits, as one byte. */
  constraints: number;
  levelIdc: number;
  chromaFormat: number;
  bitDepthLuma: number;
  bitDepthChroma: number;
  /** Bits of `frame_num` in a slice's header. */
  frameNumBits: number;
  /** gaps_in_frame_num_value_allowed_flag. */
  gapsAllowed: boolean;
  /** Whether every picture is one whole frame. */
  progressive: boolean;
  /** Size after cropping, in pixels. */
  width: number;
  height: number;
  /** Sample aspect ratio, [1, 1] when unspecified. */
  aspect: [number, number];
  colour: Colour | null;
  /** Whether the unit ends with its syntax: no data is hidden after it. */
  clean: boolean;
}

/** A picture parameter set, read. */
export interface Pps {
  bytes: Uint8Array;
  id: number;
  spsId: number;
  /** Flexible macroblock order, which today's decoders do not support. */
  sliceGroups: boolean;
  /** Whether frames may hold redundant pictures: decoders skip them, so one could be hidden in a clip. */
  redundant: boolean;
  clean: boolean;
}

const notExact: BitFault = (detail) => failure('clip_not_exact', { detail });

/** Profiles with chroma_format_idc in their sequence parameter set (§7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Whether a profile's avcC ends with chroma format and bit depths (ISO/IEC 14496-15 §5.3.3.1.2). */
export function isHighProfile(profileIdc: number): boolean {
  return profileIdc === 100 || profileIdc === 110 || profileIdc === 122 || profileIdc === 144;
}

const ASPECTS: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];
const EXTENDED_ASPECT = 255;

/** Reads a sequence parameter set. When it is malformed, throws the error that `fault` makes; default: `clip_not_exact`. */
export function parseSps(nal: Uint8Array, fault: BitFault = notExact): Sps {
  if (nalType(nal) !== NAL.sps) throw fault('a sequence parameter set is none');
  const bits = new BitReader(unescapeNal(nal.subarray(1)), fault);
  const profileIdc = bits.bits(8);
  const constraints = bits.bits(8);
  const levelIdc = bits.bits(8);
  const id = bits.unsigned(31);
  const format = HIGH_PROFILES.has(profileIdc)
    ? readFormat(bits)
    : { chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8, separatePlanes: false };
  const { separatePlanes, ...depths } = format;
  const frameNumBits = bits.unsigned(12) + 4;
  skipOrderCount(bits);
  bits.unsigned(); // max_num_ref_frames
  const gapsAllowed = bits.flag();
  const widthMbs = bits.unsigned(1023) + 1;
  const heightUnits = bits.unsigned(1023) + 1;
  const progressive = bits.flag();
  if (!progressive) bits.flag(); // mb_adaptive_frame_field_flag
  bits.flag(); // direct_8x8_inference_flag
  const crop = bits.flag() ? [bits.unsigned(), bits.unsigned(), bits.unsigned(), bits.unsigned()] : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const fields = progressive ? 1 : 2;
  const subWidth = separatePlanes || depths.chromaFormat === 0 || depths.chromaFormat === 3 ? 1 : 2;
  const subHeight = (!separatePlanes && depths.chromaFormat === 1 ? 2 : 1) * fields;
  const width = widthMbs * 16 - (left + right) * subWidth;
  const height = heightUnits * 16 * fields - (top + bottom) * subHeight;
  if (width < 1 || height < 1) throw fault('a picture without a size');
  const vui = bits.flag() ? readVui(bits) : { aspect: [1, 1] as [number, number], colour: null };
  const clean = bits.atTrailingBits();
  const numbers = { frameNumBits, gapsAllowed };
  const picture = { ...depths, ...numbers, progressive, width, height, ...vui };
  return { bytes: nal, id, profileIdc, constraints, levelIdc, ...picture, clean };
}

function readFormat(bits: BitReader) {
  const chromaFormat = bits.unsigned(3);
  const separatePlanes = chromaFormat === 3 && bits.flag();
  const bitDepthLuma = bits.unsigned(6) + 8;
  const bitDepthChroma = bits.unsigned(6) + 8;
  bits.flag(); // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) skipScalingMatrix(bits, chromaFormat === 3 ? 12 : 8);
  return { chromaFormat, bitDepthLuma, bitDepthChroma, separatePlanes };
}

function skipScalingMatrix(bits: BitReader, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (!bits.flag()) continue;
    let [last, next] = [8, 8];
    for (let at = 0; at < (list < 6 ? 16 : 64); at += 1) {
      if (next !== 0) next = (last + bits.signed() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

function skipOrderCount(bits: BitReader): void {
  const type = bits.unsigned(2);
  if (type === 0) bits.unsigned(); // log2_max_pic_order_cnt_lsb_minus4
  if (type !== 1) return;
  bits.flag(); // delta_pic_order_always_zero_flag
  bits.signed(); // offset_for_non_ref_pic
  bits.signed(); // offset_for_top_to_bottom_field
  for (let left = bits.unsigned(255); left > 0; left -= 1) bits.signed(); // offset_for_ref_frame
}

function readVui(bits: BitReader): { aspect: [number, number]; colour: Colour | null } {
  let aspect: [number, number] = [1, 1];
  if (bits.flag()) {
    const idc = bits.bits(8);
    const [x, y] = idc === EXTENDED_ASPECT ? [bits.bits(16), bits.bits(16)] : (ASPECTS[idc] ?? [1, 1]);
    if (x > 0 && y > 0) aspect = [x, y];
  }
  if (bits.flag()) bits.flag(); // overscan_appropriate_flag
  let colour: Colour | null = null;
  if (bits.flag()) {
    bits.bits(3); // video_format
    colour = { fullRange: bits.flag(), primaries: 2, transfer: 2, matrix: 2 };
    if (bits.flag()) {
      colour = { ...colour, primaries: bits.bits(8), transfer: bits.bits(8), matrix: bits.bits(8) };
    }
  }
  if (bits.flag()) {
    bits.unsigned(); // chroma_sample_loc_type_top_field
    bits.unsigned(); // chroma_sample_loc_type_bottom_field
  }
  if (bits.flag()) {
    bits.bits(32); // num_units_in_tick
    bits.bits(32); // time_scale
    bits.flag(); // fixed_frame_rate_flag
  }
  const nalHrd = bits.flag();
  if (nalHrd) skipHrd(bits);
  const vclHrd = bits.flag();
  if (vclHrd) skipHrd(bits);
  if (nalHrd || vclHrd) bits.flag(); // low_delay_hrd_flag
  bits.flag(); // pic_struct_present_flag
  if (bits.flag()) {
    bits.flag(); // motion_vectors_over_pic_boundaries_flag
    for (let left = 6; left > 0; left -= 1) bits.unsigned();
  }
  return { aspect, colour };
}

function skipHrd(bits: BitReader): void {
  const count = bits.unsigned(31) + 1;
  bits.bits(8); // bit_rate_scale, cpb_size_scale
  for (let left = count; left > 0; left -= 1) {
    bits.unsigned();
    bits.unsigned();
    bits.flag();
  }
  bits.bits(20); // four lengths of five bits
}

/** Reads a picture parameter set; `chromaFormatOf` gives the chroma_format_idc of a sequence parameter set by its id. */
export function parsePps(nal: Uint8Array, chromaFormatOf: (spsId: number) => number): Pps {
  if (nalType(nal) !== NAL.pps) throw failure('clip_not_exact', { detail: 'a picture parameter set is none' });
  const bits = new BitReader(unescapeNal(nal.subarray(1)), notExact);
  const id = bits.unsigned(255);
  const spsId = bits.unsigned(31);
  bits.bits(2); // entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
  if (bits.unsigned() > 0) return { bytes: nal, id, spsId, sliceGroups: true, redundant: false, clean: false };
  bits.unsigned(); // num_ref_idx_l0_default_active_minus1
  bits.unsigned(); // num_ref_idx_l1_default_active_minus1
  bits.bits(3); // weighted_pred_flag, weighted_bipred_idc
  bits.signed(); // pic_init_qp_minus26
  bits.signed(); // pic_init_qs_minus26
  bits.signed(); // chroma_qp_index_offset
  bits.bits(2); // deblocking_filter_control_present_flag, constrained_intra_pred_flag
  const redundant = bits.flag(); // redundant_pic_cnt_present_flag
  if (bits.moreData()) {
    const transform8x8 = bits.flag();
    if (bits.flag()) skipScalingMatrix(bits, 6 + (transform8x8 ? (chromaFormatOf(spsId) === 3 ? 6 : 2) : 0));
    bits.signed(); // second_chroma_qp_index_offset
  }
  return { bytes: nal, id, spsId, sliceGroups: false, redundant, clean: bits.atTrailingBits() };
}
