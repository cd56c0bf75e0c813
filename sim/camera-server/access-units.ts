// Access units of a served camera (coded pictures, packets of sound), and their stream format.
import { concatBytes, utf8 } from '@doorsill/contract/bytes';
import type { SoundConfig } from '@doorsill/contract/media/aac';
import type { InitInfo } from '@doorsill/contract/media/init-segment';
import { NAL, nalType, splitSample } from '@doorsill/contract/media/nal';
import { parseSps } from '@doorsill/contract/media/parameter-sets';

/**
 * One coded picture, or one packet of sound. Times are integer microseconds since the camera's first picture. `ptsUs` and `dtsUs` are the
 * camera's claims, which faults change; `dueUs` is when the unit really leaves it.
 */
export interface AccessUnit {
  readonly track: 'video' | 'audio';
  readonly ptsUs: number;
  readonly dtsUs: number;
  readonly dueUs: number;
  /** Whether decoding can begin here. */
  readonly key: boolean;
  /** NAL units of one picture (a keyframe's parameter sets first), or one JPEG, or one packet of AAC. */
  readonly parts: readonly Uint8Array[];
}

interface HeardFormat {
  /** Null for a camera without sound. */
  readonly sound: SoundConfig | null;
}

/** H.264 with one of each parameter set. */
export interface H264Format extends HeardFormat {
  readonly codec: 'h264';
  readonly sps: Uint8Array;
  readonly pps: Uint8Array;
}

/** Each picture a JPEG of its own, of this size in pixels. */
interface JpegFormat extends HeardFormat {
  readonly codec: 'mjpeg';
  readonly width: number;
  readonly height: number;
}

/** What a receiver needs before the first unit. */
export type StreamFormat = H264Format | JpegFormat;

/** The sample entry under which ffmpeg writes JPEGs into an MP4 (ISO/IEC 14496-14 §5.6). */
const JPEG_ENTRY = 'mp4v';

/** The format of a video track from one of our ffmpegs. Null if it is neither Motion JPEG nor H.264 with at least one SPS and PPS. */
export function videoFormat({ video }: InitInfo, sound: SoundConfig | null): StreamFormat | null {
  const { avc, codec, width, height } = video;
  const [sps, pps] = [avc?.sps[0], avc?.pps[0]];
  if (sps && pps) return { codec: 'h264', sps, pps, sound };
  return codec === JPEG_ENTRY ? { codec: 'mjpeg', width, height, sound } : null;
}

/** The size of a format's pictures in pixels. */
export function sizeOf(format: StreamFormat): { width: number; height: number } {
  const { width, height } = format.codec === 'h264' ? parseSps(format.sps) : format;
  return { width, height };
}

/** The unit's JPEG; null for another codec. No NAL unit begins with these bytes (ITU-T H.264 §7.4.1). */
export function jpegOf({ track, parts: [first] }: AccessUnit): Uint8Array | null {
  return track === 'video' && first?.[0] === 0xff && first[1] === 0xd8 ? first : null;
}

/**
 * A sample's NAL units without delimiters, a keyframe's with all parameter sets of its track in front; or its JPEG. Throws
 * `clip_not_exact`.
 */
export function pictureParts({ video }: InitInfo, sample: { data: Uint8Array; key: boolean }): Uint8Array[] {
  if (!video.avc) return [sample.data];
  const units = splitSample(sample.data, video.avc.nalLengthSize).filter((nal) => nalType(nal) !== NAL.delimiter);
  if (!sample.key || units.some((nal) => nalType(nal) === NAL.sps)) return units;
  return [...video.avc.sps, ...video.avc.pps, ...units];
}

export function isParameterSet(nal: Uint8Array): boolean {
  return nalType(nal) === NAL.sps || nalType(nal) === NAL.pps;
}

const SEI = 6;
const USER_DATA_UNREGISTERED = 5;
/** Identifies this project's SEI user data (ITU-T H.264 §D.2.7). No byte is 0, so nothing has to be escaped. */
const OWN_UUID = utf8('doorsill-camera!');

/**
 * An SEI NAL unit with text that no picture shows; real cameras write time, place and serial number there (§D.1.7). Printable ASCII only.
 */
export function hiddenText(text: string): Uint8Array {
  const payload = concatBytes([OWN_UUID, utf8(text.replaceAll(/[^\x20-\x7e]/g, '?'))]);
  const size = [...Array<number>(Math.floor(payload.length / 255)).fill(255), payload.length % 255];
  return concatBytes([Uint8Array.of(SEI, USER_DATA_UNREGISTERED, ...size), payload, Uint8Array.of(0x80)]);
}
