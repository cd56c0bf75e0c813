// Owns: reading a contact's level: which closings are presses of a finger, which are noise, one that is held, and one that is stuck.
// Not here: where levels come from (gpio.ts, evdev-button.ts), repeated presses (button.ts).
import type { Clock, Timer } from '@doorsill/base/clock';

/** Nobody presses so long by mistake. */
export const HELD_S = 10;
/** Nobody leans on a bell for a minute: it is jammed, or its wire is. */
const STUCK_S = 60;

export interface ContactOptions {
  clock: Clock;
  /** How long the contact must stay closed to count; 0 for what debounces itself. */
  steadyMs: number;
  pressed(): void;
  /** It has been closed for ten seconds without a break. */
  held?(): void;
  /** It has been closed for a minute (`true`), or is open again after that. */
  stuck(isStuck: boolean): void;
}

/** One contact. A press is reported once, when the contact has been closed for `steadyMs` without a break. */
export class Contact {
  private readonly options: ContactOptions;
  private isClosed = false;
  private isStuck = false;
  /** Whether this closing has counted, and when it began by its source's own clock. */
  private hasCounted = false;
  private closedAtMs: number | null = null;
  private timer: Timer | null = null;

  constructor(options: ContactOptions) {
    this.options = options;
  }

  /**
   * Takes in the contact's level: closed (pressed) or open. The same level again says nothing new. `atMs`: when it changed, by the clock of
   * whoever saw it; a short press of which both ends are read late, in one piece, is a press by that alone.
   */
  level(isClosed: boolean, atMs: number | null = null): void {
    if (isClosed === this.isClosed) return;
    this.isClosed = isClosed;
    this.timer?.cancel();
    if (isClosed) {
      this.closedAtMs = atMs;
      this.hasCounted = false;
      this.closed();
      return;
    }
    const heldMs = atMs === null || this.closedAtMs === null ? 0 : atMs - this.closedAtMs;
    if (!this.hasCounted && heldMs >= this.options.steadyMs && heldMs > 0) this.options.pressed();
    this.freed();
  }

  /** Forgets the level: what it was is not known any more. */
  reset(): void {
    this.timer?.cancel();
    this.timer = null;
    this.isClosed = false;
    this.freed();
  }

  private closed(): void {
    const { clock, steadyMs } = this.options;
    if (steadyMs === 0) this.press();
    else this.timer = clock.after(steadyMs, () => this.press());
  }

  private press(): void {
    this.hasCounted = true;
    this.options.pressed();
    this.count(1);
  }

  /**
   * Counts the seconds one by one: what the contact did is read between two of them. By one long timer, a process that stood still
   * while the finger let go would take its own standstill for the finger's.
   */
  private count(second: number): void {
    const { clock, held, stuck } = this.options;
    this.timer = clock.after(1_000, () => {
      if (second < STUCK_S) this.count(second + 1);
      if (second === HELD_S) held?.();
      if (second < STUCK_S) return;
      this.isStuck = true;
      stuck(true);
    });
  }

  private freed(): void {
    if (!this.isStuck) return;
    this.isStuck = false;
    this.options.stuck(false);
  }
}
