// Many recurring calls on one timer: calls that are due within the same few milliseconds run together.
import type { Clock, Timer } from '@doorsill/base/clock';

/** Calls that are due within this span share one timer. */
const SLOT_MS = 4;
/** How far ahead the next call is searched; the search is repeated for later ones. */
const SEARCH_MS_MAX = 2_000;

/** A waiting call. */
export interface Due {
  cancel(): void;
}

interface Waiting {
  readonly dueMs: number;
  call: (() => void) | null;
}

/** Makes calls in order of time, none before it is due. */
export class DueQueue {
  private readonly clock: Clock;
  private readonly slots = new Map<number, Waiting[]>();
  private timer: Timer | null = null;
  private armedFor = Number.POSITIVE_INFINITY;
  /** The first slot whose calls were not made yet. */
  private next: number;
  private count = 0;
  private late = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.next = slotOf(clock.monotonicMs());
  }

  /** Number of waiting calls, with cancelled ones whose time has not come. */
  get size(): number {
    return this.count;
  }

  /** How late the last timer fired, for the first of its calls. */
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

  /** Cancels every call. */
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
      // A new call from here for a past time must go into a later slot.
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

/** The first slot that begins at a time or after it. */
function slotOf(ms: number): number {
  return Math.ceil(ms / SLOT_MS);
}
