// The encoding of one segment inside a sealed record. Decoding is strict: it accepts only bytes that encoding can produce.

import { fromUtf8 } from '@doorsill/contract/bytes';
import type { Segment } from '../camera/segment.ts';

/** Limits of one segment: its two names in UTF-8 bytes, its init segment, its GOP. */
export const SEGMENT_NAME_BYTES_MAX = 255;
export const SEGMENT_INIT_BYTES_MAX = 262_144;
const SEGMENT_FRAGMENT_BYTES_MAX = 67_108_864;

/**
 * Version (1), flags (1), name lengths (1 + 1), index (4), init and fragment lengths (4 + 4), start, end and offset in
 * microseconds (3 x 8), all big-endian; then recording, boot, init and fragment.
 */
const HEAD_BYTES = 40;
const VERSION = 1;
const FLAG_CLOCK_TRUSTED = 1;

/** The parts of a segment's encoding, in order; null when the segment breaks a limit or has invalid times. */
export function encodeSegment(segment: Segment): Uint8Array[] | null {
  const [recordingBytes, bootBytes] = [Buffer.byteLength(segment.recording), Buffer.byteLength(segment.boot)];
  const { index, startUs, endUs, wallOffsetUs, init, fragment } = segment;
  const within =
    recordingBytes <= SEGMENT_NAME_BYTES_MAX &&
    bootBytes <= SEGMENT_NAME_BYTES_MAX &&
    init.length <= SEGMENT_INIT_BYTES_MAX &&
    fragment.length <= SEGMENT_FRAGMENT_BYTES_MAX &&
    Number.isInteger(index) &&
    index >= 0 &&
    index <= 0xffff_ffff &&
    areTimes(startUs, endUs, wallOffsetUs);
  if (!within) return null;
  // Unsafe allocation is fine: every byte is written below.
  const head = Buffer.allocUnsafe(HEAD_BYTES + recordingBytes + bootBytes);
  head.write(segment.recording, HEAD_BYTES);
  head.write(segment.boot, HEAD_BYTES + recordingBytes);
  const view = new DataView(head.buffer, head.byteOffset, HEAD_BYTES);
  view.setUint8(0, VERSION);
  view.setUint8(1, segment.clockTrusted ? FLAG_CLOCK_TRUSTED : 0);
  view.setUint8(2, recordingBytes);
  view.setUint8(3, bootBytes);
  view.setUint32(4, index);
  view.setUint32(8, init.length);
  view.setUint32(12, fragment.length);
  view.setBigInt64(16, BigInt(startUs));
  view.setBigInt64(24, BigInt(endUs));
  view.setBigInt64(32, BigInt(wallOffsetUs));
  return [head, init, fragment];
}

/** Decodes a segment; null for bytes that `encodeSegment` cannot have written. Its arrays are views of `bytes`. */
export function decodeSegment(bytes: Uint8Array): Segment | null {
  if (bytes.length < HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  const flags = view.getUint8(1);
  const initBytes = view.getUint32(8);
  const fragmentBytes = view.getUint32(12);
  if (view.getUint8(0) !== VERSION || (flags & ~FLAG_CLOCK_TRUSTED) !== 0) return null;
  if (initBytes > SEGMENT_INIT_BYTES_MAX || fragmentBytes > SEGMENT_FRAGMENT_BYTES_MAX) return null;
  const bootAt = HEAD_BYTES + view.getUint8(2);
  const initAt = bootAt + view.getUint8(3);
  const fragmentAt = initAt + initBytes;
  if (bytes.length !== fragmentAt + fragmentBytes) return null;
  const recording = fromUtf8(bytes.subarray(HEAD_BYTES, bootAt));
  const boot = fromUtf8(bytes.subarray(bootAt, initAt));
  const startUs = Number(view.getBigInt64(16));
  const endUs = Number(view.getBigInt64(24));
  const wallOffsetUs = Number(view.getBigInt64(32));
  if (recording === null || boot === null || !areTimes(startUs, endUs, wallOffsetUs)) return null;
  return {
    recording,
    index: view.getUint32(4),
    boot,
    clockTrusted: flags === FLAG_CLOCK_TRUSTED,
    startUs,
    endUs,
    wallOffsetUs,
    init: bytes.subarray(initAt, fragmentAt),
    fragment: bytes.subarray(fragmentAt),
  };
}

function areTimes(startUs: number, endUs: number, wallOffsetUs: number): boolean {
  return [startUs, endUs, wallOffsetUs].every(Number.isSafeInteger) && startUs < endUs;
}
