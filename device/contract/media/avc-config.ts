// The avcC record: H.264's configuration in MP4 (ISO/IEC 14496-15 §5.3.3.1).
import { FieldReader, malformed } from './read-boxes.ts';

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
