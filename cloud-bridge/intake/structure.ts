// Owns: whether an uploaded clip is a plain recording and nothing else: known boxes only, every byte of its media in exactly
// one sample, no text, no hidden range, no outside reference. Not here: decoding; whether the frames are the granted ones
// (the device checked each one and signed for it).
import type { DiskFile } from '../../device/base/disk.ts';
import { type Box, BoxReader, children, only, readHeader, structureFault } from './box-walk.ts';
import { type Chunks, readSampleTable, type SampleTable } from './sample-table.ts';

/** What the manifest says about the clip. */
export interface ExpectedClip {
  frames: number;
  audioPackets: number;
}

const MOOV_BYTES_MAX = 32 * 1024 * 1024;
const FTYP_BYTES_MAX = 256;
const NAME_BYTES_MAX = 40;

const MOOV = new Set(['mvhd', 'trak']);
const TRAK = new Set(['tkhd', 'mdia', 'edts']);
const MDIA = new Set(['mdhd', 'hdlr', 'minf']);
const MINF = new Set(['vmhd', 'smhd', 'dinf', 'stbl']);
const VIDEO_ENTRIES = new Set(['avc1', 'avc3']);
const AUDIO_ENTRIES = new Set(['mp4a']);

/** Position of the media data in the file. */
interface Media {
  start: number;
  end: number;
}

interface Track {
  kind: 'vide' | 'soun';
  table: SampleTable;
}

/** Throws `intake_structure` unless the file of `sizeBytes` is a plain recording that matches what is expected. */
export async function checkStructure(file: DiskFile, sizeBytes: number, expected: ExpectedClip): Promise<void> {
  const { moov, mdat } = await readTop(file, sizeBytes);
  const boxes = children(moov, { start: 0, end: moov.length }, MOOV);
  checkBlankTimes(moov, only(boxes, 'mvhd'));
  const tracks = boxes.filter((box) => box.type === 'trak').map((box) => readTrack(moov, box));
  const frames = samplesOf(tracks, 'vide');
  const packets = samplesOf(tracks, 'soun');
  if (frames !== expected.frames) throw structureFault(`it has ${frames} frames, its manifest says ${expected.frames}`);
  if (packets !== expected.audioPackets) {
    throw structureFault(`it has ${packets} audio packets, its manifest says ${expected.audioPackets}`);
  }
  checkCovered(
    tracks.map((track) => track.table.chunks),
    mdat,
  );
}

async function readTop(file: DiskFile, sizeBytes: number): Promise<{ moov: Uint8Array; mdat: Media }> {
  let moov: Uint8Array | null = null;
  let mdat: Media | null = null;
  let at = 0;
  for (let count = 0; at < sizeBytes; count += 1) {
    const { type, headerBytes, bytes } = readHeader(await file.read(at, 16), 0, sizeBytes - at);
    if ((type === 'ftyp') !== (count === 0)) throw structureFault('it does not start with its one file type');
    if (type === 'ftyp' && bytes > FTYP_BYTES_MAX) throw structureFault('its file type is too long');
    else if (type === 'moov' && !moov) {
      if (bytes > MOOV_BYTES_MAX) throw structureFault('its description is too long');
      moov = await file.read(at + headerBytes, bytes - headerBytes);
    } else if (type === 'mdat' && !mdat) mdat = { start: at + headerBytes, end: at + bytes };
    else if (type !== 'ftyp')
      throw structureFault('it has other boxes than one file type, one description, one body of media');
    at += bytes;
  }
  if (!moov || !mdat) throw structureFault('it has no description or no media');
  return { moov, mdat };
}

function readTrack(moov: Uint8Array, trak: Box): Track {
  const boxes = children(moov, trak, TRAK);
  checkBlankTimes(moov, only(boxes, 'tkhd'));
  const mdia = children(moov, only(boxes, 'mdia'), MDIA);
  checkBlankTimes(moov, only(mdia, 'mdhd'));
  const kind = readHandler(moov, only(mdia, 'hdlr'));
  for (const edts of boxes.filter((box) => box.type === 'edts')) checkEdits(moov, edts, kind);
  const minf = children(moov, only(mdia, 'minf'), MINF);
  checkSelfContained(moov, only(minf, 'dinf'));
  const table = readSampleTable(moov, only(minf, 'stbl'));
  const entries = kind === 'vide' ? VIDEO_ENTRIES : AUDIO_ENTRIES;
  if (!entries.has(table.entry)) throw structureFault('a track is of another codec than H.264 or AAC');
  return { kind, table };
}

/** Creation and modification time of `mvhd`, `tkhd` and `mdhd` must be zero: only the manifest says when it was recorded. */
function checkBlankTimes(moov: Uint8Array, box: Box): void {
  const reader = new BoxReader(moov, box);
  const long = reader.version() === 1;
  const times = long ? [reader.u64(), reader.u64()] : [reader.u32(), reader.u32()];
  if (times.some((time) => time !== 0)) throw structureFault('it carries a time of creation');
}

function readHandler(moov: Uint8Array, hdlr: Box): 'vide' | 'soun' {
  const reader = new BoxReader(moov, hdlr);
  reader.version();
  reader.u32();
  const type = reader.fourcc();
  reader.skip(12);
  if (reader.left > NAME_BYTES_MAX) throw structureFault('a track’s handler name is too long');
  if (type !== 'vide' && type !== 'soun') throw structureFault('it has a track that is neither video nor audio');
  return type;
}

/**
 * No edit list for video: it would hide frames that are in the file all the same. For audio it may only delay the sound: empty
 * edits first, then one that starts at the track's beginning and plays at normal speed (§8.6.6).
 */
function checkEdits(moov: Uint8Array, edts: Box, kind: 'vide' | 'soun'): void {
  if (kind === 'vide') throw structureFault('it has an edit list over video');
  const reader = new BoxReader(moov, only(children(moov, edts, new Set(['elst'])), 'elst'));
  const long = reader.version() === 1;
  const count = reader.u32();
  if (reader.left !== count * (long ? 20 : 12)) throw structureFault('an edit list is cut off');
  for (let at = 0; at < count; at += 1) {
    if (long) reader.u64();
    else reader.u32();
    const mediaTime = long ? reader.i64() : BigInt(reader.i32());
    const rate = reader.u32();
    if (rate !== 0x0001_0000 || mediaTime !== (at === count - 1 ? 0n : -1n))
      throw structureFault('an edit list hides audio');
  }
}

/** Media must be in this very file: a data reference with a URL would make a player fetch it (§8.7.2). */
function checkSelfContained(moov: Uint8Array, dinf: Box): void {
  const reader = new BoxReader(moov, only(children(moov, dinf, new Set(['dref'])), 'dref'));
  reader.version();
  const references = reader.u32();
  const [size, type, flags] = [reader.u32(), reader.fourcc(), reader.u32()];
  if (references !== 1 || size !== 12 || type !== 'url ' || flags !== 1 || reader.left !== 0) {
    throw structureFault('it refers to media outside itself');
  }
}

function samplesOf(tracks: readonly Track[], kind: Track['kind']): number {
  const found = tracks.filter((track) => track.kind === kind);
  if (found.length > 1) throw structureFault('it has more than one track of a kind');
  return found[0]?.table.samples ?? 0;
}

/** Every byte of the media belongs to exactly one sample, and each track's chunks are stored in order of time. */
function checkCovered(tracks: readonly Chunks[], mdat: Media): void {
  const next = tracks.map(() => 0);
  let at = mdat.start;
  for (;;) {
    const track = tracks.findIndex(({ starts }, which) => starts[next[which] ?? 0] === at);
    if (track < 0) break;
    const chunk = next[track] ?? 0;
    next[track] = chunk + 1;
    at = tracks[track]?.ends[chunk] ?? at;
  }
  const isAll = tracks.every(({ starts }, which) => next[which] === starts.length);
  if (at !== mdat.end || !isAll) throw structureFault('some of its media belongs to no sample, or to two');
}
