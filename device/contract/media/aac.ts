// AAC (ISO/IEC 14496-3): which configurations are taken, and packets in ADTS, which ffmpeg reads and writes over pipes.
import { assert } from '../assert.ts';
import { concatBytes, equalBytes } from '../bytes.ts';
import { failure } from '../errors.ts';

/** Samples of one AAC packet. It is heard for twice as long, because packets overlap (§4.6.11). */
export const PACKET_SAMPLES = 1024;

/** Audio object type AAC Low Complexity (§1.5.1.1). */
const LOW_COMPLEXITY = 2;
/** samplingFrequencyIndex that is followed by the rate itself (§1.6.3.3). */
const EXPLICIT_RATE = 15;

const RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/** The sound configuration of a clip. */
export interface SoundConfig {
  /** AudioSpecificConfig of exactly its first two bytes: Low Complexity, rate, channels, 1024 samples a packet. */
  config: Uint8Array;
  sampleRate: number;
  channels: number;
}

/**
 * Reads an AudioSpecificConfig; null unless it is plain AAC-LC with channel configuration 1 to 7 at a listed rate, the only sound of
 * clips. Bytes after the first two (extensions, foreign data) are left out: AAC-LC is decoded without them.
 */
export function parseSoundConfig(bytes: Uint8Array): SoundConfig | null {
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

/** The configuration of AAC-LC sound at one of the listed rates, with 1 or 2 channels. */
export function soundConfigOf(sampleRate: number, channels: number): SoundConfig {
  const rateIndex = RATES.indexOf(sampleRate);
  assert(rateIndex >= 0 && channels >= 1 && channels <= 2, 'sound of a listed kind');
  const word = (LOW_COMPLEXITY << 11) | (rateIndex << 7) | (channels << 3);
  return { config: Uint8Array.of(word >> 8, word & 255), sampleRate, channels };
}

/** Bytes of an ADTS header without a checksum (§1.A.2). */
const ADTS_BYTES = 7;
const ADTS_FRAME_BYTES_MAX = 8191;

/** A packet with an ADTS header before it. Throws `clip_not_exact` when the packet is too long for one. */
export function adtsPacket({ config, channels }: SoundConfig, packet: Uint8Array): Uint8Array {
  const length = ADTS_BYTES + packet.length;
  if (length > ADTS_FRAME_BYTES_MAX) throw failure('clip_not_exact', { detail: 'a packet of sound is too long' });
  const rateIndex = (((config[0] ?? 0) & 7) << 1) | ((config[1] ?? 0) >> 7);
  const out = new Uint8Array(length);
  out.set([
    0xff,
    0xf1,
    ((LOW_COMPLEXITY - 1) << 6) | (rateIndex << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11),
    (length >> 3) & 255,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ]);
  out.set(packet, ADTS_BYTES);
  return out;
}

/** Splits ADTS that arrives in parts into packets without headers. */
export class AdtsSplitter {
  private readonly sound: SoundConfig;
  private held: Uint8Array = new Uint8Array(0);

  constructor(sound: SoundConfig) {
    this.sound = sound;
  }

  /** Whether all that was pushed has been returned. */
  get isEmpty(): boolean {
    return this.held.length === 0;
  }

  /** Takes the next part; returns the packets that it completes. Throws `clip_not_exact` for sound of another configuration. */
  push(part: Uint8Array): Uint8Array[] {
    const all = concatBytes([this.held, part]);
    const packets: Uint8Array[] = [];
    let at = 0;
    while (at + ADTS_BYTES <= all.length) {
      const length = (((all[at + 3] ?? 0) & 3) << 11) | ((all[at + 4] ?? 0) << 3) | ((all[at + 5] ?? 0) >> 5);
      if (length <= ADTS_BYTES || at + length > all.length) break;
      const packet = all.slice(at + ADTS_BYTES, at + length);
      const header = adtsPacket(this.sound, packet);
      // The last two bytes may differ: they hold the fullness of the encoder's buffer.
      if (!equalBytes(header.subarray(0, 5), all.subarray(at, at + 5))) {
        throw failure('clip_not_exact', { detail: 'the encoder gave other sound than it was asked for' });
      }
      packets.push(packet);
      at += length;
    }
    this.held = all.slice(at);
    return packets;
  }
}
