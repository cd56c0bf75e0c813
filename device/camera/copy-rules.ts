// Decides from copied fragments whether a source's stream can be kept unchanged or must be encoded.
import type { AvcConfig } from '@doorsill/contract/media/avc-config';
import { BitReader, unescapeNal } from '@doorsill/contract/media/bit-reader';
import type { InitInfo, Sample } from '@doorsill/contract/media/fragment';
import { NAL, nalType } from '@doorsill/contract/media/nal';
import { parseSps } from '@doorsill/contract/media/parameter-sets';
import { FieldReader, malformed } from '@doorsill/contract/media/read-boxes';

/** Longer GOPs make segments that lose too much in a crash and are slow to cut. */
export const GOP_US_MAX = 5_000_000;

/** Why the track must be encoded, in words; null when it can be copied. Throws `fragment_malformed`. */
export function faultOfTrack(init: InitInfo): string | null {
  const { avc, codec } = init.video;
  if (!avc || codec !== 'avc1') return `the codec is ${codec}`;
  for (const nal of avc.sps) {
    const sps = parseSps(nal, malformed);
    if (sps.chromaFormat !== 1 || sps.bitDepthLuma !== 8 || sps.bitDepthChroma !== 8)
      return 'the picture is not 8-bit 4:2:0';
    if (!sps.progressive) return 'the picture is interlaced';
  }
  return null;
}

/** Why a copied GOP shows that the stream must be encoded; null for one closed GOP without reordering. */
export function faultOfGop(init: InitInfo, video: readonly Sample[]): string | null {
  const [first, ...rest] = video;
  const avc = init.video.avc;
  if (!first || !avc) return 'there is no video';
  if (!first.key || firstSliceType(avc, first.data) !== NAL.idrSlice)
    return 'a group of pictures does not begin with an IDR picture';
  let before = first;
  for (const sample of rest) {
    if (sample.key) return 'a fragment holds two groups of pictures';
    // In a container without presentation times (AVI), only the slices show that pictures are reordered.
    if (sample.pts <= before.pts || hasBidirectional(avc, sample.data)) return 'pictures are reordered';
    before = sample;
  }
  return null;
}

/** Whether a GOP is too long to go on copying its stream. The GOP itself is complete and may be kept. */
export function gopTooLong(init: InitInfo, video: readonly Sample[]): boolean {
  const [first, last] = [video[0], video.at(-1)];
  if (!first || !last) return false;
  return ((last.pts - first.pts) * 1_000_000) / init.video.timescale > GOP_US_MAX;
}

/**
 * Whether a copied GOP ends in a sample without a picture, as when a camera is cut off between a frame's delimiter and its slices.
 * Nothing else tells such a partial GOP from a complete one.
 */
export function isCutOff(init: InitInfo, video: readonly Sample[]): boolean {
  const last = video.at(-1);
  return init.video.avc !== null && last !== undefined && firstSliceType(init.video.avc, last.data) === null;
}

/** NAL unit type of a sample's first slice (1 to 5, ISO/IEC 14496-10 Table 7-1); null without one. */
function firstSliceType(avc: AvcConfig, sample: Uint8Array): number | null {
  for (const slice of slicesOf(avc, sample)) return nalType(slice);
  return null;
}

/** Enough bytes for the first two fields of a slice header. */
const SLICE_HEADER_BYTES = 12;

/** Whether a slice is predicted from two directions (§7.4.3: slice_type 1 or 6). */
function hasBidirectional(avc: AvcConfig, sample: Uint8Array): boolean {
  for (const slice of slicesOf(avc, sample)) {
    const bits = new BitReader(unescapeNal(slice.subarray(1, 1 + SLICE_HEADER_BYTES)), malformed);
    bits.unsigned(); // first_mb_in_slice
    if (bits.unsigned() % 5 === 1) return true;
  }
  return false;
}

function* slicesOf(avc: AvcConfig, sample: Uint8Array): Generator<Uint8Array> {
  for (const unit of unitsOf(avc, sample)) if (isSlice(unit)) yield unit;
}

export function isSlice(unit: Uint8Array): boolean {
  return nalType(unit) >= NAL.slice && nalType(unit) <= NAL.idrSlice;
}

/** The NAL units of a sample, in order; trailing bytes too short for a unit are left out. Throws `fragment_malformed`. */
export function* unitsOf(avc: AvcConfig, sample: Uint8Array): Generator<Uint8Array> {
  const fields = new FieldReader(sample);
  while (fields.left > avc.nalLengthSize) {
    let length = 0;
    for (let n = 0; n < avc.nalLengthSize; n += 1) length = length * 256 + fields.u8();
    yield fields.take(length);
  }
}
