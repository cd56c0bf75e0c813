// Owns: what libraries take from the platform while a simulated world runs: `fetch` goes over the world's network, and timers and limits of
// time go by its time. Not here: that `fetch` (memory-fetch.ts), the time (virtual-clock.ts), what takes a clock or a network as the product does.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Network } from '@doorsill/base/network';
import { fetchOver } from './memory-fetch.ts';

/** Node's own do the same with less. */
const DELAY_MS_MIN = 1;

/** What Node's `setTimeout` and `setInterval` return, as far as it means something where no process waits for timers. */
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

/** Has the whole process use the world's network for `fetch` and its time for timers, until what is returned is called. */
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
  // A timer that was set before is the machine's.
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
