// Layout of a clip's file: `ftyp`, `moov`, then one `mdat` with its samples and no bytes between them.
import { concatBytes, utf8 } from '@doorsill/contract/bytes';
import type { SoundConfig } from '@doorsill/contract/media/aac';
import type { Sps } from '@doorsill/contract/media/parameter-sets';
import type { Rotation } from './display-rotation.ts';
import * as mp4 from './mp4-boxes.ts';

/** The video track of a clip. Ticks are in units of `timescale` after the first frame, which is at 0. */
export interface VideoTrack {
  timescale: number;
  ticks: readonly number[];
  sizes: readonly number[];
  /** Duration of the last frame in ticks; all others last until the next. */
  lastDuration: number;
  /** Indices of keyframes, increasing. */
  keys: readonly number[];
  /** The sets of all frames; the first gives the picture's size. */
  sps: readonly Sps[];
  pps: readonly Uint8Array[];
  rotation: Rotation;
}

/** The audio track. Ticks are samples after the first video frame. */
export interface AudioTrack {
  sound: SoundConfig;
  ticks: readonly number[];
  sizes: readonly number[];
  lastDuration: number;
}

/** Consecutive samples of one track in the file; chunks are in file order. */
export interface Chunk {
  track: 'video' | 'audio';
  samples: number;
}

const VIDEO_ID = 1;
const AUDIO_ID = 2;
const U32_MAX = 0xffff_ffff;

/** The file up to its first sample, and its total length with all samples. */
export function layOut(
  video: VideoTrack,
  audio: AudioTrack | null,
  chunks: readonly Chunk[],
): { header: Uint8Array; sizeBytes: number } {
  const payloadBytes = sum(video.sizes) + (audio ? sum(audio.sizes) : 0);
  const wide = payloadBytes > U32_MAX - 2 ** 28;
  const lead = mp4.ftyp();
  const mdat = wide
    ? concatBytes([mp4.u32([1]), utf8('mdat'), mp4.u64([payloadBytes + 16])])
    : concatBytes([mp4.u32([payloadBytes + 8]), utf8('mdat')]);
  // The offsets in `moov` depend on its length, but its length does not depend on them.
  const draft = moov(video, audio, placeChunks(video, audio, chunks, 0), wide);
  const from = lead.length + draft.length + mdat.length;
  const header = concatBytes([lead, moov(video, audio, placeChunks(video, audio, chunks, from), wide), mdat]);
  return { header, sizeBytes: header.length + payloadBytes };
}

interface PlacedChunk extends Chunk {
  offset: number;
}

function placeChunks(
  video: VideoTrack,
  audio: AudioTrack | null,
  chunks: readonly Chunk[],
  from: number,
): PlacedChunk[] {
  const next = { video: 0, audio: 0 };
  let offset = from;
  return chunks.map((chunk) => {
    const placed = { ...chunk, offset };
    const sizes = chunk.track === 'video' ? video.sizes : (audio?.sizes ?? []);
    const end = next[chunk.track] + chunk.samples;
    for (let at = next[chunk.track]; at < end; at += 1) offset += sizes[at] ?? 0;
    next[chunk.track] = end;
    return placed;
  });
}

function moov(video: VideoTrack, audio: AudioTrack | null, chunks: readonly PlacedChunk[], wide: boolean): Uint8Array {
  const videoEnd = (video.ticks.at(-1) ?? 0) + video.lastDuration;
  const videoMovie = movieUnits(videoEnd, video.timescale);
  const start = audio?.ticks[0] ?? 0;
  const audioTicks = audio ? (audio.ticks.at(-1) ?? 0) + audio.lastDuration - start : 0;
  const delay = audio ? movieUnits(start, audio.sound.sampleRate) : 0;
  const audioMovie = audio ? movieUnits(audioTicks, audio.sound.sampleRate) : 0;
  const of = (track: Chunk['track']) => chunks.filter((chunk) => chunk.track === track);
  const parts = [mp4.mvhd(Math.max(videoMovie, delay + audioMovie), audio ? 3 : 2)];
  const [first] = video.sps;
  if (first) {
    const entry = mp4.avc1(first, mp4.avcC(video.sps, video.pps));
    const keys = mp4.fullBox('stss', 0, 0, mp4.u32([video.keys.length, ...video.keys.map((key) => key + 1)]));
    const stbl = sampleTables(entry, video, keys, of('video'), wide);
    const header = mp4.videoTkhd(VIDEO_ID, videoMovie, first, video.rotation);
    parts.push(mp4.box('trak', header, media('vide', video.timescale, videoEnd, mp4.vmhd(), stbl)));
  }
  if (audio) {
    const stbl = sampleTables(mp4.mp4a(audio.sound), audio, null, of('audio'), wide);
    const mdia = media('soun', audio.sound.sampleRate, audioTicks, mp4.smhd(), stbl);
    const edits = delay > 0 ? [mp4.delayedStart(delay, audioMovie)] : [];
    parts.push(mp4.box('trak', mp4.audioTkhd(AUDIO_ID, delay + audioMovie), ...edits, mdia));
  }
  return mp4.box('moov', ...parts);
}

function media(
  kind: 'vide' | 'soun',
  timescale: number,
  duration: number,
  header: Uint8Array,
  stbl: Uint8Array,
): Uint8Array {
  return mp4.box('mdia', mp4.mdhd(timescale, duration), mp4.hdlr(kind), mp4.box('minf', header, mp4.dinf(), stbl));
}

function sampleTables(
  entry: Uint8Array,
  track: { ticks: readonly number[]; sizes: readonly number[]; lastDuration: number },
  keys: Uint8Array | null,
  chunks: readonly PlacedChunk[],
  wide: boolean,
): Uint8Array {
  const durations = track.ticks.map((ticks, at) => (track.ticks[at + 1] ?? ticks + track.lastDuration) - ticks);
  const times = runs(durations).flatMap(({ value, count }) => [count, value]);
  let firstChunk = 1;
  const groups = runs(chunks.map((chunk) => chunk.samples)).flatMap(({ value, count }) => {
    const group = [firstChunk, value, 1];
    firstChunk += count;
    return group;
  });
  const offsets = chunks.map((chunk) => chunk.offset);
  return mp4.box(
    'stbl',
    mp4.fullBox('stsd', 0, 0, mp4.u32([1]), entry),
    mp4.fullBox('stts', 0, 0, mp4.u32([times.length / 2]), mp4.u32(times)),
    ...(keys ? [keys] : []),
    mp4.fullBox('stsc', 0, 0, mp4.u32([groups.length / 3]), mp4.u32(groups)),
    mp4.fullBox('stsz', 0, 0, mp4.u32([0, track.sizes.length]), mp4.u32(track.sizes)),
    wide
      ? mp4.fullBox('co64', 0, 0, mp4.u32([offsets.length]), mp4.u64(offsets))
      : mp4.fullBox('stco', 0, 0, mp4.u32([offsets.length]), mp4.u32(offsets)),
  );
}

/** Run-length encoding: equal neighbours become one entry. */
function runs(values: readonly number[]): { value: number; count: number }[] {
  const found: { value: number; count: number }[] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last?.value === value) last.count += 1;
    else found.push({ value, count: 1 });
  }
  return found;
}

function movieUnits(ticks: number, timescale: number): number {
  return Math.round((ticks / timescale) * mp4.MOVIE_TIMESCALE);
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
