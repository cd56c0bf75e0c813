// Reads `ftyp` + `moov` of a fragmented MP4: its tracks and their codec configurations (ISO/IEC 14496-12 §8).
import { toHex } from '../bytes.ts';
import { type AvcConfig, parseAvcConfig } from './avc-config.ts';
import { BitReader } from './bit-reader.ts';
import { type Box, boxesIn, contentOf, type FieldReader, findBox, malformed, needBox } from './read-boxes.ts';

/** Defaults of `trex` for samples without values of their own (§8.8.3). Duration in track units. */
export interface SampleDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

interface Track {
  readonly trackId: number;
  /** Track units in a second. */
  readonly timescale: number;
  /** The sample entry's type, e.g. 'avc1'. */
  readonly codec: string;
  /** The whole sample entry box. */
  readonly sampleEntry: Uint8Array;
  readonly defaults: SampleDefaults;
}

/** The video track that an init segment describes. */
export interface VideoTrack extends Track {
  readonly width: number;
  readonly height: number;
  /** Null when the codec is not H.264. */
  readonly avc: AvcConfig | null;
}

/** The sound track that an init segment describes. */
export interface AudioTrack extends Track {
  readonly sampleRate: number;
  readonly channels: number;
  /** AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1); null when the codec is not MPEG-4 audio. */
  readonly audioSpecificConfig: Uint8Array | null;
}

/** The content of an init segment. */
export interface InitInfo {
  readonly video: VideoTrack;
  readonly audio: AudioTrack | null;
}

/** Init segments are hundreds of bytes; parameter sets can make them a few thousand. */
export const INIT_BYTES_MAX = 65_536;

/** Reads an init segment with exactly one video track and at most one audio track. Throws `fragment_malformed`. */
export function parseInit(init: Uint8Array): InitInfo {
  if (init.length > INIT_BYTES_MAX) throw malformed('an init segment that is too large');
  const moov = needBox(init, ['moov']);
  const defaults = readTrackExtends(init, moov);
  let video: VideoTrack | null = null;
  let audio: AudioTrack | null = null;
  for (const box of boxesIn(init, moov.contentStart, moov.end)) {
    if (box.type !== 'trak') continue;
    const kind = handlerOf(init, box);
    if (kind === 'vide') {
      if (video) throw malformed('two video tracks');
      video = readVideo(init, box, defaults);
    } else if (kind === 'soun') {
      if (audio) throw malformed('two audio tracks');
      audio = readAudio(init, box, defaults);
    } else throw malformed('a track that is neither video nor audio');
  }
  if (!video) throw malformed('no video track');
  if (video.trackId === audio?.trackId) throw malformed('two tracks with one id');
  return { video, audio };
}

function readTrackExtends(init: Uint8Array, moov: Box): Map<number, SampleDefaults> {
  const mvex = needBox(init, ['mvex'], moov);
  const found = new Map<number, SampleDefaults>();
  for (const box of boxesIn(init, mvex.contentStart, mvex.end)) {
    if (box.type !== 'trex') continue;
    const fields = contentOf(init, box);
    fields.u32();
    const trackId = fields.u32();
    fields.u32();
    found.set(trackId, { duration: fields.u32(), size: fields.u32(), flags: fields.u32() });
  }
  return found;
}

function handlerOf(init: Uint8Array, trak: Box): string {
  const fields = contentOf(init, needBox(init, ['mdia', 'hdlr'], trak));
  fields.skip(8);
  return fields.fourcc();
}

/** Skips the header and the two times of a full box; times have 32 bits in version 0 and 64 in version 1. */
function skipTimes(fields: FieldReader): void {
  const version = fields.u8();
  fields.u24();
  if (version > 1) throw malformed('a header of an unknown version');
  fields.skip(version === 1 ? 16 : 8);
}

function readTrack(init: Uint8Array, trak: Box, defaults: Map<number, SampleDefaults>): { track: Track; entry: Box } {
  const header = contentOf(init, needBox(init, ['tkhd'], trak));
  skipTimes(header);
  const trackId = header.u32();
  const media = contentOf(init, needBox(init, ['mdia', 'mdhd'], trak));
  skipTimes(media);
  const timescale = media.u32();
  if (timescale === 0) throw malformed('a timescale of zero');
  const own = defaults.get(trackId);
  if (!own) throw malformed('a track without a trex box');
  const stsd = needBox(init, ['mdia', 'minf', 'stbl', 'stsd'], trak);
  const entries = [...boxesIn(init, stsd.contentStart + 8, stsd.end)];
  const entry = entries[0];
  if (!entry || entries.length !== 1) throw malformed('not exactly one sample entry');
  const sampleEntry = init.subarray(entry.start, entry.end);
  return { track: { trackId, timescale, codec: entry.type, sampleEntry, defaults: own }, entry };
}

/** Bytes of a VisualSampleEntry before its boxes (§12.1.3.2). */
const VISUAL_FIELDS_BYTES = 78;

function readVideo(init: Uint8Array, trak: Box, defaults: Map<number, SampleDefaults>): VideoTrack {
  const { track, entry } = readTrack(init, trak, defaults);
  const fields = contentOf(init, entry);
  fields.skip(24);
  const [width, height] = [fields.u16(), fields.u16()];
  fields.skip(VISUAL_FIELDS_BYTES - 28);
  const avcC = findBox(init, 'avcC', { contentStart: fields.at, end: entry.end });
  return { ...track, width, height, avc: avcC && parseAvcConfig(init.subarray(avcC.contentStart, avcC.end)) };
}

/** Bytes of an AudioSampleEntry before its boxes (§12.2.3.2). */
const AUDIO_FIELDS_BYTES = 28;

function readAudio(init: Uint8Array, trak: Box, defaults: Map<number, SampleDefaults>): AudioTrack {
  const { track, entry } = readTrack(init, trak, defaults);
  const fields = contentOf(init, entry);
  fields.skip(16);
  const channels = fields.u16();
  fields.skip(6);
  const declared = { channels, sampleRate: fields.u16() };
  const esds = findBox(init, 'esds', { contentStart: entry.contentStart + AUDIO_FIELDS_BYTES, end: entry.end });
  const audioSpecificConfig = esds && readEsds(init, esds);
  return {
    ...track,
    ...declared,
    ...(audioSpecificConfig && readAudioConfig(audioSpecificConfig)),
    audioSpecificConfig,
  };
}

/** Sampling frequencies by index (ISO/IEC 14496-3 Table 1.18). */
const SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/** Channels by configuration (Table 1.19); 0: given elsewhere. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];

/**
 * Channels and rate from the decoder's configuration, as far as it has them. They take precedence over the sample entry's: ffmpeg 5 writes
 * 2 channels for mono sound there, and it can hold no rate over 65535.
 */
function readAudioConfig(config: Uint8Array): { channels?: number; sampleRate?: number } {
  const bits = new BitReader(config, malformed);
  if (bits.bits(5) === 31) bits.bits(6);
  const index = bits.bits(4);
  const sampleRate = index === 15 ? bits.bits(24) : SAMPLE_RATES[index];
  const channels = CHANNELS[bits.bits(4)];
  return { ...(sampleRate ? { sampleRate } : {}), ...(channels ? { channels } : {}) };
}

/** Descriptor tags of ISO/IEC 14496-1 §7.2.2.1. */
const ES_TAG = 3;
const DECODER_CONFIG_TAG = 4;
const DECODER_SPECIFIC_TAG = 5;

/** Bytes of a DecoderConfigDescriptor before the descriptors in it. */
const DECODER_CONFIG_BYTES = 13;

/** The decoder specific info inside ES_Descriptor, DecoderConfigDescriptor (ISO/IEC 14496-1 §7.2.6.5 to 7). */
function readEsds(init: Uint8Array, esds: Box): Uint8Array | null {
  const fields = contentOf(init, esds);
  fields.u32();
  openDescriptor(fields, ES_TAG);
  fields.u16();
  const flags = fields.u8();
  if (flags & 0x80) fields.u16();
  if (flags & 0x40) fields.skip(fields.u8());
  if (flags & 0x20) fields.u16();
  const configLength = openDescriptor(fields, DECODER_CONFIG_TAG);
  fields.skip(DECODER_CONFIG_BYTES);
  if (configLength <= DECODER_CONFIG_BYTES) return null;
  return fields.take(openDescriptor(fields, DECODER_SPECIFIC_TAG));
}

/** Steps over a descriptor's tag and its length (7 bits a byte); returns the length. */
function openDescriptor(fields: FieldReader, tag: number): number {
  if (fields.u8() !== tag) throw malformed('an esds box with unexpected descriptors');
  let length = 0;
  for (let n = 0; n < 4; n += 1) {
    const byte = fields.u8();
    length = length * 128 + (byte & 127);
    if (byte < 128) return length;
  }
  throw malformed('a descriptor with an endless length');
}

/** `avc1.42c01f`, or `avc1.42c01f,mp4a.40.2` with sound: profile and level of the first parameter set, AAC's object type. */
export function codecsParameter({ video, audio }: InitInfo): string {
  const [sps] = video.avc?.sps ?? [];
  const picture = `avc1.${toHex(sps?.subarray(1, 4) ?? new Uint8Array())}`;
  const [first] = audio?.audioSpecificConfig ?? [];
  return first === undefined ? picture : `${picture},mp4a.40.${first >> 3}`;
}
