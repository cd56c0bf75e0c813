// Compares a finished clip's frames and parameter sets with the ring's footage.

import { equalBytes } from '@doorsill/contract/bytes';
import { clipFault, type FileTables } from '@doorsill/contract/media/clip-file-check';
import { type InitInfo, parseFragment, parseInit, type Sample } from '@doorsill/contract/media/fragment';
import { NAL, nalType, splitSample } from '@doorsill/contract/media/nal';
import { parsePps, parseSps } from '@doorsill/contract/media/parameter-sets';
import type { Window } from '@doorsill/contract/shared-claims';
import { type Segment, wallTimeUs } from '../camera/segment.ts';
import { ActiveParameterSets } from './active-parameter-sets.ts';
import { displayRotation } from './display-rotation.ts';
import type { CutFacts } from './finished-clip.ts';
import type { SampleReader } from './read-ahead.ts';
import { type Frame, frameOf } from './strip-frame-to-slices.ts';

/** Wall time is rounded to microseconds at both ends of an interval. */
const ROUNDING_US = 2;

/** chroma_format_idc of 4:2:0, the only format in a clip. */
const CHROMA_420 = 1;

/** The init segment of the footage being compared. */
interface OpenInit {
  bytes: Uint8Array;
  info: InitInfo;
  /** Bytes of the length field before each NAL unit. */
  lengthBytes: number;
  rotation: number;
}

/** Call `compare` for each of the ring's segments in order, then `finish`. */
export class SampleCheck {
  private readonly window: Window;
  private readonly clip: CutFacts;
  private readonly tables: FileTables;
  private readonly reader: SampleReader;
  private readonly sets = new ActiveParameterSets();
  private readonly setsOfFile: { sps: Map<number, Uint8Array>; pps: Map<number, Uint8Array> };
  /** The file's parameter sets that copied frames use. */
  private readonly copiedSets = new Set<Uint8Array>();
  private init: OpenInit | null = null;
  /** Wall times of the window's frames in the ring. */
  private readonly wallUs: number[] = [];
  private firstCopied = -1;

  constructor(window: Window, clip: CutFacts, tables: FileTables, reader: SampleReader) {
    this.window = window;
    this.clip = clip;
    this.tables = tables;
    this.reader = reader;
    this.setsOfFile = byId(tables);
  }

  /** Number of frames at the start that are encoded, not copied. */
  get encodedFrames(): number {
    return this.firstCopied < 0 ? this.wallUs.length : this.firstCopied;
  }

  async compare(segment: Segment): Promise<void> {
    if (!this.init || !equalBytes(this.init.bytes, segment.init)) {
      const info = parseInit(segment.init);
      const { avc } = info.video;
      if (!avc) throw clipFault('footage that is not H.264');
      const rotation = displayRotation(segment.init);
      this.init = { bytes: segment.init, info, lengthBytes: avc.nalLengthSize, rotation };
      this.sets.open(avc);
    }
    const { video } = parseFragment(this.init.info, segment.fragment);
    for (const sample of video) await this.compareFrame(segment, this.init, sample);
  }

  private async compareFrame(segment: Segment, init: OpenInit, sample: Sample): Promise<void> {
    const { info, lengthBytes, rotation } = init;
    const atUs = wallTimeUs(sample.pts, info.video.timescale, segment.wallOffsetUs);
    if (atUs >= this.window.endUs) return;
    const copies = this.clip.method !== 're-encode';
    const units = copies ? splitSample(sample.data, lengthBytes) : null;
    if (units) this.sets.take(units.filter((unit) => nalType(unit) === NAL.sps || nalType(unit) === NAL.pps));
    // Of a frame before the window only the parameter sets matter. It may hold no picture, if the camera was cut off.
    if (atUs < this.window.startUs) return;
    const ring = units ? frameOf(units) : null;
    if (!segment.clockTrusted) throw clipFault('footage of an untrusted clock');
    // The owner saw the picture, and chose zones in it, with the ring's rotation.
    if (rotation !== this.tables.video.rotation) throw clipFault("another rotation than the ring's");
    const number = this.wallUs.length;
    if (number >= this.tables.video.sizes.length) throw clipFault('frames of the window are missing');
    this.wallUs.push(atUs);
    if (!ring || (this.firstCopied < 0 && !ring.idr)) return;
    if (this.firstCopied < 0) this.firstCopied = number;
    const held = await this.unitsOf(this.reader, number);
    // Not `equalBytes`: every byte of a clip is compared here, and Node's own comparison is faster.
    const same = (unit: Uint8Array, at: number) => Buffer.compare(unit, ring.slices[at] ?? EMPTY) === 0;
    if (ring.doubtful) throw clipFault(`frame ${number} may hold data that is not picture`);
    if (held.length !== ring.slices.length || !held.every(same)) {
      throw clipFault(`frame ${number} is not the ring's`);
    }
    this.compareSets(ring);
  }

  /** The parameter sets that a copied frame refers to must be the same in the file and in the ring. */
  private compareSets(ring: Frame): void {
    const { sps, pps } = this.sets.of(ring.ppsIds);
    for (const [set, kept] of [
      [sps, this.setsOfFile.sps.get(sps.id)] as const,
      ...pps.map((each) => [each, this.setsOfFile.pps.get(each.id)] as const),
    ]) {
      if (!kept || !equalBytes(kept, set.bytes)) throw clipFault("a parameter set is not the ring's");
      if (!set.clean) throw clipFault('a parameter set with data behind it');
      this.copiedSets.add(kept);
    }
  }

  /** Throws `clip_check_failed` unless all frames were found, at their times, in the number the clip claims. */
  finish(): void {
    const { clip, tables } = this;
    this.wallUs.sort((a, b) => a - b);
    if (this.wallUs.length !== tables.video.sizes.length) throw clipFault('frames that are not of the window');
    if (clip.frames !== this.wallUs.length || clip.encodedFrames !== this.encodedFrames)
      throw clipFault('a wrong frame count');
    if ((clip.method === 'copy') !== (this.encodedFrames === 0)) throw clipFault('another method than it says');
    this.checkTimes();
    this.encoderSets();
  }

  private checkTimes(): void {
    const { times, timescale, lastDuration } = this.tables.video;
    const firstUs = this.wallUs[0] ?? 0;
    const toleranceUs = 1e6 / timescale + ROUNDING_US;
    if (firstUs !== this.clip.coverage.startUs) throw clipFault('the first frame is at another time than it says');
    this.wallUs.forEach((atUs, number) => {
      const inClipUs = ((times[number] ?? 0) / timescale) * 1e6;
      if (Math.abs(atUs - firstUs - inClipUs) > toleranceUs) throw clipFault(`frame ${number} is at a wrong time`);
    });
    // Any other duration would reveal when the last frame was taken.
    if (lastDuration !== usualDuration(times, timescale))
      throw clipFault('the last frame lasts longer or shorter than most');
    const endUs = firstUs + (((times.at(-1) ?? 0) + lastDuration) / timescale) * 1e6;
    if (Math.abs(Math.min(endUs, this.window.endUs) - this.clip.coverage.endUs) > toleranceUs) {
      throw clipFault('the clip ends at another time than it says');
    }
  }

  /**
   * Whether number and parameter sets of the encoded frames are known, so that decoding them can start before the comparison ends. If a
   * later copied frame uses one of these sets, `finish` refuses the clip.
   */
  get encodedKnown(): boolean {
    return this.firstCopied > 0 && this.setsNotCopied().length === 2;
  }

  private setsNotCopied(): Uint8Array[] {
    const { sps, pps } = this.tables.video;
    return [...sps, ...pps].filter((set) => !this.copiedSets.has(set));
  }

  /** Parameter sets of the encoded frames: exactly one of each kind that no copied frame uses, or none. */
  encoderSets(): Uint8Array[] {
    const own = this.setsNotCopied();
    if (this.encodedFrames === 0 && own.length === 0) return [];
    const [ownSps, ownPps] = own;
    if (!ownSps || !ownPps || own.length !== 2 || this.encodedFrames === 0) throw clipFault('unused parameter sets');
    const read = parseSps(ownSps);
    if (read.chromaFormat !== CHROMA_420) throw clipFault('another colour format than 4:2:0');
    const readOwn = parsePps(ownPps, () => CHROMA_420);
    if (!read.clean || !readOwn.clean || readOwn.spsId !== read.id)
      throw clipFault('a parameter set with data behind it');
    if (read.width !== this.tables.video.width || read.height !== this.tables.video.height)
      throw clipFault('encoded frames of another size');
    return own;
  }

  /**
   * The NAL units of a sample of the file. Checks that they are only slices, that their sets are in the file, and the keyframe flag.
   * Valid until the reader's next call.
   */
  async unitsOf(reader: SampleReader, number: number): Promise<Uint8Array[]> {
    const { offsets, sizes, keys } = this.tables.video;
    const units = splitSample(await reader.read(offsets[number] ?? 0, sizes[number] ?? 0), 4);
    if (units.some((unit) => nalType(unit) !== NAL.slice && nalType(unit) !== NAL.idrSlice)) {
      throw clipFault(`frame ${number} holds other units than slices`);
    }
    const frame = frameOf(units);
    if (frame.sizeBytes !== sizes[number]) throw clipFault(`frame ${number} holds empty units, or data behind a slice`);
    if ((keys[number] === 1) !== frame.idr) throw clipFault(`frame ${number} is wrongly marked as keyframe`);
    if (frame.ppsIds.some((id) => !this.setsOfFile.pps.has(id)))
      throw clipFault(`frame ${number} refers to a missing set`);
    return units;
  }
}

const EMPTY = new Uint8Array(0);

/** The most common duration of the frames but the last, the shortest of several; 1/25 s for a single frame. */
function usualDuration(times: Float64Array, timescale: number): number {
  const durations = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  durations.sort();
  let [usual, most, run] = [Math.max(1, Math.round(timescale / 25)), 0, 0];
  durations.forEach((duration, at) => {
    run = duration === durations[at - 1] ? run + 1 : 1;
    if (run > most) [usual, most] = [duration, run];
  });
  return usual;
}

function byId(tables: FileTables): { sps: Map<number, Uint8Array>; pps: Map<number, Uint8Array> } {
  const sps = new Map(tables.video.sps.map((set) => [parseSps(set).id, set]));
  // The id comes before the fields that depend on the colour format.
  const pps = new Map(tables.video.pps.map((set) => [parsePps(set, () => CHROMA_420).id, set]));
  if (sps.size !== tables.video.sps.length || pps.size !== tables.video.pps.length)
    throw clipFault('two sets with one id');
  return { sps, pps };
}
