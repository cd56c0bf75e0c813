// Turns the levels of a contact into presses; detects one that is held, and one that is stuck.
import type { Clock, Timer } from '@doorsill/base/clock';

/** Nobody holds a button this long by mistake. */
export const HELD_S = 10;
/** A contact closed for a minute is jammed, or its wire is shorted. */
const STUCK_S = 60;

export interface ContactOptions {
  clock: Clock;
  /** How long the contact must stay closed to count; 0 for hardware that debounces itself. */
  steadyMs: number;
  pressed(): void;
  /** Called when it has been closed for ten seconds without a break. */
  held?(): void;
  /** Called with `true` when it has been closed for a minute, with `false` when it has opened after that. */
  stuck(isStuck: boolean): void;
}

/** One contact. A press is reported once, when the contact has been closed for `steadyMs` without a break. */
export class Contact {
  private readonly options: ContactOptions;
  private isClosed = false;
  private isStuck = false;
  /** Whether this closing has counted, and when it began by its source's clock. */
  private hasCounted = false;
  private closedAtMs: number | null = null;
  private timer: Timer | null = null;

  constructor(options: ContactOptions) {
    this.options = options;
  }

  /**
   * Takes in the contact's level; ignores a repeated level. `atMs`: time of the change by its source's clock, which alone reveals a short
   * press if both changes are read late, in one chunk.
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

  /** Forgets the level, which is unknown now. */
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
   * Counts single seconds, so that level changes are read in between. With one long timer, a process that was suspended while the finger
   * let go would count the suspension as holding.
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
