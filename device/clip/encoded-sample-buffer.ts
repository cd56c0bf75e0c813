// The encoded frames and sound of a clip between the cut and the writing of the file. Small encodings are kept in memory; large ones
// are encoded again while the file is written, so that a long window needs no more memory than a short one.
import { failure } from '@doorsill/contract/errors';

/** One encoded frame or sound packet, ready for the file; `key`: whether decoding can start there. */
export interface EncodedSample {
  bytes: Uint8Array;
  key: boolean;
}

/**
 * Encodes everything from the start; resolves with facts about all samples. The same source gives the same bytes: x264 and ffmpeg's
 * AAC encoder depend on neither randomness nor time.
 */
export type EncodeAll<Facts> = (
  onSample: (sample: EncodedSample) => void | Promise<void>,
  signal: AbortSignal,
) => Promise<Facts>;

/** The encoded samples: sizes and keyframes directly, the bytes through `read`. */
export interface EncodedSamples<Facts> {
  facts: Facts;
  sizes: number[];
  keys: number[];
  /** The samples in order, ready for the file. */
  read(signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** Largest encoding kept in memory; a larger one is encoded a second time. */
export const KEPT_BYTES_MAX = 64 * 1024 * 1024;

/** Frames by which the second encoding may run ahead of the reader. */
const FRAMES_AHEAD = 8;

/** Encodes once. Throws the errors of `encode`, and `clip_over_limit` as soon as `bytesMax` is exceeded. */
export async function encodeOnce<Facts>(
  encode: EncodeAll<Facts>,
  bytesMax: number,
  signal: AbortSignal,
  keptBytesMax = KEPT_BYTES_MAX,
): Promise<EncodedSamples<Facts>> {
  const sizes: number[] = [];
  const keys: number[] = [];
  let kept: Uint8Array[] | null = [];
  let bytes = 0;
  const facts = await encode((sample) => {
    bytes += sample.bytes.length;
    if (bytes > bytesMax) throw failure('clip_over_limit', { detail: `more than the ${bytesMax} bytes granted` });
    if (sample.key) keys.push(sizes.length);
    sizes.push(sample.bytes.length);
    if (bytes > keptBytesMax) kept = null;
    kept?.push(sample.bytes);
  }, signal);
  const samples: Uint8Array[] | null = kept;
  const read = samples ? () => keptSamples(samples) : (stop: AbortSignal) => encodeAgain(encode, sizes, stop);
  return { facts, sizes, keys, read };
}

async function* keptSamples(samples: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* samples;
}

/** Runs the encoder a second time, a few frames ahead of the reader, and stops it when the reader stops. */
async function* encodeAgain<Facts>(
  encode: EncodeAll<Facts>,
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
    async (sample) => {
      ready.push(sample.bytes);
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
          throw failure('clip_not_exact', { detail: 'the second encoding has other bytes' });
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
    stopped.abort(failure('clip_not_exact', { detail: 'reading the encoding was cancelled' }));
    wakeEncoder();
    await running;
  }
}
