// Checks a finished clip's sound: it equals the ring's packets inside the window, decoded and encoded again, byte for byte and at
// their times; it decodes without errors.

import { equalBytes } from '@doorsill/contract/bytes';
import { PACKET_SAMPLES, parseSoundConfig, type SoundConfig } from '@doorsill/contract/media/aac';
import { clipFault, type FileAudio, type FileTables, MOVIE_TIMESCALE } from '@doorsill/contract/media/clip-file-check';
import { parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import type { Window } from '@doorsill/contract/shared-claims';
import { type Segment, wallTimeUs } from '../camera/segment.ts';
import type { CutPermit } from '../consent/live-preview.ts';
import type { ClipDeps } from './clip-deps.ts';
import type { ClipReader, CutFacts } from './finished-clip.ts';
import { SampleReader } from './read-ahead.ts';
import { readRing, stopSignal } from './read-ring.ts';
import { clipSoundOf, countSamples, encodeSound, type SoundPacket } from './recode-sound.ts';

/** Wall time is rounded to microseconds at both ends of an interval. */
const ROUNDING_US = 2;

/** A clip's sound begins at a multiple of this after its picture. */
const START_STEP_US = 20_000;

const TIMEOUT_MS_LEAST = 120_000;

/** The file to check and the footage to check it against. */
export interface SoundToCheck {
  live: CutPermit;
  deps: ClipDeps;
  clip: CutFacts;
  tables: FileTables;
  reader: ClipReader;
  /** Range of segments that may hold the window's sound. */
  readWindow: Window;
  signal: AbortSignal;
}

/** Throws `clip_check_failed` unless the clip's sound matches the window's. Does nothing for a clip without sound. */
export async function checkSound(job: SoundToCheck): Promise<void> {
  const { live, deps, clip, tables, reader } = job;
  const { audio } = tables;
  if (clip.audioPackets !== (audio?.sizes.length ?? 0)) throw clipFault('another number of sound packets than it says');
  if (!audio) return;
  const { window } = live.cut;
  const source = await sourceConfig(job);
  const sound = clipSoundOf(source);
  if (!equalBytes(sound.config, audio.config)) throw foreign();
  const signal = AbortSignal.any([stopSignal(live, deps), job.signal]);
  const timeoutMs = TIMEOUT_MS_LEAST + (window.endUs - window.startUs) / 1_000;
  const wanted = new WantedPackets(job, source, audio);
  const expected = new SampleReader(reader);
  let compared = 0;
  const encoding = encodeSound(deps, { source, packets: wanted.read(), timeoutMs, signal }, async ({ bytes }) => {
    const { offsets, sizes } = audio;
    const isSame = bytes.length === sizes[compared];
    if (!isSame || !equalBytes(await expected.read(offsets[compared] ?? 0, bytes.length), bytes)) throw foreign();
    compared += 1;
  });
  const decoding = countSamples(deps, { sound, packets: packetsOf(audio, reader), timeoutMs, signal });
  const [, decoded] = await bothOrNeither(encoding, decoding);
  if (compared !== audio.sizes.length || wanted.count !== compared) throw foreign();
  if (decoded !== compared * PACKET_SAMPLES) throw clipFault('sound that does not decode');
}

function foreign(): Error {
  return clipFault('sound that is not of the window');
}

/** Waits for both, also when one fails, so that neither runs on. */
async function bothOrNeither<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

async function* packetsOf({ offsets, sizes }: FileAudio, reader: ClipReader): AsyncGenerator<Uint8Array> {
  const samples = new SampleReader(reader);
  for (let at = 0; at < sizes.length; at += 1) {
    yield await samples.read(offsets[at] ?? 0, sizes[at] ?? 0);
  }
}

/** A packet of the ring with everything that determines its time. */
interface PlacedPacket {
  segment: Segment;
  source: SoundConfig;
  pts: number;
  data: Uint8Array;
  startUs: number;
}

/** Packets of plain AAC-LC that lie wholly inside the window, from its first frame on. */
async function* packetsInside({ live, deps, clip, readWindow }: SoundToCheck): AsyncGenerator<PlacedPacket> {
  const { window } = live.cut;
  for await (const segment of readRing(live, deps, readWindow)) {
    const info = parseInit(segment.init);
    const config = info.audio?.audioSpecificConfig;
    const source = config ? parseSoundConfig(config) : null;
    if (!info.audio || !source || source.sampleRate !== info.audio.timescale) continue;
    for (const { pts, data } of parseFragment(info, segment.fragment).audio) {
      const startUs = wallTimeUs(pts, source.sampleRate, segment.wallOffsetUs);
      // A packet overlaps the next one: it covers 2048 samples.
      const endUs = wallTimeUs(pts + 2 * PACKET_SAMPLES, source.sampleRate, segment.wallOffsetUs);
      const halfSampleUs = 5e5 / source.sampleRate;
      const isLate = startUs >= Math.max(window.startUs, clip.coverage.startUs - halfSampleUs);
      if (isLate && endUs <= window.endUs) yield { segment, source, pts, data, startUs };
    }
  }
}

/** The configuration of the window's first sound. */
async function sourceConfig(job: SoundToCheck): Promise<SoundConfig> {
  for await (const { source } of packetsInside(job)) return source;
  throw foreign();
}

/** The packets that the clip's sound must be made from; compares their times with the file's. */
class WantedPackets {
  /** Number of packets that the clip must have. */
  count = 0;
  private readonly job: SoundToCheck;
  private readonly source: SoundConfig;
  private readonly audio: FileAudio;
  /** By how much the clip's sound is later than in the ring: at most half a step. */
  private lateUs = 0;

  constructor(job: SoundToCheck, source: SoundConfig, audio: FileAudio) {
    this.job = job;
    this.source = source;
    this.audio = audio;
  }

  async *read(): AsyncGenerator<SoundPacket> {
    let last: PlacedPacket | null = null;
    let lateUs = Number.NEGATIVE_INFINITY;
    for await (const packet of packetsInside(this.job)) {
      if (!equalBytes(packet.source.config, this.source.config) || packet.startUs <= lateUs) continue;
      const follows: boolean = last !== null && isNext(last, packet);
      if (follows || last === null) {
        this.checkTime(packet.startUs);
        // Only packets of the file that correspond to one of the ring have a time to compare.
        lateUs = packet.startUs;
      }
      last = packet;
      yield { data: packet.data, follows };
    }
  }

  private checkTime(startUs: number): void {
    const { audio } = this;
    const { clip, tables } = this.job;
    const inClip = (audio.times[this.count] ?? 0) / audio.timescale + audio.delay / MOVIE_TIMESCALE;
    const toleranceUs = 1e6 / audio.timescale + 1e6 / MOVIE_TIMESCALE + 1e6 / tables.video.timescale + ROUNDING_US;
    const lateUs = inClip * 1e6 - (startUs - clip.coverage.startUs);
    if (this.count === 0) {
      if (!isWholeStep(audio)) throw foreign();
      this.lateUs = Math.max(-START_STEP_US / 2, Math.min(START_STEP_US / 2, lateUs));
    }
    if (Math.abs(lateUs - this.lateUs) > toleranceUs) throw foreign();
    this.count += 1;
  }
}

/** Whether the sound begins at a whole step after the picture, rounded to its samples and then to movie units. */
function isWholeStep({ delay, timescale }: FileAudio): boolean {
  const steps = Math.round((delay / MOVIE_TIMESCALE) * (1e6 / START_STEP_US));
  const samples = Math.round((steps * START_STEP_US * timescale) / 1e6);
  return delay === Math.round((samples * MOVIE_TIMESCALE) / timescale);
}

/** Whether both are of one recording, with a gap of less than half a packet. */
function isNext(before: PlacedPacket, after: PlacedPacket): boolean {
  const [a, b] = [before.segment, after.segment];
  const isOneRecording = a.recording === b.recording && a.wallOffsetUs === b.wallOffsetUs;
  return isOneRecording && after.pts - before.pts < PACKET_SAMPLES + PACKET_SAMPLES / 2;
}
