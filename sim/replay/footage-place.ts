// A camera's position in its footage: the part, how often it was shown, and its end in the world's time.
import { type FootagePart, lengthOf } from './footage.ts';

/** All times in microseconds; a video's length is unknown before `setLength`. */
export class FootagePlace {
  private readonly parts: readonly FootagePart[];
  private readonly lengths: (number | null)[];
  private part = 0;
  /** How often this part was shown before. */
  private shown = 0;
  /** The world's time at which this showing began. */
  private startedUs = 0;

  constructor(parts: readonly FootagePart[]) {
    this.parts = parts;
    this.lengths = parts.map(lengthOf);
  }

  /** The part that is shown; undefined after the last. */
  get current(): FootagePart | undefined {
    return this.parts[this.part];
  }

  /** Whether this is the last showing of the last part. */
  get isLast(): boolean {
    return this.part === this.parts.length - 1 && !this.isAgain;
  }

  /** The length of everything; null while it is unknown. */
  get lengthUs(): number | null {
    let sum = 0;
    for (const [at, { loop }] of this.parts.entries()) {
      const length = this.lengths[at];
      if (length == null || loop === 'forever') return null;
      sum += length * loop;
    }
    return sum;
  }

  /** The world's time at which everything will have been shown; null while it is unknown. */
  get endUs(): number | null {
    let endUs = this.startedUs;
    for (const [at, { atUs = 0, loop }] of this.parts.entries()) {
      if (at < this.part) continue;
      const length = this.lengths[at];
      if (length == null || loop === 'forever') return null;
      const isBegun = at === this.part && this.shown > 0;
      if (!isBegun) endUs = Math.max(endUs, atUs);
      endUs += length * (isBegun ? loop - this.shown : loop);
    }
    return endUs;
  }

  /** Returns when this showing begins: at the end of the one before, or at the part's own time. */
  begin(): number {
    const atUs = this.current?.atUs ?? 0;
    if (this.shown === 0 && atUs > this.startedUs) this.startedUs = atUs;
    return this.startedUs;
  }

  /** Goes on to the next showing, which begins at `startedUs`. */
  advance(startedUs: number): void {
    if (this.isAgain) this.shown += 1;
    else {
      this.part += 1;
      this.shown = 0;
    }
    this.startedUs = startedUs;
  }

  /** Skips every showing but the last that has ended by `nowUs`, shown or not. */
  skipTo(nowUs: number): void {
    for (this.begin(); this.endedUs <= nowUs && !this.isLast; this.begin()) this.advance(this.endedUs);
  }

  /** Sets the length of a video, once it was probed. */
  setLength(path: string, lengthUs: number): void {
    for (const [at, { source, fromUs, toUs }] of this.parts.entries()) {
      if (source.kind !== 'video' || source.path !== path) continue;
      this.lengths[at] = Math.max(0, Math.min(lengthUs, toUs ?? lengthUs) - fromUs);
    }
  }

  private get isAgain(): boolean {
    const loop = this.current?.loop ?? 1;
    return loop === 'forever' || this.shown + 1 < loop;
  }

  private get endedUs(): number {
    const length = this.lengths[this.part];
    return length == null ? Number.POSITIVE_INFINITY : this.startedUs + length;
  }
}
