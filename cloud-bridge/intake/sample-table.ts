// Owns: where a track's samples lie in the file (ISO/IEC 14496-12 §8.6-8.7). Not here: which tracks there may be.
import { type Box, BoxReader, children, only, structureFault } from './box-walk.ts';

const STBL = new Set(['stsd', 'stts', 'ctts', 'stss', 'stsc', 'stsz', 'stco', 'co64', 'sdtp', 'sgpd', 'sbgp']);
/** Twelve hours at 60 frames a second, and audio packets to go with it. */
const SAMPLES_MAX = 4_000_000;

/**
 * Contiguous runs of samples: where in the file each starts and ends, in table order. Plain numbers, not objects: a
 * description of 32 MiB can list millions.
 */
export interface Chunks {
  starts: Float64Array;
  ends: Float64Array;
}

export interface SampleTable {
  samples: number;
  chunks: Chunks;
  /** The one sample entry's type, such as `avc1`. */
  entry: string;
}

/** Reads a `stbl`. Throws `intake_structure`. */
export function readSampleTable(bytes: Uint8Array, stbl: Box): SampleTable {
  const boxes = children(bytes, stbl, STBL);
  const sizes = readSizes(bytes, only(boxes, 'stsz'));
  const starts = readOffsets(bytes, boxes, sizes.count);
  const ends = new Float64Array(starts.length);
  let sample = 0;
  for (const { chunk, samplesPerChunk } of spread(bytes, only(boxes, 'stsc'), starts.length)) {
    if (samplesPerChunk > sizes.count - sample) throw structureFault('its chunks hold more samples than there are');
    let end = starts[chunk] ?? 0;
    for (let count = 0; count < samplesPerChunk; count += 1) end += sizes.sizeOf(sample + count);
    sample += samplesPerChunk;
    ends[chunk] = end;
  }
  if (sample !== sizes.count) throw structureFault('some samples are in no chunk');
  if (readTimedSamples(bytes, only(boxes, 'stts')) !== sizes.count) throw structureFault('some samples have no time');
  return { samples: sizes.count, chunks: { starts, ends }, entry: readEntry(bytes, only(boxes, 'stsd')) };
}

function readEntry(bytes: Uint8Array, stsd: Box): string {
  const reader = new BoxReader(bytes, stsd);
  reader.version();
  if (reader.u32() !== 1) throw structureFault('a track has more than one sample entry');
  reader.u32();
  return reader.fourcc();
}

function readSizes(bytes: Uint8Array, stsz: Box): { count: number; sizeOf: (sample: number) => number } {
  const reader = new BoxReader(bytes, stsz);
  reader.version();
  const same = reader.u32();
  const count = reader.u32();
  if (count > SAMPLES_MAX) throw structureFault('it has too many samples');
  if (same !== 0) return { count, sizeOf: () => same };
  if (reader.left !== count * 4) throw structureFault('its sample sizes are cut off');
  const sizes = new Uint32Array(count);
  for (let at = 0; at < count; at += 1) sizes[at] = reader.u32();
  return { count, sizeOf: (sample) => sizes[sample] ?? 0 };
}

function readOffsets(bytes: Uint8Array, boxes: readonly Box[], samples: number): Float64Array {
  const long = boxes.some((box) => box.type === 'co64');
  const box = only(boxes, long ? 'co64' : 'stco');
  if (long && boxes.some((other) => other.type === 'stco')) throw structureFault('it has two chunk tables');
  const reader = new BoxReader(bytes, box);
  reader.version();
  const count = reader.u32();
  if (count > samples) throw structureFault('it has more chunks than samples');
  if (reader.left !== count * (long ? 8 : 4)) throw structureFault('its chunk table is cut off');
  const offsets = new Float64Array(count);
  for (let at = 0; at < count; at += 1) offsets[at] = long ? reader.u64() : reader.u32();
  return offsets;
}

/** How many samples each chunk has, from the runs of `stsc` (§8.7.4). */
function* spread(
  bytes: Uint8Array,
  stsc: Box,
  chunkCount: number,
): Generator<{ chunk: number; samplesPerChunk: number }> {
  const reader = new BoxReader(bytes, stsc);
  reader.version();
  const count = reader.u32();
  if (reader.left !== count * 12) throw structureFault('its chunk runs are cut off');
  const readRun = () => {
    const run = { first: reader.u32(), samplesPerChunk: reader.u32() };
    reader.u32();
    return run;
  };
  let chunk = 0;
  let following = count > 0 ? readRun() : null;
  for (let left = count - 1; following; left -= 1) {
    const run = following;
    following = left > 0 ? readRun() : null;
    const next = following?.first ?? chunkCount + 1;
    if (run.samplesPerChunk === 0) throw structureFault('a chunk has no samples');
    if (run.first !== chunk + 1 || next <= run.first || next > chunkCount + 1)
      throw structureFault('its chunk runs are not in order');
    for (; chunk < next - 1; chunk += 1) yield { chunk, samplesPerChunk: run.samplesPerChunk };
  }
  if (chunk !== chunkCount) throw structureFault('some chunks have no samples');
}

function readTimedSamples(bytes: Uint8Array, stts: Box): number {
  const reader = new BoxReader(bytes, stts);
  reader.version();
  const count = reader.u32();
  if (reader.left !== count * 8) throw structureFault('its sample times are cut off');
  let samples = 0;
  for (let at = 0; at < count; at += 1) {
    samples += reader.u32();
    reader.u32();
  }
  return samples;
}
