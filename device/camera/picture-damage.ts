// Detects damaged and missing pictures of a camera, by the decoder's messages and by `frame_num`. Lost packets: rtp-watch.ts.

import { isFailure } from '@doorsill/contract/errors';
import type { AvcConfig } from '@doorsill/contract/media/avc-config';
import { BitReader, unescapeNal } from '@doorsill/contract/media/bit-reader';
import type { InitInfo, Sample } from '@doorsill/contract/media/fragment';
import { NAL, nalType } from '@doorsill/contract/media/nal';
import { parseSps } from '@doorsill/contract/media/parameter-sets';
import { malformed } from '@doorsill/contract/media/read-boxes';
import { isSlice, unitsOf } from './copy-rules.ts';

/** A message of the H.264 or H.265 decoder; other decoders complain about intact pictures, too. */
const DECODER = /^\[(?:h264|hevc) @ [^\]]{1,40}\] (?:\[\w{1,10}\] )?(.*)$/;

/** Messages that the decoder prints only about a picture that it cannot decode completely. */
const DAMAGE =
  /^(?:error while decoding MB \d|concealing \d+ DC, \d|corrupted macroblock \d|Could not find ref with POC )/;

/** Whether a line of ffmpeg's stderr reports a damaged picture. A camera that forges such a line harms only itself. */
export function reportsDamage(line: string): boolean {
  return DAMAGE.test(DECODER.exec(line)?.[1] ?? '');
}

/**
 * Whether a picture is missing or out of order inside a copied GOP that begins with an IDR picture: reference pictures are numbered
 * without a gap (ITU-T H.264 §7.4.3, `frame_num`). On doubt: false. Pictures missing at a GOP's end are not detected.
 */
export function isPictureMissing(init: InitInfo, video: readonly Sample[]): boolean {
  try {
    return hasGapInNumbers(init, video);
  } catch (thrown) {
    // Unreadable headers prove nothing.
    if (isFailure(thrown)) return false;
    throw thrown;
  }
}

function hasGapInNumbers({ video: { avc } }: InitInfo, [first, ...rest]: readonly Sample[]): boolean {
  if (!avc || !first) return false;
  const inside = [...unitsOf(avc, first.data)].filter((unit) => nalType(unit) === NAL.sps);
  const bitsOfNumber = inside.length > 0 ? bitsOfNumbers(inside) : bitsOfTrack(avc);
  if (bitsOfNumber === null) return false;
  let before = 0;
  for (const { data } of rest) {
    const slice = [...unitsOf(avc, data)].find(isSlice);
    if (!slice) continue;
    const number = numberOf(slice, bitsOfNumber);
    const isNext = number === before || number === (before + 1) % 2 ** bitsOfNumber;
    // A picture may restart the numbers after it (memory_management_control_operation 5).
    if (!isNext && number > 1) return true;
    before = number;
  }
  return false;
}

/** Results for a track's own parameter sets, which all its GOPs share. */
const bitsOfTracks = new WeakMap<AvcConfig, number | null>();

function bitsOfTrack(avc: AvcConfig): number | null {
  const known = bitsOfTracks.get(avc);
  if (known !== undefined) return known;
  const bits = bitsOfNumbers(avc.sps);
  bitsOfTracks.set(avc, bits);
  return bits;
}

/** Length of `frame_num` in bits; null if parameter sets contradict each other, or gaps are allowed. */
function bitsOfNumbers(nals: readonly Uint8Array[]): number | null {
  const [first, ...others] = nals.map((nal) => parseSps(nal, malformed));
  if (!first || [first, ...others].some(({ gapsAllowed, progressive }) => gapsAllowed || !progressive)) return null;
  return others.every(({ frameNumBits }) => frameNumBits === first.frameNumBits) ? first.frameNumBits : null;
}

/** Enough bytes for a slice header up to `frame_num`. */
const HEADER_BYTES = 16;

function numberOf(slice: Uint8Array, bitsOfNumber: number): number {
  const bits = new BitReader(unescapeNal(slice.subarray(1, 1 + HEADER_BYTES)), malformed);
  bits.unsigned(); // first_mb_in_slice
  bits.unsigned(); // slice_type
  bits.unsigned(); // pic_parameter_set_id
  return bits.bits(bitsOfNumber);
}
