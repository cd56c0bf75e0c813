// Index of a ring's segments in the order written: lookup by window, coverage, age. Pure.
import type { Window } from '@doorsill/contract/shared-claims';
import { GAP_US } from './ring-interface.ts';

/** One stored segment. */
export interface IndexEntry {
  /** Grows with every record written; the order of overwriting. */
  readonly sequence: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly clockTrusted: boolean;
  /** Bytes it takes in the ring. */
  readonly bytes: number;
  /** Time of writing on the monotonic clock of this boot; negative for segments of an earlier boot. */
  writtenMs: number;
}

/** The live segments of one ring. */
export class RingIndex<Entry extends IndexEntry> {
  private readonly entries = new Map<number, Entry>();
  private totalBytes = 0;

  get count(): number {
    return this.entries.size;
  }

  get bytes(): number {
    return this.totalBytes;
  }

  /** Adds the newest entry. */
  add(entry: Entry): void {
    this.entries.set(entry.sequence, entry);
    this.totalBytes += entry.bytes;
  }

  /** Whether this very entry is still held. */
  has(entry: Entry): boolean {
    return this.entries.get(entry.sequence) === entry;
  }

  remove(entry: Entry): void {
    if (!this.has(entry)) return;
    this.entries.delete(entry.sequence);
    this.totalBytes -= entry.bytes;
  }

  clear(): void {
    this.entries.clear();
    this.totalBytes = 0;
  }

  /** The oldest-written entry. */
  oldest(): Entry | undefined {
    return this.entries.values().next().value;
  }

  /** All entries, oldest-written first. */
  all(): Entry[] {
    return [...this.entries.values()];
  }

  /** Entries that share any instant with the window, by start time. */
  touching(window: Window): Entry[] {
    return this.all()
      .filter((entry) => entry.startUs < window.endUs && entry.endUs > window.startUs)
      .sort(byStart);
  }

  /** Entries written longer than `retentionMs` before `nowMs`, oldest-written first. */
  olderThan(retentionMs: number, nowMs: number): Entry[] {
    const expired: Entry[] = [];
    // In the order written, so the first young one ends the search.
    for (const entry of this.entries.values()) {
      if (nowMs - entry.writtenMs <= retentionMs) break;
      expired.push(entry);
    }
    return expired;
  }

  /**
   * First and last sequence number of each run of `doomed` among all entries. No kept entry has a number inside a run. Numbers inside it
   * that have no entry are doomed, too: such a record may be unreadable only for now, and must not come back.
   */
  runsOf(doomed: ReadonlySet<Entry>): [number, number][] {
    const runs: [number, number][] = [];
    let run: [number, number] | null = null;
    for (const entry of this.entries.values()) {
      if (!doomed.has(entry)) {
        run = null;
      } else if (run) {
        run[1] = entry.sequence;
      } else {
        run = [entry.sequence, entry.sequence];
        runs.push(run);
      }
    }
    return runs;
  }

  /** Whether footage in the window was recorded under an untrusted clock, or two segments claim the same time. */
  ambiguous(window: Window): boolean {
    let untilUs = Number.NEGATIVE_INFINITY;
    return this.touching(window).some((entry) => {
      const overlaps = untilUs - entry.startUs > GAP_US;
      untilUs = Math.max(untilUs, entry.endUs);
      return overlaps || !entry.clockTrusted;
    });
  }

  /** Spans covered without a gap longer than GAP_US, oldest first. */
  coverage(): Window[] {
    const spans: Window[] = [];
    for (const { startUs, endUs } of this.all().sort(byStart)) {
      const last = spans.at(-1);
      if (last && startUs - last.endUs <= GAP_US) last.endUs = Math.max(last.endUs, endUs);
      else spans.push({ startUs, endUs });
    }
    return spans;
  }
}

/** The parts of `Ring` that need only the index. */
export abstract class IndexedRing<Entry extends IndexEntry> {
  protected readonly index = new RingIndex<Entry>();

  /** Drops footage that is too old. */
  protected abstract expire(): void;

  coverage(): Window[] {
    this.expire();
    return this.index.coverage();
  }

  ambiguous(window: Window): boolean {
    this.expire();
    return this.index.ambiguous(window);
  }

  segmentTimes(window: Window): Window[] {
    this.expire();
    return this.index.touching(window).map(({ startUs, endUs }) => ({ startUs, endUs }));
  }
}

function byStart(a: IndexEntry, b: IndexEntry): number {
  return a.startUs - b.startUs || a.sequence - b.sequence;
}

/**
 * Converts times of writing of earlier boots to this boot's monotonic clock, which later jumps of the wall clock do not affect.
 * `records`: wall times of writing, oldest first; null if that clock was not set. `nowUs`: the wall time, null while it is not set: then
 * every record counts as just written, and only the limit in bytes removes any. A record never counts as younger than one written after
 * it.
 */
export function writtenTimesMs(records: readonly (number | null)[], nowUs: number | null, nowMs: number): number[] {
  const times: number[] = [];
  let newerMs = nowMs;
  for (const writtenUs of records.toReversed()) {
    if (writtenUs !== null && nowUs !== null) {
      newerMs = Math.min(newerMs, nowMs - Math.max(0, nowUs - writtenUs) / 1000);
    }
    times.push(newerMs);
  }
  return times.reverse();
}

const EXPIRY_TICK_MS_MAX = 30_000;
const EXPIRY_TICK_MS_MIN = 1_000;

/** Interval of removing old footage while nothing is written: a quarter of the retention, within bounds. */
export function expiryTickMs(retentionS: number): number {
  return Math.min(EXPIRY_TICK_MS_MAX, Math.max(EXPIRY_TICK_MS_MIN, retentionS * 250));
}
