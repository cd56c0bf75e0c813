// Owns: the encoded frames of a clip between the cut and the writing of the file: few are kept, many are encoded again while
// the file is written, so that a long window needs no more memory than a short one. Not here: encoding (encode.ts).
import { failure } from '../protocol/errors.ts';
import type { EncodedSets } from './encode.ts';
import type { Frame } from './frame.ts';
import { joinSample } from './nal.ts';

/** Encodes all frames of the clip from the start. Given the same source it gives the same bytes: x264 is deterministic. */
export type EncodeAll = (onFrame: (frame: Frame) => void | Promise<void>, signal: AbortSignal) => Promise<EncodedSets>;

/** What was encoded: sizes and keyframes at once, the bytes through `read`. */
export interface EncodedFrames {
  sets: EncodedSets;
  sizes: number[];
  keys: number[];
  /** The samples in order, ready for the file. */
  read(signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** Encoded footage kept in memory at most; beyond it the window is encoded a second time. */
export const KEPT_BYTES_MAX = 64 * 1024 * 1024;

/** How far encoding again may run ahead of the reader. */
const FRAMES_AHEAD = 8;

/** Encodes once. Throws what `encode` throws, and `clip_over_limit` as soon as `bytesMax` are passed. */
export async function encodeOnce(
  encode: EncodeAll,
  bytesMax: number,
  signal: AbortSignal,
  keptBytesMax = KEPT_BYTES_MAX,
): Promise<EncodedFrames> {
  const sizes: number[] = [];
  const keys: number[] = [];
  let kept: Uint8Array[] | null = [];
  let bytes = 0;
  const sets = await encode((frame) => {
    bytes += frame.sizeBytes;
    if (bytes > bytesMax) throw failure('clip_over_limit', { detail: `more than the ${bytesMax} bytes granted` });
    if (frame.idr) keys.push(sizes.length);
    sizes.push(frame.sizeBytes);
    if (bytes > keptBytesMax) kept = null;
    kept?.push(joinSample(frame.slices));
  }, signal);
  const samples: Uint8Array[] | null = kept;
  const read = samples ? () => keptSamples(samples) : (stop: AbortSignal) => encodeAgain(encode, sizes, stop);
  return { sets, sizes, keys, read };
}

async function* keptSamples(samples: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* samples;
}

/** Runs the encoder a second time, a few frames ahead of whoever reads, and ends it when the reader stops. */
async function* encodeAgain(
  encode: EncodeAll,
  sizes: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stopped = new AbortController();
  const ready: Uint8Array[] = [];
  let wakeReader = () => {};
  let wakeEncoder = () => {};
  let ended = false;
  let failed: unknown = null;
  const running = encode(
    async (frame) => {
      ready.push(joinSample(frame.slices));
      wakeReader();
      if (ready.length >= FRAMES_AHEAD && !stopped.signal.aborted) {
        await new Promise<void>((resolve) => {
          wakeEncoder = resolve;
        });
      }
    },
    AbortSignal.any([signal, stopped.signal]),
  )
    .catch((thrown: unknown) => {
      failed = thrown;
    })
    .finally(() => {
      ended = true;
      wakeReader();
    });
  try {
    for (let at = 0; ; ) {
      const sample = ready.shift();
      if (sample) {
        if (sample.length !== sizes[at])
          throw failure('clip_not_exact', { detail: 'encoding again gave other frames' });
        at += 1;
        yield sample;
        continue;
      }
      wakeEncoder();
      if (ended) break;
      await new Promise<void>((resolve) => {
        wakeReader = resolve;
        if (ready.length > 0 || ended) resolve();
      });
    }
    if (failed !== null) throw failed;
  } finally {
    stopped.abort(failure('clip_not_exact', { detail: 'reading it was given up' }));
    wakeEncoder();
    await running;
  }
}
