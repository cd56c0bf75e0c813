// Limits by name, for one process or for several that share a count: each process reserves batches of calls from it, so that few calls ask
// the database.

import type { Clock } from '@doorsill/base/clock';
import { FixedWindowLimit, WindowCounts } from '@doorsill/base/http/fixed-window-limit';
import { hmacSha256 } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';

/** How often something may happen, by name, in a window of time. */
export interface RateLimit {
  /** Calls that a name has left as far as this process knows, and when its window ends. Rejects with `database_...` if that is unknown. */
  leftOf(name: string): Promise<{ left: number; resetS: number }>;
  /** Counts a call that was already served. */
  note(name: string): void;
  /** Counts a call. Rejects with `http_rate_limited` when none is left, and with `database_...` when that is unknown. */
  take(name: string): Promise<void>;
}

export interface RateLimits {
  /** `what` is counted, each name `countMax` times in a window of `spanMs`. */
  limit(what: string, countMax: number, spanMs: number): RateLimit;
}

/** Names counted in a window. */
const NAMES_MAX = 100_000;

/** Counts in this process alone. */
export class LocalLimits implements RateLimits {
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  limit(_what: string, countMax: number, spanMs: number): RateLimit {
    const own = new FixedWindowLimit(new WindowCounts(this.clock, spanMs, NAMES_MAX), countMax);
    return {
      leftOf: async (name) => own.leftOf(name),
      note: (name) => own.note(name),
      take: async (name) => own.take(name),
    };
  }
}

/** Calls that a process has reserved from a name's shared count. */
export interface CallBatch {
  /** Calls that the process may let through; none if the window's are used up. */
  taken: number;
  /** Calls that no process has reserved yet. */
  left: number;
  resetMs: number;
}

export interface CallBatchStore {
  /**
   * Reserves calls of a name in its window, which begins with the first reservation: at least `least` if that many are left. Rejects with
   * `database_...`.
   */
  take(name: Uint8Array, wanted: { countMax: number; spanMs: number; least: number }): Promise<CallBatch>;
  /** Deletes the counts of windows that have ended. */
  removeEnded(): Promise<void>;
}

export interface SharedLimitsDeps {
  clock: Clock;
  store: CallBatchStore;
  /** Names are stored as HMACs under this key, so that the database alone does not reveal who called, or from where. */
  key: Uint8Array;
  namesMax?: number;
}

/** A name's reserved calls in this process. */
interface Entry {
  /** Reserved calls that are left; negative: calls that were let through without a reservation. */
  left: number;
  sharedLeft: number;
  /** When the window ends, in monotonic milliseconds. */
  endsMs: number;
  asking: Promise<void> | null;
}

/** Shortest time between two deletions of ended windows. */
const REMOVE_EVERY_MS = 60_000;

/**
 * Counts together with all processes on the same store. `take` never lets through more than the limit over all processes. `note` may exceed
 * it by the calls that each process had under way when it first saw the name. Reserved calls that a process does not use are lost to the
 * others until the window ends. Beyond `namesMax` names a process counts alone.
 */
export class SharedLimits implements RateLimits {
  private readonly deps: SharedLimitsDeps;
  private readonly own: LocalLimits;
  private readonly entries = new Map<string, Entry>();
  private removedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: SharedLimitsDeps) {
    this.deps = deps;
    this.own = new LocalLimits(deps.clock);
  }

  limit(what: string, countMax: number, spanMs: number): RateLimit {
    const own = this.own.limit(what, countMax, spanMs);
    const wanted = { countMax, spanMs };
    const entryOf = (name: string) => this.entryOf(`${what} ${name}`, wanted);
    const ask = (name: string, entry: Entry) => this.ask(`${what} ${name}`, entry, wanted);
    return {
      leftOf: async (name) => {
        const entry = this.find(`${what} ${name}`);
        if (!entry) return own.leftOf(name);
        if (entry.left <= 0 && entry.sharedLeft > 0) await ask(name, entry);
        return { left: Math.max(0, entry.left + entry.sharedLeft), resetS: this.resetS(entry) };
      },
      note: (name) => {
        const entry = entryOf(name);
        if (!entry) return own.note(name);
        entry.left -= 1;
        // The call was served already: a failure to store its count shows at the next call.
        if (entry.left < 0 && entry.sharedLeft > 0) void ask(name, entry).catch(() => undefined);
      },
      take: async (name) => {
        const entry = entryOf(name);
        if (!entry) return own.take(name);
        while (entry.left <= 0 && entry.sharedLeft > 0) await ask(name, entry);
        if (entry.left <= 0) throw failure('http_rate_limited', { retryAfterS: this.resetS(entry) });
        entry.left -= 1;
      },
    };
  }

  private resetS({ endsMs }: Entry): number {
    return Math.max(1, Math.ceil((endsMs - this.deps.clock.monotonicMs()) / 1000));
  }

  private find(name: string): Entry | null {
    const entry = this.entries.get(name);
    if (entry && entry.endsMs > this.deps.clock.monotonicMs()) return entry;
    this.entries.delete(name);
    return null;
  }

  /** A name's entry; null when there are too many names. */
  private entryOf(name: string, { countMax, spanMs }: { countMax: number; spanMs: number }): Entry | null {
    const known = this.find(name);
    if (known) return known;
    const nowMs = this.deps.clock.monotonicMs();
    const { namesMax = NAMES_MAX } = this.deps;
    if (this.entries.size >= namesMax) this.forgetEnded(nowMs);
    if (this.entries.size >= namesMax) return null;
    const entry = { left: 0, sharedLeft: countMax, endsMs: nowMs + spanMs, asking: null };
    this.entries.set(name, entry);
    return entry;
  }

  /** Reserves calls, once for all callers that wait. */
  private ask(name: string, entry: Entry, wanted: { countMax: number; spanMs: number }): Promise<void> {
    entry.asking ??= this.reserve(name, entry, wanted).finally(() => {
      entry.asking = null;
    });
    return entry.asking;
  }

  private async reserve(name: string, entry: Entry, wanted: { countMax: number; spanMs: number }): Promise<void> {
    const { clock, store, key } = this.deps;
    const askedMs = clock.monotonicMs();
    const batch = await store.take(hmacSha256(key, utf8(name)), { ...wanted, least: 1 - entry.left });
    entry.left += batch.taken;
    entry.sharedLeft = batch.left;
    entry.endsMs = askedMs + batch.resetMs;
    if (askedMs - this.removedMs < REMOVE_EVERY_MS) return;
    this.removedMs = askedMs;
    this.forgetEnded(askedMs);
    void store.removeEnded().catch(() => undefined);
  }

  private forgetEnded(nowMs: number): void {
    for (const [name, { endsMs }] of this.entries) if (endsMs <= nowMs) this.entries.delete(name);
  }
}
