// H.264 NAL units (ITU-T H.264 §7.3.1; ISO/IEC 14496-15 §5.3.3): splits a sample into its units and joins units.
import { failure } from '../errors.ts';

/** NAL unit types this project names (ITU-T H.264 Table 7-1). All others are dropped from every clip. */
export const NAL = { slice: 1, partitionA: 2, partitionC: 4, idrSlice: 5, sps: 7, pps: 8, delimiter: 9 } as const;

/** The type of a NAL unit: the low five bits of its first byte; 0 ("unspecified") when it is empty. */
export function nalType(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 31;
}

/**
 * The NAL units of one length-prefixed sample, without their lengths, in order; empty units are skipped.
 * Throws `clip_not_exact` when the lengths do not add up to the sample.
 */
export function splitSample(sample: Uint8Array, lengthBytes: number): Uint8Array[] {
  const units: Uint8Array[] = [];
  let at = 0;
  while (at < sample.length) {
    if (at + lengthBytes > sample.length) throw failure('clip_not_exact', { detail: 'a frame has a torn NAL length' });
    let length = 0;
    for (let byte = 0; byte < lengthBytes; byte += 1) length = length * 256 + (sample[at + byte] ?? 0);
    at += lengthBytes;
    if (at + length > sample.length) throw failure('clip_not_exact', { detail: 'a frame has a torn NAL unit' });
    if (length > 0) units.push(sample.subarray(at, at + length));
    at += length;
  }
  return units;
}

/** One sample: NAL units, each after its 4-byte length. */
export function joinSample(units: readonly Uint8Array[]): Uint8Array {
  return joinUnits(units, (out, at, length) => new DataView(out.buffer).setUint32(at, length));
}

/** Annex B bytes: NAL units, each after the start code 00 00 00 01. */
export function joinAnnexB(units: readonly Uint8Array[]): Uint8Array {
  return joinUnits(units, (out, at) => {
    out[at + 3] = 1;
  });
}

function joinUnits(
  units: readonly Uint8Array[],
  prefix: (out: Uint8Array, at: number, length: number) => void,
): Uint8Array {
  const out = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.length, 0));
  let at = 0;
  for (const unit of units) {
    prefix(out, at, unit.length);
    out.set(unit, at + 4);
    at += 4 + unit.length;
  }
  return out;
}
