// Replaces platform functions that libraries use during a run: `fetch` uses the simulated network, timers and timeouts the simulated time.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Network } from '@doorsill/base/network';
import { fetchOver } from './memory-fetch.ts';

/** As in Node. */
const DELAY_MS_MIN = 1;

/** The result of Node's `setTimeout` and `setInterval`, as far as it matters where no process waits for timers. */
class PlatformTimer {
  private readonly clock: Clock;
  private readonly delayMs: number;
  private readonly call: () => void;
  private timer: Timer | null = null;

  constructor(clock: Clock, delayMs: number, call: () => void) {
    this.clock = clock;
    this.delayMs = Math.max(DELAY_MS_MIN, Number.isFinite(delayMs) ? delayMs : DELAY_MS_MIN);
    this.call = call;
    this.refresh();
  }

  refresh(): this {
    this.close();
    this.timer = this.clock.after(this.delayMs, this.call);
    return this;
  }

  close(): this {
    this.timer?.cancel();
    this.timer = null;
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

/** Makes the whole process use the simulated network for `fetch` and simulated time for timers, until the returned function is called. */
export function replacePlatform(network: Network, clock: Clock): () => void {
  const { fetch, setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const { timeout } = AbortSignal;
  const limit = (ms: number) => {
    const ending = new AbortController();
    clock.after(ms, () => ending.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')));
    return ending.signal;
  };
  const later = (call: (...args: unknown[]) => void, delayMs = DELAY_MS_MIN, ...args: unknown[]) =>
    new PlatformTimer(clock, delayMs, () => call(...args));
  const again = (call: (...args: unknown[]) => void, delayMs = DELAY_MS_MIN, ...args: unknown[]) => {
    const timer: PlatformTimer = new PlatformTimer(clock, delayMs, () => {
      timer.refresh();
      call(...args);
    });
    return timer;
  };
  // A timer from before is the machine's.
  const clear = (timer: unknown) => {
    if (timer instanceof PlatformTimer) timer.close();
    else if (timer !== undefined && timer !== null) Reflect.apply(clearTimeout, globalThis, [timer]);
  };
  Object.assign(globalThis, {
    ...{ fetch: fetchOver(network, clock), setTimeout: later, setInterval: again },
    ...{ clearTimeout: clear, clearInterval: clear },
  });
  Object.assign(AbortSignal, { timeout: limit });
  return () => {
    Object.assign(globalThis, { fetch, setTimeout, setInterval, clearTimeout, clearInterval });
    Object.assign(AbortSignal, { timeout });
  };
}
