// Keeps a sealed copy in memory of the footage of granted windows whose clips wait to be cut, because the ring may overwrite it
// meanwhile.
import type { Clock } from '@doorsill/base/clock';
import type { Random } from '@doorsill/base/random';
import type { SealCipher } from '@doorsill/base/seal';
import { isFailure } from '@doorsill/contract/errors';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';
import { RingMemory } from '../ring/ring-memory.ts';
import type { ClipDeps } from './clip-deps.ts';

/** A clip waits for a few others at most; this is more than that takes. */
const HELD_S = 300;
/** Bytes held at most for all waiting clips; of a window the oldest first, because the ring overwrites it first. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;

/** The held footage of one window. */
export interface FootageHold {
  /** Like `ClipDeps.segments`: the ring's footage, and held segments that are no longer in the ring. */
  segments: ClipDeps['segments'];
  /** Destroys the held footage; `segments` then reads the ring alone. */
  release(): void;
}

export interface HeldFootageDeps {
  /** The ring's. */
  segments: ClipDeps['segments'];
  clock: Clock;
  random: Random;
  cipher: SealCipher;
}

/** One device's held footage. Must be told with `forget` when footage is forgotten. */
export class HeldFootage {
  private readonly deps: HeldFootageDeps;
  private readonly holds = new Set<Hold>();

  constructor(deps: HeldFootageDeps) {
    this.deps = deps;
  }

  /** Starts copying the window's footage, as far as there is room. Held until `release`, `forget`, the signal's abort, or five minutes. */
  hold(window: Window, signal: AbortSignal): FootageHold {
    const hold = new Hold(this.deps, () => {
      this.holds.delete(hold);
      signal.removeEventListener('abort', release);
    });
    const release = () => hold.release();
    this.holds.add(hold);
    signal.addEventListener('abort', release, { once: true });
    if (signal.aborted) release();
    hold
      .copy(window, () => HELD_BYTES_MAX - this.bytes)
      .catch((thrown: unknown) => {
        // The cut reads the ring again, and reports its faults.
        if (!isFailure(thrown)) throw thrown;
      });
    return hold;
  }

  /** Destroys all held footage. */
  forget(): void {
    for (const hold of [...this.holds]) hold.release();
  }

  /** Bytes held now. */
  get bytes(): number {
    return [...this.holds].reduce((sum, hold) => sum + hold.bytes, 0);
  }
}

class Hold implements FootageHold {
  private readonly ring: ClipDeps['segments'];
  private readonly kept: RingMemory;
  private readonly released: () => void;
  private isOver = false;

  constructor({ segments, clock, random, cipher }: HeldFootageDeps, released: () => void) {
    this.ring = segments;
    this.released = released;
    // With room for twice as much it never overwrites, and accepts any segment that a ring accepts.
    this.kept = new RingMemory({ clock, random, cipher, bytesMax: 2 * HELD_BYTES_MAX, retentionS: HELD_S });
  }

  get bytes(): number {
    return this.kept.stats().bytes;
  }

  async copy(window: Window, roomBytes: () => number): Promise<void> {
    if (this.isOver) return;
    await this.kept.start();
    for await (const segment of this.ring(window)) {
      if (this.isOver || segment.init.length + segment.fragment.length > roomBytes()) break;
      await this.kept.append(segment);
    }
    // It may have been released while `start` or the last `append` ran.
    if (this.isOver) await this.kept.stop();
  }

  async *segments(window: Window): AsyncGenerator<Segment> {
    const held = this.isOver ? null : this.kept.read(window)[Symbol.asyncIterator]();
    let ahead = await held?.next();
    const next = () => (this.isOver || ahead?.done ? undefined : ahead?.value);
    for await (const segment of this.ring(window)) {
      for (let kept = next(); kept && isBefore(kept, segment); kept = next()) {
        yield kept;
        ahead = await held?.next();
      }
      if (isSame(next(), segment)) ahead = await held?.next();
      yield segment;
    }
    for (let kept = next(); kept; kept = next()) {
      yield kept;
      ahead = await held?.next();
    }
  }

  release(): void {
    if (this.isOver) return;
    this.isOver = true;
    void this.kept.stop();
    this.released();
  }
}

function isSame(kept: Segment | undefined, segment: Segment): boolean {
  return kept?.recording === segment.recording && kept.index === segment.index;
}

function isBefore(kept: Segment, segment: Segment): boolean {
  return kept.startUs < segment.startUs && !isSame(kept, segment);
}
