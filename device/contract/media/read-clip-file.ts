// Reads a finished clip's file for the device's own check, the bridge and `verify`: every byte outside its samples must be one that a clip
// has there, or the file is refused.
import { isFailure } from '../errors.ts';
import { parseSoundConfig } from './aac.ts';
import {
  checkFtyp,
  clipFault,
  type FileAudio,
  type FileTables,
  type FileVideo,
  FTYP_BYTES,
  readMoov,
} from './clip-file-check.ts';
import { parsePps, parseSps } from './parameter-sets.ts';

/** Random access to a file. */
interface ClipBytes {
  sizeBytes: number;
  /** Exactly `length` bytes at `position`. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** Numbers of samples according to a clip's manifest or statement. */
export interface SampleCounts {
  frames: number;
  audioPackets: number;
}

/** All parameter sets of a clip: a camera's have 50 bytes, with all scaling lists 600. */
const SETS_BYTES_MAX = 8_192;
/** `moov` without its tables: boxes of fixed length, and parameter sets. */
const MOOV_FIXED_BYTES_MAX = SETS_BYTES_MAX + 2_048;
/** Most bytes of tables for one sample: a time (8), a keyframe (4), a size (4), a chunk (8) and its group (12). */
const SAMPLE_BYTES_MAX = 36;
/** Twelve hours of 60 frames a second at uneven times, with sound. */
const MOOV_BYTES_MAX = 32 * 1024 * 1024;

/** Failures of these readers that are the file's fault. */
const OF_THE_FILE = new Set(['clip_check_failed', 'fragment_malformed', 'clip_not_exact']);

/** Most bytes of `moov` for these numbers of samples. */
function moovBytesMax({ frames, audioPackets }: SampleCounts): number {
  return Math.min(MOOV_BYTES_MAX, MOOV_FIXED_BYTES_MAX + (frames + audioPackets) * SAMPLE_BYTES_MAX);
}

/** Most bytes that `readClipFile` reads: everything before the samples. */
export function clipHeadBytesMax(expected: SampleCounts): number {
  return FTYP_BYTES + moovBytesMax(expected) + 16;
}

/**
 * Reads a clip's file. Throws the error that `fault` makes (default: `clip_check_failed`) unless the file is `ftyp`, `moov`, `mdat` and
 * nothing else, with the `expected` numbers of samples, each byte of `moov` is one that a clip has there, and each byte of `mdat` belongs
 * to exactly one sample. Takes memory for `moov`, 32 MiB at most, and 20 bytes for each sample; the samples themselves are not read.
 */
export async function readClipFile(
  file: ClipBytes,
  expected: SampleCounts,
  fault: (detail: string) => Error = clipFault,
): Promise<FileTables> {
  try {
    const { tables, payload } = await readBoxes(file, moovBytesMax(expected));
    checkCounts(tables, expected);
    checkPayload(tables, payload);
    checkSets(tables.video);
    if (tables.audio) checkSound(tables.audio);
    return tables;
  } catch (thrown) {
    if (!isFailure(thrown) || !OF_THE_FILE.has(thrown.code)) throw thrown;
    throw fault(String(thrown.facts['detail']));
  }
}

/** Reads the file's three boxes; `payload`: where the samples lie. */
async function readBoxes(
  file: ClipBytes,
  most: number,
): Promise<{ tables: FileTables; payload: { start: number; end: number } }> {
  if (file.sizeBytes < FTYP_BYTES + 8) throw clipFault('a file that ends before its moov box');
  const head = await file.read(0, FTYP_BYTES + 8);
  checkFtyp(head.subarray(0, FTYP_BYTES));
  const moovBytes = viewOf(head).getUint32(FTYP_BYTES);
  const mdatAt = FTYP_BYTES + moovBytes;
  if (moovBytes > most || mdatAt + 16 > file.sizeBytes) throw clipFault('a moov box of an impossible length');
  const tables = readMoov(await file.read(FTYP_BYTES, moovBytes));
  const mdat = viewOf(await file.read(mdatAt, 16));
  const wide = mdat.getUint32(0) === 1;
  const size = wide ? Number(mdat.getBigUint64(8)) : mdat.getUint32(0);
  if (mdat.getUint32(4) !== MDAT) throw clipFault('a box where mdat belongs');
  if (mdatAt + size !== file.sizeBytes) throw clipFault('data behind mdat');
  return { tables, payload: { start: mdatAt + (wide ? 16 : 8), end: file.sizeBytes } };
}

/** The letters 'mdat'. */
const MDAT = 0x6d646174;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checkCounts({ video, audio }: FileTables, { frames, audioPackets }: SampleCounts): void {
  const packets = audio?.sizes.length ?? 0;
  if (video.sizes.length !== frames)
    throw clipFault(`${video.sizes.length} frames, where its manifest or statement says ${frames}`);
  if (packets !== audioPackets)
    throw clipFault(`${packets} packets of sound, where its manifest or statement says ${audioPackets}`);
}

/** Every byte of the payload is in exactly one sample, and each track's samples lie in the order of their times. */
function checkPayload({ video, audio }: FileTables, payload: { start: number; end: number }): void {
  const tracks = audio ? [video, audio] : [video];
  const next = tracks.map(() => 0);
  let at = payload.start;
  for (;;) {
    const track = tracks.findIndex(({ offsets }, which) => offsets[next[which] ?? 0] === at);
    if (track < 0) break;
    const sample = next[track] ?? 0;
    next[track] = sample + 1;
    at += tracks[track]?.sizes[sample] ?? 0;
  }
  const isAll = tracks.every(({ offsets }, which) => next[which] === offsets.length);
  if (at !== payload.end || !isAll) throw clipFault('bytes of mdat that belong to no sample, or to two');
}

/** Parameter sets hold their syntax and nothing else, and every SPS has the picture size of the sample entry. */
function checkSets({ sps, pps, width, height }: FileVideo): void {
  const bytes = [...sps, ...pps].reduce((sum, set) => sum + set.length, 0);
  if (bytes > SETS_BYTES_MAX) throw clipFault('parameter sets that are too long');
  if (pps.length === 0) throw clipFault('a clip without parameter sets');
  const sequences = new Map(sps.map((set) => parseSps(set)).map((set) => [set.id, set]));
  const chromaFormatOf = (id: number) => sequences.get(id)?.chromaFormat ?? 1;
  const pictures = new Map(pps.map((set) => parsePps(set, chromaFormatOf)).map((set) => [set.id, set]));
  if (sequences.size !== sps.length || pictures.size !== pps.length) throw clipFault('two sets with one id');
  for (const set of [...sequences.values(), ...pictures.values()])
    if (!set.clean) throw clipFault('a parameter set with data behind it');
  for (const set of sequences.values())
    if (set.width !== width || set.height !== height) throw clipFault('a foreign size');
  for (const set of pictures.values())
    if (!sequences.has(set.spsId)) throw clipFault('a parameter set of a sequence that is not there');
}

/** Sound is plain AAC-LC, and its timescale is its sample rate. */
function checkSound({ config, timescale }: FileAudio): void {
  if (parseSoundConfig(config)?.sampleRate !== timescale) throw clipFault('sound of another kind than ours');
}
