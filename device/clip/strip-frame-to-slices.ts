// Parses one coded frame and keeps only its slices for the clip. SEI (where cameras put time, place and serial numbers), fillers,
// delimiters and units of unknown types are dropped.

import { failure } from '@doorsill/contract/errors';
import { BitReader, unescapeNal } from '@doorsill/contract/media/bit-reader';
import { NAL, nalType, splitSample } from '@doorsill/contract/media/nal';

/** A coded frame, reduced to the parts needed to show it. */
export interface Frame {
  /** NAL units of types 1 and 5, bit for bit up to the end of the slice, in order. */
  slices: Uint8Array[];
  /** Parameter sets that came with the frame, in order. */
  sets: Uint8Array[];
  /** Whether decoding can start at this frame (instantaneous decoding refresh). */
  idr: boolean;
  /** Whether a slice is bi-predicted, so that display order may differ from decoding order. */
  bidirectional: boolean;
  /** Whether it uses coding tools of the Extended profile only. */
  extended: boolean;
  /** Whether other data seems to follow a slice, or two slices cover the same part of the picture. */
  doubtful: boolean;
  /** Picture parameter sets that its slices refer to. */
  ppsIds: number[];
  /** Size of the frame in a clip: each slice after a 4-byte length. */
  sizeBytes: number;
}

/** Enough bytes for the first three fields of a slice header. */
const SLICE_HEADER_BYTES = 16;

/** Reads one length-prefixed sample. Throws `clip_not_exact` when it is malformed or contains no picture. */
export function readFrame(sample: Uint8Array, lengthBytes: number): Frame {
  return frameOf(splitSample(sample, lengthBytes));
}

/** Builds a frame from NAL units. Throws `clip_not_exact` when they are malformed or contain no picture. */
export function frameOf(units: readonly Uint8Array[]): Frame {
  const frame: Frame = {
    slices: [],
    sets: [],
    idr: false,
    bidirectional: false,
    extended: false,
    doubtful: false,
    ppsIds: [],
    sizeBytes: 0,
  };
  let idrSlices = 0;
  let lastMb = -1;
  for (const unit of units) {
    const type = nalType(unit);
    if (type === NAL.sps || type === NAL.pps) frame.sets.push(unit);
    if (type >= NAL.partitionA && type <= NAL.partitionC) frame.extended = true;
    if (type !== NAL.slice && type !== NAL.idrSlice) continue;
    const { length, doubtful } = findSliceEnd(unit);
    const slice = unit.subarray(0, length);
    const header = readSliceHeader(slice);
    frame.doubtful ||= doubtful || header.firstMb <= lastMb;
    lastMb = header.firstMb;
    frame.bidirectional ||= header.type === 1;
    frame.extended ||= header.type > 2;
    if (!frame.ppsIds.includes(header.ppsId)) frame.ppsIds.push(header.ppsId);
    if (type === NAL.idrSlice) idrSlices += 1;
    frame.slices.push(slice);
    frame.sizeBytes += 4 + slice.length;
  }
  if (frame.slices.length === 0 && !frame.extended) throw failure('clip_not_exact', { detail: 'a frame is empty' });
  frame.idr = idrSlices > 0 && idrSlices === frame.slices.length;
  return frame;
}

const notExact = (detail: string) => failure('clip_not_exact', { detail });

/** The start of a slice header (§7.3.3). Type: 0 P, 1 B, 2 I, 3 SP, 4 SI. */
function readSliceHeader(unit: Uint8Array): { firstMb: number; type: number; ppsId: number } {
  const bits = new BitReader(unescapeNal(unit.subarray(1, 1 + SLICE_HEADER_BYTES)), notExact);
  const firstMb = bits.unsigned();
  const type = bits.unsigned();
  const ppsId = bits.unsigned();
  if (type > 9 || ppsId > 255) throw failure('clip_not_exact', { detail: 'a slice header is out of range' });
  return { firstMb, type: type % 5, ppsId };
}

/** A NAL unit has two zeros in a row only before the byte 03 (ITU-T H.264 §7.4.1). */
const TWO_ZEROS = Uint8Array.of(0, 0);

/** Bytes at a slice's end that are searched for text. */
const TAIL_BYTES = 128;

/** In coded pictures, 18 printable characters in a row occur in the last 128 bytes of one slice in half a million. */
const TEXT_LENGTH_MIN = 18;

interface SliceEnd {
  /** Length of the slice without trailing `cabac_zero_words`, zeros, and start codes with all bytes after them. */
  length: number;
  /** Whether it may still contain other data, which only encoding the picture anew removes. */
  doubtful: boolean;
}

/**
 * Finds the end of a slice, as far as possible without decoding its entropy-coded data. A decoder reads no further than a start code or
 * three zeros (§B.1.1, §7.4.1), and nothing but zeros follows `cabac_zero_words` (§7.3.2.10), which an encoder writes as 00 00 03.
 */
function findSliceEnd(unit: Uint8Array): SliceEnd {
  const bytes = Buffer.from(unit.buffer, unit.byteOffset, unit.byteLength);
  let length = bytes.length;
  let doubtful = false;
  for (let at = bytes.indexOf(TWO_ZEROS); at >= 0; at = bytes.indexOf(TWO_ZEROS, at + 2)) {
    const third = bytes[at + 2];
    if (third !== undefined && third < 3) {
      length = at;
      break;
    }
    // The byte after an emulation prevention byte is at most 03, if there is one.
    if (third === 3 && (bytes[at + 3] ?? 0) > 3) doubtful = true;
  }
  length = withoutZeroWords(bytes, length);
  return { length, doubtful: doubtful || endsWithText(bytes.subarray(0, length)) };
}

function withoutZeroWords(bytes: Uint8Array, length: number): number {
  let end = length;
  for (;;) {
    if (end > 0 && bytes[end - 1] === 0) end -= 1;
    else if (end > 2 && bytes[end - 1] === 3 && bytes[end - 2] === 0 && bytes[end - 3] === 0) end -= 3;
    else return end;
  }
}

/** Whether there is a run of printable ASCII near the end, as some cameras append without hiding it. */
function endsWithText(bytes: Uint8Array): boolean {
  let run = 0;
  for (let at = Math.max(0, bytes.length - TAIL_BYTES); at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    run = byte >= 0x20 && byte < 0x7f ? run + 1 : 0;
    if (run >= TEXT_LENGTH_MIN) return true;
  }
  return false;
}
