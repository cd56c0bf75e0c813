// Owns: the second pass over the ring: streams the bytes of a planned clip. Copies slices bit for bit and checks that the
// ring still holds what the first pass read. Not here: the plan (trim.ts), the header (mp4-layout.ts).

import type { Segment } from '../camera/segment.ts';
import type { CutPermit } from '../consent/live-preview.ts';
import { type InitInfo, parseFragment, parseInit, type Sample } from '../media/fragment.ts';
import { joinSample } from '../media/nal.ts';
import { failure } from '../protocol/errors.ts';
import type { Window } from '../protocol/shared-claims.ts';
import type { ClipDeps } from './clip-deps.ts';
import type { EncodedFrames } from './encode-frames.ts';
import type { EncodedSamples } from './encoded-sample-buffer.ts';
import type { Chunk } from './mp4-layout.ts';
import { readRing, ringChanged, stopSignal } from './read-ring.ts';
import { readFrame } from './strip-frame-to-slices.ts';
import type { SurveyedSegment } from './survey.ts';

/** What the second pass writes. */
export interface BodyPlan {
  header: Uint8Array;
  sizeBytes: number;
  /** Segments in the order they were read; each gives up to one chunk of video and one of audio. */
  segments: readonly SurveyedSegment[];
  readWindow: Window;
  /** The first frames of the clip, encoded; all others are copied. */
  encoded: EncodedFrames | null;
  /** The clip's sound, which is always encoded anew. */
  sound: EncodedSamples<void> | null;
}

/** The chunks of a clip, in the order of its file. */
export function chunksOf(segments: readonly SurveyedSegment[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (const { framesInside, sounds } of segments) {
    if (framesInside > 0) chunks.push({ track: 'video', samples: framesInside });
    if (sounds > 0) chunks.push({ track: 'audio', samples: sounds });
  }
  return chunks;
}

/** The whole file. Throws `clip_footage_gone` when the ring changed since the plan, `grant_dead`, or the caller's reason. */
export async function* clipBody(live: CutPermit, deps: ClipDeps, plan: BodyPlan): AsyncGenerator<Uint8Array> {
  let bytes = plan.header.length;
  yield plan.header;
  const encoded = plan.encoded?.read(stopSignal(live, deps));
  const sound = plan.sound?.read(stopSignal(live, deps));
  let encodedLeft = plan.encoded?.sizes.length ?? 0;
  let next = 0;
  let known: { init: Uint8Array; info: InitInfo } | null = null;
  try {
    for await (const segment of readRing(live, deps, plan.readWindow)) {
      const surveyed = plan.segments[next];
      // Segments that reached the ring after planning are not part of the plan.
      if (!surveyed) break;
      if (!same(segment, surveyed)) throw ringChanged();
      next += 1;
      if (!known || Buffer.compare(known.init, segment.init) !== 0) {
        known = { init: segment.init, info: parseInit(segment.init) };
      }
      const samples = parseFragment(known.info, segment.fragment);
      const fromEncoder = Math.min(encodedLeft, surveyed.framesInside);
      for (let left = fromEncoder; left > 0; left -= 1) {
        const sample = await nextOf(encoded);
        bytes += sample.length;
        yield sample;
      }
      encodedLeft -= fromEncoder;
      for (const part of copiedFrames(known.info, samples.video, surveyed, fromEncoder)) {
        bytes += part.length;
        yield part;
      }
      for (let left = surveyed.sounds; left > 0; left -= 1) {
        const sample = await nextOf(sound);
        bytes += sample.length;
        yield sample;
      }
    }
  } finally {
    await encoded?.return(undefined);
    await sound?.return(undefined);
  }
  if (next !== plan.segments.length || bytes !== plan.sizeBytes) throw ringChanged();
}

async function nextOf(samples: AsyncGenerator<Uint8Array> | undefined): Promise<Uint8Array> {
  const sample = await samples?.next();
  if (!sample || sample.done) throw failure('clip_not_exact', { detail: 'what was encoded is missing' });
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
    // Only slices with 4-byte lengths: the sample already has the clip's form.
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
