// Parses one coded frame and keeps only its slices for the clip. SEI (where cameras put time, place and serial numbers), fillers,
// delimiters and units of unknown types are dropped.

import { failure } from '@doorsill/contract/errors';
import { BitReader, unescapeNal } from '@doorsill/contract/media/bit-reader';
import { NAL, nalType, splitSample } from '@doorsill/contract/media/nal';
import { findSliceEnd } from './h264-slice-end.ts';

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
