// The first pass over the ring: finds the frames and packets in the window, their sizes in the clip, their parameter sets, and
// obstacles to copying them. Keeps numbers, and the bytes of at most one GOP.

import { failure } from '@doorsill/contract/errors';
import { PACKET_SAMPLES, parseSoundConfig, type SoundConfig } from '@doorsill/contract/media/aac';
import {
  type AudioTrack,
  type InitInfo,
  parseFragment,
  parseInit,
  type Sample,
} from '@doorsill/contract/media/fragment';
import type { Sps } from '@doorsill/contract/media/parameter-sets';
import type { Window } from '@doorsill/contract/shared-claims';
import { type Segment, wallTimeUs } from '../camera/segment.ts';
import { ActiveParameterSets, canJoinEncodedHead, UsedSets } from './active-parameter-sets.ts';
import { ClipTimeline, emptyTable, type TimeBase, type TrackTable } from './clip-timeline.ts';
import { displayRotation, type Rotation } from './display-rotation.ts';
import { type Frame, readFrame } from './strip-frame-to-slices.ts';

/** Why frames cannot be copied. Each obstacle requires a full re-encode of the window. */
export type Obstacle =
  | 'reordered frames'
  | 'a GOP that does not stand alone'
  | 'an unusual coding'
  | 'data behind a slice'
  | 'parameter sets that exclude each other';

/** Facts about a segment for the second pass. Positions are in decoding order, -1 for none. */
export interface SurveyedSegment {
  recording: string;
  index: number;
  fragmentBytes: number;
  startsAlone: boolean;
  frames: number;
  framesBefore: number;
  framesInside: number;
  /** The first frame in the window. */
  first: number;
  /** The last frame displayed before the window's end. */
  lastShown: number;
  /** Audio packets that the clip's sound is made from. */
  packets: SurveyedPacket[];
}

/** An audio packet by its position in the fragment; `follows`: whether it continues the one before it. */
export interface SurveyedPacket {
  position: number;
  follows: boolean;
}

/** The input of a smart cut's decoder: the GOP that the window starts in, from its keyframe to the last frame to encode. */
export interface Head {
  sets: Uint8Array[];
  /** The parameter sets and slices of each frame. */
  frames: Uint8Array[][];
  /** Number of frames before the window. */
  skip: number;
}

/** The source of a clip's sound: packets of one configuration. */
export interface SurveyedAudio {
  source: SoundConfig;
  /** Start of each packet of the clip's sound, in samples after the clip's zero. */
  ticks: number[];
}

/** The picture format shared by all frames of a clip. */
export interface Picture {
  sps: Sps;
  rotation: Rotation;
}

/** Result of the first pass. */
export interface SurveyResult {
  segments: SurveyedSegment[];
  obstacles: Obstacle[];
  timeline: ClipTimeline;
  video: TrackTable;
  /** Table positions of the frames that decoding can start at. */
  keys: number[];
  picture: Picture;
  head: Head | null;
  used: UsedSets;
  audio: SurveyedAudio | null;
  /** Wall time of the window's first frame in display order. */
  earliestUs: number;
  /** Wall time at which the display of the frame before the window ends; null if that frame was not read. */
  shownBeforeUs: number | null;
}

/** Largest GOP that is decoded for its head. */
const HEAD_BYTES_MAX = 64 * 1024 * 1024;

/** Reads segments one by one; `finish` returns the result. */
export class Survey {
  private readonly window: Window;
  private readonly wantsAudio: boolean;
  private readonly zeroUs: number | null;
  private readonly segments: SurveyedSegment[] = [];
  private readonly obstacles = new Set<Obstacle>();
  private readonly sets = new ActiveParameterSets();
  private readonly used = new UsedSets();
  private readonly video = emptyTable();
  private readonly keys: number[] = [];
  private init: { bytes: Uint8Array; info: InitInfo; rotation: Rotation } | null = null;
  private timeline: ClipTimeline | null = null;
  private picture: Picture | null = null;
  private head: Head | null = null;
  private headOpen = false;
  private headBytes = 0;
  private audio: (SurveyedAudio & { timeline: ClipTimeline; last: (TimeBase & { pts: number }) | null }) | null = null;
  /** Segments whose packets wait for the clip's zero: only those before the first frame. */
  private waiting: { segment: Segment; surveyed: SurveyedSegment; track: AudioTrack; packets: Sample[] }[] = [];
  private earliestUs = Number.POSITIVE_INFINITY;
  private shownBeforeUs: number | null = null;
  private latest = { recording: '', wallOffsetUs: 0, endUs: Number.NEGATIVE_INFINITY };

  /** `zeroUs`: wall time of the clip's zero if known; else that of the first frame read. */
  constructor(window: Window, wantsAudio: boolean, zeroUs: number | null = null) {
    this.window = window;
    this.wantsAudio = wantsAudio;
    this.zeroUs = zeroUs;
  }

  /** Takes the next segment. Throws `clip_not_exact`, `clip_stream_changed`, `consent_window_ambiguous`, `fragment_malformed`. */
  add(segment: Segment): void {
    const info = this.open(segment);
    const { video, audio } = parseFragment(info, segment.fragment);
    const surveyed: SurveyedSegment = {
      recording: segment.recording,
      index: segment.index,
      fragmentBytes: segment.fragment.length,
      startsAlone: false,
      frames: video.length,
      framesBefore: 0,
      framesInside: 0,
      first: -1,
      lastShown: -1,
      packets: [],
    };
    this.segments.push(surveyed);
    this.addVideo(segment, info, video, surveyed);
    if (this.wantsAudio && info.audio) {
      this.waiting.push({ segment, surveyed, track: info.audio, packets: audio });
      if (this.timeline) this.flushAudio(this.timeline.zeroUs);
    }
  }

  /**
   * The head, once it was read completely, with an id that no active parameter set uses; null before that, or if an obstacle was found.
   */
  get wholeHead(): { head: Head; picture: Picture; freeId: number | null } | null {
    const { head, picture } = this;
    if (!head || !picture || this.headOpen || this.obstacles.size > 0) return null;
    return { head, picture, freeId: this.sets.freeId() };
  }

  /** Throws `clip_no_frames`. */
  finish(): SurveyResult {
    if (!this.timeline || !this.picture) throw failure('clip_no_frames');
    const { segments, timeline, video, keys, picture, head, used, earliestUs, shownBeforeUs } = this;
    // A single packet determines no sample fully.
    const audio = this.audio && this.audio.ticks.length > 1 ? this.audio : null;
    if (audio) audio.ticks = inSteps(audio.ticks, audio.source.sampleRate);
    else for (const segment of segments) segment.packets = [];
    if (used.collision) this.obstacles.add('parameter sets that exclude each other');
    const obstacles = [...this.obstacles];
    return { segments, obstacles, timeline, video, keys, picture, head, used, audio, earliestUs, shownBeforeUs };
  }

  private open(segment: Segment): InitInfo {
    if (this.init && Buffer.compare(this.init.bytes, segment.init) === 0) return this.init.info;
    const info = parseInit(segment.init);
    if (!info.video.avc) throw failure('clip_not_exact', { detail: 'the footage is not H.264' });
    this.sets.open(info.video.avc);
    this.init = { bytes: segment.init, info, rotation: displayRotation(segment.init) };
    return info;
  }

  private addVideo(segment: Segment, info: InitInfo, samples: Sample[], surveyed: SurveyedSegment): void {
    const { timescale, avc } = info.video;
    const lengthBytes = avc?.nalLengthSize ?? 4;
    const wallUs = (pts: number) => wallTimeUs(pts, timescale, segment.wallOffsetUs);
    let before: Frame[] = [];
    let lastInside = -1;
    samples.forEach((sample, position) => {
      const atUs = wallUs(sample.pts);
      if (atUs < this.window.endUs) surveyed.lastShown = position;
      if (atUs < this.window.startUs) {
        surveyed.framesBefore += 1;
        this.shownBeforeUs = Math.max(this.shownBeforeUs ?? 0, wallUs(sample.pts + sample.duration));
      }
      const inside = atUs >= this.window.startUs && atUs < this.window.endUs;
      // Frames outside the window are parsed only if decoding needs them.
      if (!inside && (this.timeline || atUs >= this.window.endUs)) return;
      const frame = readFrame(sample.data, lengthBytes);
      this.sets.take(frame.sets);
      if (position === 0) surveyed.startsAlone = frame.idr;
      if (!inside) {
        if (frame.idr) before = [];
        before.push(frame);
        return;
      }
      if (surveyed.first < 0) surveyed.first = position;
      else if (lastInside !== position - 1) this.obstacles.add('reordered frames');
      lastInside = position;
      surveyed.framesInside += 1;
      this.addFrame(segment, info, sample, frame, atUs, before);
      before = [];
    });
  }

  private addFrame(
    segment: Segment,
    info: InitInfo,
    sample: Sample,
    frame: Frame,
    atUs: number,
    before: Frame[],
  ): void {
    const { timescale } = info.video;
    const sets = this.sets.of(frame.ppsIds);
    this.checkTime(segment, atUs);
    this.earliestUs = Math.min(this.earliestUs, atUs);
    this.checkPicture(sets.sps);
    if (!canJoinEncodedHead(sets) || frame.extended) this.obstacles.add('an unusual coding');
    if (frame.bidirectional) this.obstacles.add('reordered frames');
    const timeline = this.timeline ?? new ClipTimeline(timescale, this.zeroUs ?? atUs);
    const first = this.timeline === null;
    this.timeline = timeline;
    const ticks = timeline.at(segment, timescale, sample.pts);
    if (ticks <= (this.video.ticks.at(-1) ?? -1)) this.obstacles.add('reordered frames');
    if (first && !frame.idr) this.openHead(before);
    if (frame.idr) this.headOpen = false;
    if (sample.key && !frame.idr) this.obstacles.add('a GOP that does not stand alone');
    if (this.headOpen && this.head) {
      this.head.frames.push([...frame.sets, ...frame.slices]);
      this.headBytes += frame.sizeBytes;
      if (this.headBytes > HEAD_BYTES_MAX) throw failure('clip_not_exact', { detail: 'a GOP is too large' });
    } else {
      if (frame.doubtful) this.obstacles.add('data behind a slice');
      this.used.add(sets);
      if (frame.idr) this.keys.push(this.video.ticks.length);
    }
    this.video.ticks.push(ticks);
    this.video.durations.push(timeline.rescale(sample.duration, timescale));
    this.video.sizes.push(frame.sizeBytes);
  }

  private openHead(before: Frame[]): void {
    if (!before[0]?.idr) {
      this.obstacles.add('a GOP that does not stand alone');
      return;
    }
    if (before.some((frame) => frame.bidirectional)) this.obstacles.add('reordered frames');
    const frames = before.map((frame) => [...frame.sets, ...frame.slices]);
    this.head = { sets: this.sets.all(), frames, skip: before.length };
    this.headOpen = true;
  }

  /** Wall time must be trusted, and increase from one recording to the next; within a recording the codec determines the order. */
  private checkTime(segment: Segment, atUs: number): void {
    const { latest } = this;
    const same = latest.recording === segment.recording && latest.wallOffsetUs === segment.wallOffsetUs;
    if (!segment.clockTrusted || (!same && atUs <= latest.endUs)) throw failure('consent_window_ambiguous');
    this.latest = {
      recording: segment.recording,
      wallOffsetUs: segment.wallOffsetUs,
      endUs: Math.max(latest.endUs, atUs),
    };
  }

  /** One track header serves all frames; with another rotation, a zone would cover the wrong place. */
  private checkPicture(sps: Sps): void {
    const rotation = this.init?.rotation ?? 0;
    this.picture ??= { sps: { ...sps, bytes: sps.bytes.slice() }, rotation };
    const { width, height } = this.picture.sps;
    if (sps.width !== width || sps.height !== height || rotation !== this.picture.rotation) {
      throw failure('clip_stream_changed');
    }
  }

  /** Picks the packets whose sound lies wholly inside the window and not before its first frame. */
  private flushAudio(zeroUs: number): void {
    for (const { segment, surveyed, track, packets } of this.waiting) {
      const sound = track.audioSpecificConfig && parseSoundConfig(track.audioSpecificConfig);
      // Sound that a clip cannot contain is left out: silence reveals nothing.
      if (!sound || sound.sampleRate !== track.timescale) continue;
      packets.forEach((packet, position) => {
        if (soundsInside(packet.pts, track.timescale, segment.wallOffsetUs, this.window)) {
          this.addPacket(segment, surveyed, sound, packet.pts, position, zeroUs);
        }
      });
    }
    this.waiting = [];
  }

  private addPacket(
    segment: Segment,
    surveyed: SurveyedSegment,
    sound: SoundConfig,
    pts: number,
    position: number,
    zeroUs: number,
  ): void {
    const timeline = this.audio?.timeline ?? new ClipTimeline(sound.sampleRate, zeroUs);
    const ticks = timeline.at(segment, sound.sampleRate, pts);
    if (ticks < 0) return;
    this.audio ??= { source: sound, ticks: [], timeline, last: null };
    const { audio } = this;
    if (Buffer.compare(audio.source.config, sound.config) !== 0 || ticks <= (audio.ticks.at(-1) ?? -1)) return;
    const follows = audio.last !== null && continues(audio.last, { ...segment, pts });
    surveyed.packets.push({ position, follows });
    audio.last = { recording: segment.recording, wallOffsetUs: segment.wallOffsetUs, pts };
    // The first entry is the packet with the encoder's priming.
    if (!follows && audio.ticks.length > 0) return;
    audio.ticks.push(ticks);
  }
}

/** Steps in a second to which the start of a clip's sound is rounded. */
const SOUND_STEPS_PER_S = 50;

/**
 * Shifts all times by at most half a step, so that the first is a whole step. Its exact value would reveal the offset between the
 * camera's clocks of picture and sound, which would link two clips of one home. A hundredth of a second is not noticed.
 */
function inSteps(ticks: readonly number[], sampleRate: number): number[] {
  const [first = 0] = ticks;
  const step = Math.round((first / sampleRate) * SOUND_STEPS_PER_S);
  const laterBy = Math.round((step / SOUND_STEPS_PER_S) * sampleRate) - first;
  return ticks.map((each) => each + laterBy);
}

/** Whether no packet is missing between two: network cameras' timestamps jitter by less than half a packet. */
export function continues(before: TimeBase & { pts: number }, after: TimeBase & { pts: number }): boolean {
  const isSameBase = before.recording === after.recording && before.wallOffsetUs === after.wallOffsetUs;
  return isSameBase && after.pts - before.pts < 1.5 * PACKET_SAMPLES;
}

/**
 * Whether every sample that a packet contributes to lies in the window: a packet at `pts` covers two packet lengths from there. The
 * ring's timestamps are true times: the capture keeps encoder priming as negative time.
 */
export function soundsInside(pts: number, timescale: number, wallOffsetUs: number, window: Window): boolean {
  const startUs = wallTimeUs(pts, timescale, wallOffsetUs);
  const endUs = wallTimeUs(pts + 2 * PACKET_SAMPLES, timescale, wallOffsetUs);
  return startUs >= window.startUs && endUs <= window.endUs;
}
