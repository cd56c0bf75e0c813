// Owns: footage of granted windows whose clips wait for their turn to be cut, sealed in memory, while the ring goes on recording over it.
// Not here: which clips wait (upload/delivery.ts), reading for a clip (read-ring.ts).
import type { Clock } from '@doorsill/base/clock';
import type { Random } from '@doorsill/base/random';
import type { SealCipher } from '@doorsill/base/seal';
import { isFailure } from '@doorsill/contract/errors';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';
import { RingMemory } from '../ring/ring-memory.ts';
import type { ClipDeps } from './clip-deps.ts';

/** A clip waits for a few others at most; what is held longer is no longer held for a cut. */
const HELD_S = 300;
/** Bytes held at most for all clips that wait; the oldest of a window first, for the ring records over that first. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;

/** The footage of one window. */
export interface FootageHold {
  /** The ring's footage, and what was held of the window where the ring has it no more. As `ClipDeps.segments`. */
  segments: ClipDeps['segments'];
  /** Destroys what was held; from then on there is the ring's alone. */
  release(): void;
}

export interface HeldFootageDeps {
  /** The ring's. */
  segments: ClipDeps['segments'];
  clock: Clock;
  random: Random;
  cipher: SealCipher;
}

/** One device's held footage. Whoever has footage forgotten calls `forget`. */
export class HeldFootage {
  private readonly deps: HeldFootageDeps;
  private readonly holds = new Set<Hold>();

  constructor(deps: HeldFootageDeps) {
    this.deps = deps;
  }

  /** Begins to copy the window's footage, as much as there is room for. It is held until `release`, `forget`, the signal, or five minutes. */
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
        // The cut reads the ring again, and says what is wrong with it.
        if (!isFailure(thrown)) throw thrown;
      });
    return hold;
  }

  /** Destroys all of it. */
  forget(): void {
    for (const hold of [...this.holds]) hold.release();
  }

  /** Bytes that are held. */
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
    // With room for twice as much it overwrites nothing, and takes any segment that a ring takes.
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
    // It may have been released while the ring in memory started, or took the last segment.
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
