// Owns: many calls that are due again and again, on one timer of the process: what is due in the same few milliseconds is called together.
// Not here: what is called.
import type { Clock, Timer } from '@doorsill/base/clock';

/** Calls that fall due within so many milliseconds share one wake-up. */
const SLOT_MS = 4;
/** How far the next call that is due is searched for at once; what is later is looked for again then. */
const SEARCH_MS_MAX = 2_000;

/** A call that waits. */
export interface Due {
  /** Takes it back. */
  cancel(): void;
}

interface Waiting {
  readonly dueMs: number;
  call: (() => void) | null;
}

/** Calls in order of time, each never before it is due. */
export class DueQueue {
  private readonly clock: Clock;
  private readonly slots = new Map<number, Waiting[]>();
  private timer: Timer | null = null;
  private armedFor = Number.POSITIVE_INFINITY;
  /** The first slot that was not called yet. */
  private next: number;
  private count = 0;
  private late = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.next = slotOf(clock.monotonicMs());
  }

  /** How many calls wait, with those that were taken back and whose time has not come. */
  get size(): number {
    return this.count;
  }

  /** By how many milliseconds the last wake-up came after the first call that it was for. */
  get lateMs(): number {
    return this.late;
  }

  /** Calls `call` once at `dueMs` of the clock's monotonic time, or at once when that has passed. */
  at(dueMs: number, call: () => void): Due {
    const waiting: Waiting = { dueMs, call };
    const slot = Math.max(slotOf(dueMs), this.next);
    const others = this.slots.get(slot);
    if (others) others.push(waiting);
    else this.slots.set(slot, [waiting]);
    this.count += 1;
    if (slot < this.armedFor) this.arm(slot);
    return {
      cancel: () => {
        waiting.call = null;
      },
    };
  }

  /** Takes every call back. */
  stop(): void {
    this.timer?.cancel();
    this.timer = null;
    this.armedFor = Number.POSITIVE_INFINITY;
    this.slots.clear();
    this.count = 0;
  }

  private arm(slot: number): void {
    this.timer?.cancel();
    this.armedFor = slot;
    this.timer = this.clock.after(Math.max(0, Math.ceil(slot * SLOT_MS - this.clock.monotonicMs())), () => this.wake());
  }

  private wake(): void {
    const nowMs = this.clock.monotonicMs();
    this.late = Math.max(0, nowMs - this.armedFor * SLOT_MS);
    this.armedFor = Number.POSITIVE_INFINITY;
    const now = Math.floor(nowMs / SLOT_MS);
    while (this.next <= now) {
      const due = this.slots.get(this.next);
      this.slots.delete(this.next);
      // A call made from here for a time that has passed comes in a slot that is not over.
      this.next += 1;
      this.count -= due?.length ?? 0;
      for (const waiting of due ?? []) waiting.call?.();
    }
    this.armNext();
  }

  private armNext(): void {
    if (this.count === 0) return;
    const searched = this.next + SEARCH_MS_MAX / SLOT_MS;
    let slot = this.next;
    while (slot < searched && !this.slots.has(slot)) slot += 1;
    if (slot < this.armedFor) this.arm(slot);
  }
}

/** The slot at whose beginning a time has passed. */
function slotOf(ms: number): number {
  return Math.ceil(ms / SLOT_MS);
}
