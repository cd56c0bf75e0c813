// The second pass over the ring: streams the bytes of a planned clip, copies slices bit for bit, and checks that the ring still holds
// the footage of the first pass.

import { failure } from '@doorsill/contract/errors';
import { type InitInfo, parseFragment, parseInit, type Sample } from '@doorsill/contract/media/fragment';
import { joinSample } from '@doorsill/contract/media/nal';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';
import type { CutPermit } from '../consent/live-preview.ts';
import type { ClipDeps } from './clip-deps.ts';
import type { EncodedFrames } from './encode-frames.ts';
import type { EncodedSamples } from './encoded-sample-buffer.ts';
import type { Chunk } from './mp4-layout.ts';
import { readRing, ringChanged, stopSignal } from './read-ring.ts';
import { readFrame } from './strip-frame-to-slices.ts';
import type { SurveyedSegment } from './survey.ts';

/** Plan of the second pass. */
export interface BodyPlan {
  header: Uint8Array;
  sizeBytes: number;
  chunks: readonly Chunk[];
  /** Segments in the order they were read. */
  segments: readonly SurveyedSegment[];
  readWindow: Window;
  /** The first frames of the clip, encoded; all others are copied. */
  encoded: EncodedFrames | null;
  /** The clip's sound, which is always encoded anew. */
  sound: EncodedSamples<void> | null;
}

/** Start times of a track's samples, in ticks of its own clock after the clip's zero. */
interface TrackTimes {
  ticks: readonly number[];
  timescale: number;
}

/**
 * The chunks of a clip, in file order: after each run of frames the sound up to the next one. The ring's own interleaving is not kept:
 * over some segments it would reveal, to a few milliseconds, the offset between the camera's clocks of picture and sound.
 */
export function chunksOf(runs: readonly number[], video: TrackTimes, audio: TrackTimes | null): Chunk[] {
  const chunks: Chunk[] = [];
  let [frames, packets] = [0, 0];
  for (const samples of runs) {
    frames += samples;
    chunks.push({ track: 'video', samples });
    if (!audio) continue;
    const next = video.ticks[frames];
    const untilS = next === undefined ? Number.POSITIVE_INFINITY : next / video.timescale;
    const from = packets;
    while (packets < audio.ticks.length && (audio.ticks[packets] ?? 0) / audio.timescale < untilS) packets += 1;
    if (packets > from) chunks.push({ track: 'audio', samples: packets - from });
  }
  return chunks;
}

/** The complete file. Throws `clip_footage_gone` when the ring changed since the plan, `grant_dead`, or the signal's reason. */
export async function* clipBody(live: CutPermit, deps: ClipDeps, plan: BodyPlan): AsyncGenerator<Uint8Array> {
  let bytes = plan.header.length;
  yield plan.header;
  const encoded = plan.encoded?.read(stopSignal(live, deps));
  const frames = framesOf(live, deps, plan, encoded);
  const sound = plan.sound?.read(stopSignal(live, deps));
  try {
    for (const { track, samples } of plan.chunks) {
      for (let left = samples; left > 0; left -= 1) {
        const sample = await nextOf(track === 'video' ? frames : sound);
        bytes += sample.length;
        yield sample;
      }
    }
    // Reads on to the end of the plan, and throws if segments are missing.
    if (!(await frames.next()).done || bytes !== plan.sizeBytes) throw ringChanged();
  } finally {
    await frames.return(undefined);
    await encoded?.return(undefined);
    await sound?.return(undefined);
  }
}

/** The clip's frames, encoded ones first. Throws like `clipBody`. */
async function* framesOf(
  live: CutPermit,
  deps: ClipDeps,
  plan: BodyPlan,
  encoded: AsyncGenerator<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array> {
  let encodedLeft = plan.encoded?.sizes.length ?? 0;
  let next = 0;
  let known: { init: Uint8Array; info: InitInfo } | null = null;
  for await (const segment of readRing(live, deps, plan.readWindow)) {
    const surveyed = plan.segments[next];
    // Segments that reached the ring after planning are not part of the plan.
    if (!surveyed) break;
    if (!same(segment, surveyed)) throw ringChanged();
    next += 1;
    if (!known || Buffer.compare(known.init, segment.init) !== 0) {
      known = { init: segment.init, info: parseInit(segment.init) };
    }
    const fromEncoder = Math.min(encodedLeft, surveyed.framesInside);
    for (let left = fromEncoder; left > 0; left -= 1) yield await nextOf(encoded);
    encodedLeft -= fromEncoder;
    const { video } = parseFragment(known.info, segment.fragment);
    yield* copiedFrames(known.info, video, surveyed, fromEncoder);
  }
  if (next !== plan.segments.length) throw ringChanged();
}

async function nextOf(samples: AsyncGenerator<Uint8Array> | undefined): Promise<Uint8Array> {
  const sample = await samples?.next();
  if (!sample || sample.done) throw failure('clip_not_exact', { detail: 'an encoded sample is missing' });
  return sample.value;
}

function* copiedFrames(
  info: InitInfo,
  video: readonly Sample[],
  surveyed: SurveyedSegment,
  encoded: number,
): Generator<Uint8Array> {
  const lengthBytes = info.video.avc?.nalLengthSize ?? 4;
  const end = surveyed.first + surveyed.framesInside;
  for (let at = surveyed.first + encoded; at < end; at += 1) {
    const sample = video[at];
    if (!sample) throw ringChanged();
    const frame = readFrame(sample.data, lengthBytes);
    // A sample of nothing but slices with 4-byte lengths already has the clip's form.
    const whole = lengthBytes === 4 && frame.sizeBytes === sample.data.length;
    yield whole ? sample.data : joinSample(frame.slices);
  }
}

function same(segment: Segment, surveyed: SurveyedSegment): boolean {
  return (
    segment.recording === surveyed.recording &&
    segment.index === surveyed.index &&
    segment.fragment.length === surveyed.fragmentBytes
  );
}
