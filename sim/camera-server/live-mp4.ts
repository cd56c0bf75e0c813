// A live stream as fragmented MP4 (ISO/IEC 14496-12 §8.8), one access unit a fragment.

import { concatBytes } from '@doorsill/contract/bytes';
import { joinSample } from '@doorsill/contract/media/nal';
import { parseSps } from '@doorsill/contract/media/parameter-sets';
import {
  audioTkhd,
  avc1,
  avcC,
  box,
  dinf,
  ftyp,
  fullBox,
  hdlr,
  mdhd,
  mp4a,
  mvhd,
  smhd,
  u32,
  u64,
  videoTkhd,
  vmhd,
} from '@doorsill/device/clip/mp4-boxes';
import { type AccessUnit, type H264Format, isParameterSet } from './access-units.ts';

const VIDEO_TIMESCALE = 90_000;
const TRACK_IDS = { video: 1, audio: 2 } as const;
/** `sample_depends_on` 2 or 1, and `sample_is_non_sync_sample` (§8.8.3.1). */
const KEY_FLAGS = 0x2000000;
const OTHER_FLAGS = 0x1010000;
/** `tfhd`: offsets are relative to the fragment's own `moof`. */
const BASE_IS_MOOF = 0x20000;
/** `trun` with the data offset and each sample's duration, size, flags and composition offset. */
const RUN_FLAGS = 0x1 | 0x100 | 0x200 | 0x400 | 0x800;

/** Minimum duration, for a unit whose successor is not later, in microseconds. */
const SHORTEST_US = 1_000;

/** Assumed duration of the last unit of each track. */
const LAST_US = 40_000;

/** One viewer's file. It begins with the first keyframe. */
export class LiveMp4 {
  private readonly format: H264Format;
  private readonly keepsSets: boolean;
  private startUs: number | null = null;
  private sequence = 0;
  /** A unit's duration is known when the next of its track arrives. */
  private readonly pending = new Map<AccessUnit['track'], AccessUnit>();

  /** `keepsSets`: parameter sets stay in the stream, for a reader that accepts new ones in mid-stream. */
  constructor(format: H264Format, { keepsSets = false }: { keepsSets?: boolean } = {}) {
    this.format = format;
    this.keepsSets = keepsSets;
  }

  /** The bytes that a unit completes; none before the first keyframe. */
  push(unit: AccessUnit): Uint8Array {
    if (this.startUs === null && !(unit.track === 'video' && unit.key)) return new Uint8Array();
    const begins = this.startUs === null;
    this.startUs ??= unit.dtsUs;
    const before = this.pending.get(unit.track);
    this.pending.set(unit.track, unit);
    const head = begins ? [initSegment(this.format)] : [];
    return concatBytes(before ? [...head, this.fragment(before, unit.dtsUs)] : head);
  }

  /** The bytes of the last units, with assumed durations. */
  end(): Uint8Array {
    const last = [...this.pending.values()].map((unit) => this.fragment(unit, unit.dtsUs + LAST_US));
    this.pending.clear();
    return concatBytes(last);
  }

  private fragment(unit: AccessUnit, nextUs: number): Uint8Array {
    const { sound } = this.format;
    const timescale = unit.track === 'video' ? VIDEO_TIMESCALE : (sound?.sampleRate ?? VIDEO_TIMESCALE);
    const ticks = (us: number) => Math.round((us * timescale) / 1_000_000);
    const startUs = this.startUs ?? 0;
    const at = Math.max(0, ticks(unit.dtsUs - startUs));
    const duration = Math.max(ticks(SHORTEST_US), ticks(nextUs - startUs) - at);
    const data =
      unit.track === 'video'
        ? joinSample(unit.parts.filter((nal) => this.keepsSets || !isParameterSet(nal)))
        : concatBytes(unit.parts);
    const flags = unit.key ? KEY_FLAGS : OTHER_FLAGS;
    this.sequence += 1;
    const moof = (dataAt: number) =>
      box(
        'moof',
        fullBox('mfhd', 0, 0, u32([this.sequence])),
        box(
          'traf',
          fullBox('tfhd', 0, BASE_IS_MOOF, u32([TRACK_IDS[unit.track]])),
          fullBox('tfdt', 1, 0, u64([at])),
          fullBox('trun', 1, RUN_FLAGS, u32([1, dataAt, duration, data.length, flags, ticks(unit.ptsUs - unit.dtsUs)])),
        ),
      );
    return concatBytes([moof(moof(0).length + 8), box('mdat', data)]);
  }
}

/** `ftyp` and `moov`; all samples follow in fragments. */
export function initSegment({ sps: spsBytes, pps, sound }: H264Format): Uint8Array {
  const sps = parseSps(spsBytes);
  const video = trak(
    videoTkhd(TRACK_IDS.video, 0, sps, 0),
    VIDEO_TIMESCALE,
    'vide',
    vmhd(),
    avc1(sps, avcC([sps], [pps])),
  );
  const audio = sound && trak(audioTkhd(TRACK_IDS.audio, 0), sound.sampleRate, 'soun', smhd(), mp4a(sound));
  const trex = (id: number) => fullBox('trex', 0, 0, u32([id, 1, 0, 0, 0]));
  const fragmented = box('mvex', trex(TRACK_IDS.video), ...(audio ? [trex(TRACK_IDS.audio)] : []));
  return concatBytes([ftyp(), box('moov', mvhd(0, 3), video, ...(audio ? [audio] : []), fragmented)]);
}

function trak(
  tkhd: Uint8Array,
  timescale: number,
  kind: 'vide' | 'soun',
  header: Uint8Array,
  entry: Uint8Array,
): Uint8Array {
  const empty = [
    fullBox('stts', 0, 0, u32([0])),
    fullBox('stsc', 0, 0, u32([0])),
    fullBox('stsz', 0, 0, u32([0, 0])),
    fullBox('stco', 0, 0, u32([0])),
  ];
  const table = box('stbl', fullBox('stsd', 0, 0, u32([1]), entry), ...empty);
  return box('trak', tkhd, box('mdia', mdhd(timescale, 0), hdlr(kind), box('minf', header, dinf(), table)));
}
