// Calls the consent gate's periodic upkeep: every 30 s, earlier when a grant ends. At most one call waits in the gate's queue.
import type { Clock, Timer } from '@doorsill/base/clock';

/** Longest time between two upkeeps, which end expired grants, advance the latest wall time seen, and retry unfinished work. */
const TICK_MS_MAX = 30_000;

export interface UpkeepTimerDeps {
  clock: Clock;
  /** Milliseconds until the next grant ends; 0 or less where one is overdue. */
  nextDeadlineMs: () => number;
  /** Ends overdue grants. Called as soon as upkeep is due, even while an earlier upkeep waits or runs. */
  endOverdue: () => void;
  /** Queues one upkeep, which calls `begins` when it starts. */
  upkeep: (begins: () => void) => void;
}

export class UpkeepTimer {
  private readonly deps: UpkeepTimerDeps;
  private timer: Timer | null = null;
  /** When the next upkeep is due at the latest, by the monotonic clock; null while stopped. */
  private dueMs: number | null = null;
  /** Whether an upkeep is queued and has not started. */
  private isWaiting = false;

  constructor(deps: UpkeepTimerDeps) {
    this.deps = deps;
  }

  /** Schedules the first upkeep in 30 s. */
  start(): void {
    this.dueMs = this.deps.clock.monotonicMs() + TICK_MS_MAX;
    this.arm();
  }

  stop(): void {
    this.dueMs = null;
    this.timer?.cancel();
    this.timer = null;
  }

  /** Call it after each order, which may make the next upkeep due earlier, never later. Does nothing while stopped. */
  arm(): void {
    this.timer?.cancel();
    if (this.dueMs === null) return;
    const { clock, nextDeadlineMs, endOverdue, upkeep } = this.deps;
    const delayMs = Math.max(0, Math.min(this.dueMs - clock.monotonicMs(), nextDeadlineMs()));
    this.timer = clock.after(delayMs, () => {
      this.dueMs = clock.monotonicMs() + TICK_MS_MAX;
      endOverdue();
      if (!this.isWaiting) {
        this.isWaiting = true;
        upkeep(() => {
          this.isWaiting = false;
        });
      }
      this.arm();
    });
  }
}
