// Cache of recent encodings, in memory only, so that further grants of the same footage with the same zones and sound need no encoder.
// Each grant still reads the ring and has a file, a key and a check of its own: revoking one does not affect another.
import type { Clock, Timer } from '@doorsill/base/clock';
import { failure } from '@doorsill/contract/errors';
import type { ClipDeps } from './clip-deps.ts';
import type { EncodedSets } from './encode-frames.ts';
import { type EncodeAll, type EncodedSamples, encodeOnce } from './encoded-sample-buffer.ts';

/** Owners who answer several agencies about one event do so within minutes. */
const HELD_MS = 5 * 60_000;
/** Bytes held at most, for frames and sound each; larger encodings are not held. */
const HELD_BYTES_MAX = 8 * 1024 * 1024;

/** Encodings of one kind, by their inputs. */
class Held<Facts> {
  private readonly clock: Clock;
  private readonly entries = new Map<string, { samples: EncodedSamples<Facts>; bytes: number; end: Timer }>();
  /** Number of `forget` calls: an encoding that was running during one is not held. */
  private era = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * The samples of `encode`, or those held for the same key. The key must name everything that they depend on: the footage, its
   * recording, and how it is encoded. Throws like `encodeOnce`; a held encoding of more than `bytesMax` is `clip_over_limit`, too.
   */
  async get(
    key: string,
    encode: EncodeAll<Facts>,
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<EncodedSamples<Facts>> {
    const known = this.entries.get(key);
    if (known) {
      if (known.bytes <= bytesMax) return known.samples;
      throw failure('clip_over_limit', { detail: `more than the ${bytesMax} bytes granted` });
    }
    const { era } = this;
    const samples = await encodeOnce(encode, bytesMax, signal);
    if (era === this.era) this.hold(key, samples);
    return samples;
  }

  forget(): void {
    this.era += 1;
    for (const key of [...this.entries.keys()]) this.drop(key);
  }

  private hold(key: string, samples: EncodedSamples<Facts>): void {
    const bytes = samples.sizes.reduce((sum, size) => sum + size, 0);
    if (bytes > HELD_BYTES_MAX) return;
    this.drop(key);
    const held = () => [...this.entries.values()].reduce((sum, one) => sum + one.bytes, 0);
    for (const oldest of [...this.entries.keys()]) if (held() + bytes > HELD_BYTES_MAX) this.drop(oldest);
    this.entries.set(key, { samples, bytes, end: this.clock.after(HELD_MS, () => this.drop(key)) });
  }

  private drop(key: string): void {
    this.entries.get(key)?.end.cancel();
    this.entries.delete(key);
  }
}

/** Dependencies of cutting a clip; its check must not use the cache. */
export interface CutDeps extends ClipDeps {
  recent: RecentEncodings;
}

/** One device's encodings. `forget` must be called when footage is forgotten and when the device stops. */
export class RecentEncodings {
  readonly video: Held<EncodedSets>;
  readonly sound: Held<void>;

  constructor(clock: Clock) {
    this.video = new Held(clock);
    this.sound = new Held(clock);
  }

  /** Drops all encodings, and those that are running now when they are done. */
  forget(): void {
    this.video.forget();
    this.sound.forget();
  }
}
