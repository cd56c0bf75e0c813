// A clock that runs like the machine's, but can be moved on by hours: whatever falls due in between happens at once.
import { type Clock, SystemClock, sleepOn, type Timer } from '../../device/base/clock.ts';

interface Entry {
  dueMs: number;
  call: () => void;
  armed: Timer;
}

export class LapseClock implements Clock {
  private readonly real = new SystemClock();
  private readonly entries = new Set<Entry>();
  private aheadMs = 0;

  wallUs(): number {
    return this.real.wallUs() + this.aheadMs * 1000;
  }

  monotonicMs(): number {
    return this.real.monotonicMs() + this.aheadMs;
  }

  synchronised(): boolean {
    return true;
  }

  after(delayMs: number, call: () => void): Timer {
    const entry: Entry = { dueMs: this.monotonicMs() + delayMs, call, armed: { cancel: () => undefined } };
    this.entries.add(entry);
    this.arm(entry);
    return {
      cancel: () => {
        entry.armed.cancel();
        this.entries.delete(entry);
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Lets `byMs` pass at once. */
  skip(byMs: number): void {
    this.aheadMs += byMs;
    for (const entry of [...this.entries].sort((a, b) => a.dueMs - b.dueMs)) {
      entry.armed.cancel();
      if (this.entries.has(entry)) this.arm(entry);
    }
  }

  private arm(entry: Entry): void {
    entry.armed = this.real.after(Math.max(0, entry.dueMs - this.monotonicMs()), () => {
      this.entries.delete(entry);
      entry.call();
    });
  }
}
