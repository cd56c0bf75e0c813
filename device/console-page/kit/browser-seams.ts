// The only file of the page that asks the browser for time and randomness.
import { toHex } from '@doorsill/contract/bytes';

/** A scheduled call that can be cancelled. */
export interface Timer {
  cancel(): void;
}

class BrowserClock {
  wallUs(): number {
    return Date.now() * 1000;
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(delayMs: number, call: () => void): Timer {
    const handle = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(handle) };
  }

  /** Resolves after `delayMs`, or at once when the signal is aborted. */
  pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.after(delayMs, done);
      signal.addEventListener('abort', done);
    });
  }
}

export const clock = new BrowserClock();

export function drawnBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** A new id: a prefix and 128 random bits; fewer bits for ids that people type. */
export function freshId(prefix: string, bytes = 16): string {
  return `${prefix}-${toHex(drawnBytes(bytes))}`;
}
