// Owns: telling that pictures of a camera came damaged, or did not come: from the decoder's words, and from the numbers that pictures bear.
// Not here: packets that were lost on the way (rtp-watch.ts), telling it to the owner (capture.ts).

import { isFailure } from '@doorsill/contract/errors';
import type { AvcConfig } from '@doorsill/contract/media/avc-config';
import { BitReader, unescapeNal } from '@doorsill/contract/media/bit-reader';
import type { InitInfo, Sample } from '@doorsill/contract/media/fragment';
import { NAL, nalType } from '@doorsill/contract/media/nal';
import { readSps } from '@doorsill/contract/media/parameter-sets';
import { malformed } from '@doorsill/contract/media/read-boxes';
import { isSlice, unitsOf } from './copy-rules.ts';

/** A decoder of H.264 or H.265 that speaks; others complain about pictures that are well. */
const DECODER = /^\[(?:h264|hevc) @ [^\]]{1,40}\] (?:\[\w{1,10}\] )?(.*)$/;

/** What it says of a picture that cannot be decoded whole, and of nothing else. */
const DAMAGE =
  /^(?:error while decoding MB \d|concealing \d+ DC, \d|corrupted macroblock \d|Could not find ref with POC )/;

/** Whether a line of ffmpeg's stderr says that a picture is damaged. A camera that forges one tells on itself alone. */
export function tellsDamage(line: string): boolean {
  return DAMAGE.test(DECODER.exec(line)?.[1] ?? '');
}

/**
 * Whether a picture is missing inside a copied GOP that begins with an IDR picture, or came out of order: the pictures that others refer to
 * are numbered without a gap (ITU-T H.264 §7.4.3, `frame_num`). On doubt: false. What is missing at a GOP's end cannot be seen.
 */
export function isPictureMissing(init: InitInfo, video: readonly Sample[]): boolean {
  try {
    return hasGapInNumbers(init, video);
  } catch (thrown) {
    // Headers that cannot be read count nothing.
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
    // A picture may order that numbers begin anew behind it (memory_management_control_operation 5).
    if (!isNext && number > 1) return true;
    before = number;
  }
  return false;
}

/** What a track's own sets say, which all its GOPs share. */
const bitsOfTracks = new WeakMap<AvcConfig, number | null>();

function bitsOfTrack(avc: AvcConfig): number | null {
  const known = bitsOfTracks.get(avc);
  if (known !== undefined) return known;
  const bits = bitsOfNumbers(avc.sps);
  bitsOfTracks.set(avc, bits);
  return bits;
}

/** How long the numbers are; null where sets contradict each other, or numbers may be left out. */
function bitsOfNumbers(nals: readonly Uint8Array[]): number | null {
  const [first, ...others] = nals.map((nal) => readSps(nal, malformed));
  if (!first || [first, ...others].some(({ gapsAllowed, progressive }) => gapsAllowed || !progressive)) return null;
  return others.every(({ frameNumBits }) => frameNumBits === first.frameNumBits) ? first.frameNumBits : null;
}

/** Bytes enough for the numbers at the start of a slice header, up to `frame_num`. */
const HEADER_BYTES = 16;

function numberOf(slice: Uint8Array, bitsOfNumber: number): number {
  const bits = new BitReader(unescapeNal(slice.subarray(1, 1 + HEADER_BYTES)), malformed);
  bits.unsigned(); // first_mb_in_slice
  bits.unsigned(); // slice_type
  bits.unsigned(); // pic_parameter_set_id
  return bits.bits(bitsOfNumber);
}
