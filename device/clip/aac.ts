// Owns: AAC packets (ISO/IEC 14496-3): which configuration may enter a clip, when a packet sounds, and blanking the data
// an encoder can put in front of the sound. Not here: which packets are in the window (survey.ts).
import { BitReader } from './nal.ts';

/** Samples of one AAC packet; it sounds over twice as many, because packets overlap (§4.6.11). */
export const PACKET_SAMPLES = 1024;

/** Audio object type AAC Low Complexity (§1.5.1.1). */
const LOW_COMPLEXITY = 2;
/** samplingFrequencyIndex that is followed by the rate itself (§1.6.3.3). */
const EXPLICIT_RATE = 15;

const RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/** What a clip needs to know of a sound configuration. */
export interface SoundConfig {
  /** AudioSpecificConfig of exactly its first two bytes: Low Complexity, rate, channels, 1024 samples a packet. */
  config: Uint8Array;
  sampleRate: number;
  channels: number;
}

/**
 * Reads an AudioSpecificConfig; null unless it is plain AAC-LC of 1 to 7 channel configurations at a listed rate, which is
 * all a clip takes. What may follow the two bytes (extensions, foreign data) is dropped: it is not needed to decode AAC-LC.
 */
export function readSoundConfig(bytes: Uint8Array): SoundConfig | null {
  const word = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  if (bytes.length < 2) return null;
  const rateIndex = (word >> 7) & 15;
  const channels = (word >> 3) & 15;
  const sampleRate = rateIndex === EXPLICIT_RATE ? undefined : RATES[rateIndex];
  // frameLengthFlag, dependsOnCoreCoder and extensionFlag must be 0: 1024 samples, nothing else (§4.4.1).
  if (word >> 11 !== LOW_COMPLEXITY || sampleRate === undefined || channels < 1 || channels > 7 || (word & 7) !== 0) {
    return null;
  }
  return { config: bytes.slice(0, 2), sampleRate, channels };
}

/** Syntactic elements of a raw data block (§4.4.2.1). */
const DATA_STREAM = 4;
const FILL = 6;

/**
 * A packet whose data stream and fill elements in front of the first sound element are blank: encoders write their name
 * there (ffmpeg does, every 256 packets), cameras what they like. Their bits become zeros, which is plain filling
 * (extension_type EXT_FILL), so that nothing behind them moves. Throws `clip_not_exact` when the packet is malformed.
 */
export function blankLeadingData(packet: Uint8Array): Uint8Array {
  let out = packet;
  const bits = new BitReader(packet);
  for (;;) {
    const element = bits.bits(3);
    if (element !== FILL && element !== DATA_STREAM) return out;
    const bytes = element === FILL ? readFillLength(bits) : readDataLength(bits);
    if (out === packet) out = packet.slice();
    for (let left = bytes; left > 0; left -= 1) {
      clearByte(out, bits.position);
      bits.bits(8);
    }
  }
}

function readFillLength(bits: BitReader): number {
  const count = bits.bits(4);
  return count === 15 ? 14 + bits.bits(8) : count;
}

function readDataLength(bits: BitReader): number {
  bits.bits(4); // element_instance_tag
  const aligned = bits.flag();
  const count = bits.bits(8);
  const bytes = count === 255 ? 255 + bits.bits(8) : count;
  if (aligned && bits.position % 8 !== 0) bits.bits(8 - (bits.position % 8));
  return bytes;
}

/** Zeroes eight bits that start at any bit. */
function clearByte(bytes: Uint8Array, position: number): void {
  for (let bit = position; bit < position + 8; bit += 1) {
    const at = bit >> 3;
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) & ~(128 >> (bit & 7));
  }
}
