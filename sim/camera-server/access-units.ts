// Owns: the unit that travels through a camera that is served: one coded picture or one packet of sound with its times; the format that a
// receiver must know before it; data that a camera hides beside its pictures. Not here: where units come from (camera-footage.ts), what goes
// wrong with them (unit-faults.ts), how they travel (rtp-packets.ts, http-streams.ts).
import { concatBytes, type InitInfo, NAL, nalType, type SoundConfig, splitSample, utf8 } from '../../device/index.ts';

/**
 * One coded picture, or one packet of sound. Times are integer microseconds since the camera's first picture: `ptsUs` and `dtsUs` as the
 * camera claims them, `dueUs` when the unit really leaves it. Faults change the claims and not the truth.
 */
export interface AccessUnit {
  readonly track: 'video' | 'audio';
  readonly ptsUs: number;
  readonly dtsUs: number;
  readonly dueUs: number;
  /** Whether decoding can begin here. */
  readonly key: boolean;
  /** A picture's NAL units, a keyframe's behind its parameter sets; or one packet of AAC. */
  readonly parts: readonly Uint8Array[];
}

/** What a receiver must know before the first unit. */
export interface StreamFormat {
  readonly sps: Uint8Array;
  readonly pps: Uint8Array;
  /** Null for a camera without sound. */
  readonly sound: SoundConfig | null;
}

/** The format of a video track. Null where it is not H.264 with at least one of each parameter set. */
export function videoFormat({ video }: InitInfo): Pick<StreamFormat, 'sps' | 'pps'> | null {
  const [sps, pps] = [video.avc?.sps[0], video.avc?.pps[0]];
  return sps && pps ? { sps, pps } : null;
}

/** A sample's NAL units without delimiters; a keyframe's with all parameter sets of its track in front. Throws `clip_not_exact`. */
export function pictureParts({ video }: InitInfo, sample: { data: Uint8Array; key: boolean }): Uint8Array[] {
  const units = splitSample(sample.data, video.avc?.nalLengthSize ?? 4).filter((nal) => nalType(nal) !== NAL.delimiter);
  if (!sample.key || units.some((nal) => nalType(nal) === NAL.sps)) return units;
  return [...(video.avc?.sps ?? []), ...(video.avc?.pps ?? []), ...units];
}

/** Whether a NAL unit is a parameter set. */
export function isParameterSet(nal: Uint8Array): boolean {
  return nalType(nal) === NAL.sps || nalType(nal) === NAL.pps;
}

const SEI = 6;
const USER_DATA_UNREGISTERED = 5;
/** Names this project's own data among others' (ITU-T H.264 §D.2.7); no byte is 0, so nothing has to be escaped. */
const OWN_UUID = utf8('doorsill-camera!');

/** A NAL unit with text that no picture shows, as cameras write time, place and serial numbers (§D.1.7). Printable ASCII alone. */
export function hiddenText(text: string): Uint8Array {
  const payload = concatBytes([OWN_UUID, utf8(text.replaceAll(/[^\x20-\x7e]/g, '?'))]);
  const size = [...Array<number>(Math.floor(payload.length / 255)).fill(255), payload.length % 255];
  return concatBytes([Uint8Array.of(SEI, USER_DATA_UNREGISTERED, ...size), payload, Uint8Array.of(0x80)]);
}
