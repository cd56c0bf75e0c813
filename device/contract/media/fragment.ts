// Reads the samples of one fragment (`moof` + `mdat`, ISO/IEC 14496-12 §8.8).
import type { AudioTrack, InitInfo, SampleDefaults, VideoTrack } from './init-segment.ts';
import { type Box, boxesIn, contentOf, findBox, malformed, needBox } from './read-boxes.ts';

export { type AudioTrack, type InitInfo, parseInit } from './init-segment.ts';

/** One coded frame or audio packet. Times in its track's units; AAC priming makes the first audio times negative. */
export interface Sample {
  readonly dts: number;
  /** Presentation time: `dts` plus the composition offset. */
  readonly pts: number;
  readonly duration: number;
  /** Whether decoding can start here (sync sample). */
  readonly key: boolean;
  /** Position of the bytes in the fragment. */
  readonly offset: number;
  readonly size: number;
  /** The bytes: a view into the fragment, not a copy. */
  readonly data: Uint8Array;
}

/** The samples of a fragment, each track in decoding order. */
export interface FragmentSamples {
  readonly video: Sample[];
  readonly audio: Sample[];
}

/** A GOP of 5 s at 120 fps is 600 frames; audio of 5 s at 96 kHz is 470 packets. */
const SAMPLES_MAX = 100_000;

/** `sample_is_non_sync_sample` (§8.8.3.1). */
const NON_SYNC = 0x10000;

/** Reads a fragment made under `init`. Throws `fragment_malformed` unless every sample lies inside an `mdat`. */
export function parseFragment(init: InitInfo, fragment: Uint8Array): FragmentSamples {
  const samples: FragmentSamples = { video: [], audio: [] };
  const payloads: Box[] = [];
  for (const box of boxesIn(fragment)) if (box.type === 'mdat') payloads.push(box);
  for (const moof of boxesIn(fragment)) {
    if (moof.type !== 'moof') continue;
    let base = moof.start;
    for (const traf of boxesIn(fragment, moof.contentStart, moof.end)) {
      if (traf.type !== 'traf') continue;
      const header = readTrackHeader(init, fragment, traf);
      const into = header.track === init.video ? samples.video : samples.audio;
      base = readRuns(fragment, traf, header, { moofStart: moof.start, base, payloads }, into);
    }
  }
  return samples;
}

interface TrackHeader {
  track: VideoTrack | AudioTrack;
  defaults: SampleDefaults;
  baseIsMoof: boolean;
}

/** `tfhd` (§8.8.7). An absolute base offset has no meaning in a fragment by itself, so it is refused. */
function readTrackHeader(init: InitInfo, fragment: Uint8Array, traf: Box): TrackHeader {
  const fields = contentOf(fragment, needBox(fragment, ['tfhd'], traf));
  fields.u8();
  const flags = fields.u24();
  const trackId = fields.u32();
  const track = [init.video, init.audio].find((known) => known?.trackId === trackId);
  if (!track) throw malformed('a fragment of an unknown track');
  if (flags & 0x1) throw malformed('a fragment with an absolute data offset');
  if (flags & 0x2 && fields.u32() !== 1) throw malformed('a fragment with another sample entry');
  const defaults = {
    duration: flags & 0x8 ? fields.u32() : track.defaults.duration,
    size: flags & 0x10 ? fields.u32() : track.defaults.size,
    flags: flags & 0x20 ? fields.u32() : track.defaults.flags,
  };
  return { track, defaults, baseIsMoof: (flags & 0x20000) !== 0 };
}

/** `tfdt` (§8.8.12), read as signed: ffmpeg writes AAC priming as a negative time when it keeps true times. */
function readDecodeTime(fragment: Uint8Array, traf: Box): number {
  const box = findBox(fragment, 'tfdt', traf);
  if (!box) throw malformed('a fragment without a decode time');
  const fields = contentOf(fragment, box);
  const version = fields.u8();
  fields.u24();
  return version === 1 ? fields.i64() : fields.u32();
}

/** All `trun` boxes of a track fragment; returns where the data of the last one ends. */
function readRuns(
  fragment: Uint8Array,
  traf: Box,
  header: TrackHeader,
  place: { moofStart: number; base: number; payloads: readonly Box[] },
  into: Sample[],
): number {
  const base = header.baseIsMoof ? place.moofStart : place.base;
  let dts = readDecodeTime(fragment, traf);
  let offset = base;
  for (const trun of boxesIn(fragment, traf.contentStart, traf.end)) {
    if (trun.type !== 'trun') continue;
    const run = readRun(fragment, trun, header.defaults);
    if (run.dataOffset !== null) offset = base + run.dataOffset;
    const end = offset + run.bytes;
    if (!place.payloads.some((mdat) => offset >= mdat.contentStart && end <= mdat.end)) {
      throw malformed('samples lie outside the media data');
    }
    if (into.length + run.samples.length > SAMPLES_MAX) throw malformed('too many samples');
    for (const { duration, size, flags, compositionOffset } of run.samples) {
      const data = fragment.subarray(offset, offset + size);
      into.push({ dts, pts: dts + compositionOffset, duration, key: (flags & NON_SYNC) === 0, offset, size, data });
      dts += duration;
      offset += size;
    }
  }
  return offset;
}

interface Run {
  dataOffset: number | null;
  bytes: number;
  samples: { duration: number; size: number; flags: number; compositionOffset: number }[];
}

/** `trun` (§8.8.8): every optional field falls back to the track fragment's default. */
function readRun(fragment: Uint8Array, trun: Box, defaults: SampleDefaults): Run {
  const fields = contentOf(fragment, trun);
  const version = fields.u8();
  const flags = fields.u24();
  const count = fields.u32();
  if (count > SAMPLES_MAX) throw malformed('too many samples');
  const dataOffset = flags & 0x1 ? fields.i32() : null;
  const firstFlags = flags & 0x4 ? fields.u32() : null;
  const run: Run = { dataOffset, bytes: 0, samples: [] };
  for (let n = 0; n < count; n += 1) {
    const duration = flags & 0x100 ? fields.u32() : defaults.duration;
    const size = flags & 0x200 ? fields.u32() : defaults.size;
    const ownFlags = flags & 0x400 ? fields.u32() : defaults.flags;
    const compositionOffset = flags & 0x800 ? (version === 0 ? fields.u32() : fields.i32()) : 0;
    run.samples.push({
      duration,
      size,
      flags: n === 0 && firstFlags !== null ? firstFlags : ownFlags,
      compositionOffset,
    });
    run.bytes += size;
  }
  return run;
}
