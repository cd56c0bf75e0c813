// The device's past events: a bounded list in memory, stored in two files (event-files.ts) for restarts.

import type { Clock } from '@doorsill/base/clock';
import { type Disk, systemCode } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { Repeater } from '@doorsill/base/repeater';
import { TaskQueue } from '@doorsill/base/task-queue';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import { type EventBounds, EventFiles, type EventLine, fromLine, type PastEvent, toLine } from './event-files.ts';

export interface EventQuery {
  /** Only events with a lower sequence: `next` of the page before. */
  before?: number | undefined;
  /** Only events in [afterUs, beforeUs), wall time. */
  afterUs?: number | undefined;
  beforeUs?: number | undefined;
  /** Only these types; absent: all. */
  types?: readonly DeviceEvent['type'][] | undefined;
  /** 1 to `PAGE_EVENTS_MAX`. */
  limit: number;
}

export interface EventPage {
  /** Newest first, by sequence. */
  events: PastEvent[];
  /** `before` for the next page; null if no older event matches. */
  next: number | null;
}

export interface EventHistoryStats {
  events: number;
  /** Their size in the files. */
  bytes: number;
  /** Unreadable lines found at the start. */
  damaged: number;
  /** Events not yet in a file. */
  unwritten: number;
  /** Events dropped before they were in a file. */
  lost: number;
}

export interface EventHistoryDeps {
  disk: Disk;
  clock: Clock;
  log: Log;
  folder: string;
  device: string;
  /** 0: the files are erased at the start, and none are written. `keepFor` changes it. */
  keepDays: number;
  /** Whether the wall clock can be trusted now. */
  clockTrusted(): boolean;
  /** Called with the fault when the files cannot be written, and with null once they can. */
  storage(fault: Failure | null): void;
  /** Limits of the memory, and of both files together. For tests. */
  bounds?: EventBounds;
}

export const PAGE_EVENTS_MAX = 500;
const BOUNDS: EventBounds = { eventsMax: 20_000, bytesMax: 8 * 1024 * 1024 };
/** Interval of writing new events: a flash card wears by the number of writes, not of bytes. */
const WRITE_EVERY_MS = 5_000;
/** Presses are written at once, but at most this often. */
const PRESS_EVERY_MS = 1_000;
const EXPIRE_EVERY_MS = 600_000;
const DAY_US = 86_400_000_000;

export class EventHistory {
  private readonly deps: EventHistoryDeps;
  private readonly bounds: EventBounds;
  private readonly files: EventFiles;
  /** Oldest first. */
  private held: EventLine[] = [];
  private heldBytes = 0;
  private nextSequence = 1;
  /** Whether events are written to files: not with `keepDays` 0, nor if the files could not be read. */
  private isFiled = false;
  private isRunning = false;
  private keepDays: number;
  /** Whether the files must still be emptied. */
  private mustEmpty = false;
  private isFailing = false;
  private hurriedMs = Number.NEGATIVE_INFINITY;
  private expiredMs = Number.NEGATIVE_INFINITY;
  /** The last sequence known to be too old. */
  private oldThrough = 0;
  /** Whether a file may hold events that are too old, or unreadable lines. */
  private mustErase = false;
  /** The camera's last state in the history since the start, with its failure code. */
  private camera: string | null = null;
  private damaged = 0;
  private lost = 0;
  private readonly listeners = new Set<(past: PastEvent) => void>();
  /** Serialises all access to the files. */
  private readonly queue = new TaskQueue();
  private readonly writer: Repeater;

  constructor(deps: EventHistoryDeps) {
    this.deps = deps;
    this.keepDays = deps.keepDays;
    this.bounds = deps.bounds ?? BOUNDS;
    this.files = new EventFiles({ ...deps, bounds: this.bounds });
    this.writer = new Repeater(deps, 'store events', WRITE_EVERY_MS, () => this.work());
  }

  /**
   * Reads the files; `append` works once this has ended. Throws `events_storage_failed`: then events are kept in memory only, and files
   * are changed only to forget.
   */
  async start(): Promise<void> {
    try {
      if (this.keepDays > 0) await this.load();
      else await this.files.erase(() => true);
    } catch (thrown) {
      throw this.fault(thrown);
    } finally {
      this.isRunning = true;
      this.writer.start();
    }
  }

  /**
   * Changes the retention: older events are erased; with 0 the files are erased, and events in memory stay until the device stops.
   * Resolves when that is done; a failing disk is reported to `storage`, and retried. May be called before the start.
   */
  async keepFor(keepDays: number): Promise<void> {
    const before = this.keepDays;
    this.keepDays = keepDays;
    if (!this.isRunning || keepDays === before) return;
    if (keepDays === 0 || before === 0) this.mustEmpty = true;
    if (keepDays === 0) this.isFiled = false;
    this.expiredMs = Number.NEGATIVE_INFINITY;
    await this.work();
  }

  /** Writes the remaining events. Later events are not kept. */
  async stop(): Promise<void> {
    this.isRunning = false;
    await this.writer.stop();
    await this.queue.run(() => this.tolerate(() => this.writeNew()));
    await this.queue.run(() => this.tolerate(() => this.files.close()));
    const { unwritten, lost } = this.stats();
    if (unwritten + lost > 0 && this.isFiled) {
      this.deps.log.warn('some events could not be stored and are lost (check the disk)', { events: unwritten + lost });
    }
  }

  /** Takes in a published event. Returns at once, and never throws disk errors. */
  append(event: DeviceEvent): void {
    if (!this.isRunning || this.isPassing(event)) return;
    const past = { sequence: this.nextSequence, clockTrusted: this.deps.clockTrusted(), event };
    this.nextSequence += 1;
    this.hold(toLine(past));
    for (const listener of [...this.listeners]) listener(past);
    const nowMs = this.deps.clock.monotonicMs();
    if (event.type !== 'ring' || nowMs - this.hurriedMs < PRESS_EVERY_MS) return;
    this.hurriedMs = nowMs;
    void this.writer.now();
  }

  /** Past events that match. Following `next` gives each of them once, even if events are appended meanwhile. */
  page({ before, afterUs, beforeUs, types, limit }: EventQuery): EventPage {
    assert(Number.isInteger(limit) && limit >= 1 && limit <= PAGE_EVENTS_MAX, 'a page has 1 to 500 events');
    const [fromUs, toUs] = [afterUs ?? Number.NEGATIVE_INFINITY, beforeUs ?? Number.POSITIVE_INFINITY];
    const found: EventLine[] = [];
    const end = before === undefined ? this.held.length : this.countThrough(before - 1);
    for (const line of this.held.slice(0, end).reverse()) {
      if (line.atUs < fromUs || line.atUs >= toUs || types?.includes(line.type) === false) continue;
      found.push(line);
      if (found.length > limit) break;
    }
    const shown = found.slice(0, limit);
    const events = shown.flatMap(({ text }) => fromLine(text, this.deps.device) ?? []);
    return { events, next: found.length > limit ? (shown.at(-1)?.sequence ?? null) : null };
  }

  /** Calls `listener`, which must not throw, with each event from now on; returns a function that ends it. */
  subscribe(listener: (past: PastEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * Removes the events that touch the window, or all, from memory at once; resolves when they, and all unreadable lines, are overwritten
   * in both files. Safe to repeat after a crash. Throws `events_storage_failed`.
   */
  async forget(window?: Window): Promise<void> {
    const last = this.nextSequence - 1;
    const isGone = ({ sequence, fromUs, atUs }: EventLine) =>
      sequence <= last && (!window || (fromUs < window.endUs && atUs >= window.startUs));
    this.drop(isGone);
    await this.queue.run(async () => {
      try {
        await this.files.erase(isGone);
      } catch (thrown) {
        throw this.fault(thrown);
      }
    });
  }

  /** Resolves when all file access requested so far has ended. */
  async idle(): Promise<void> {
    await this.queue.idle();
  }

  stats(): EventHistoryStats {
    const { damaged, lost } = this;
    const unwritten = this.held.length - this.countThrough(this.files.writtenThrough);
    return { events: this.held.length, bytes: this.heldBytes, damaged, unwritten, lost };
  }

  /**
   * Whether an event is left out of the history: event windows, because presses and motion say the same; and a camera's attempts to
   * reconnect, which would push everything else out.
   */
  private isPassing(event: DeviceEvent): boolean {
    if (event.type !== 'camera') return event.type === 'event-window';
    const state = event.state === 'stalled' ? 'lost' : event.state;
    // A recording camera's failure code counts, because each fault is an event of its own.
    const shown = state === 'recording' ? `${state} ${event.code ?? ''}` : state;
    if (state === 'starting' || shown === this.camera) return true;
    this.camera = shown;
    return false;
  }

  private hold(next: EventLine): void {
    this.held.push(next);
    this.heldBytes += next.bytes;
    const { eventsMax, bytesMax } = this.bounds;
    while (this.held.length > eventsMax || this.heldBytes > bytesMax) {
      const oldest = this.held.shift();
      if (!oldest) break;
      this.heldBytes -= oldest.bytes;
      if (oldest.sequence > this.files.writtenThrough) this.lost += 1;
    }
  }

  private drop(isGone: (line: EventLine) => boolean): void {
    this.held = this.held.filter((line) => !isGone(line));
    this.heldBytes = this.held.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** How many held events have this sequence or a lower one. */
  private countThrough(sequence: number): number {
    let [low, high] = [0, this.held.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.held[middle]?.sequence ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private async load(): Promise<void> {
    const { events, damaged } = await this.files.read();
    for (const line of events) this.hold(line);
    this.nextSequence = this.files.writtenThrough + 1;
    this.damaged = damaged;
    this.mustErase = damaged > 0;
    this.isFiled = true;
    if (damaged > 0)
      this.deps.log.warn('some past events are damaged and left out; their lines are removed from the history', {
        lines: damaged,
      });
  }

  private async work(): Promise<void> {
    await this.queue.run(() =>
      this.tolerate(async () => {
        await this.empty();
        await this.expire();
        await this.writeNew();
      }),
    );
  }

  /** Empties the files if that is due; then new events may be written again. */
  private async empty(): Promise<void> {
    if (!this.mustEmpty) return;
    await this.files.erase(() => true);
    this.mustEmpty = false;
    this.isFiled = this.keepDays > 0;
  }

  /** Runs a step; reports when the disk begins to fail, and when it works again. */
  private async tolerate(step: () => Promise<void>): Promise<void> {
    try {
      await step();
      if (this.isFailing) this.deps.storage(null);
      this.isFailing = false;
    } catch (thrown) {
      const fault = this.fault(thrown);
      if (!this.isFailing) this.deps.storage(fault);
      this.isFailing = true;
    }
  }

  /** The coded failure for an error of the disk; rethrows others. */
  private fault(thrown: unknown): Failure {
    if (isFailure(thrown)) return thrown;
    const detail = systemCode(thrown);
    if (detail === null) throw thrown;
    return failure('events_storage_failed', { folder: this.deps.folder, detail }, thrown);
  }

  private async writeNew(): Promise<void> {
    const { files } = this;
    while (this.isFiled) {
      const unwritten = this.held.slice(this.countThrough(files.writtenThrough));
      if (unwritten.length === 0) return;
      await files.write(unwritten);
      if ((this.held[0]?.sequence ?? 0) <= files.goneThrough)
        this.drop(({ sequence }) => sequence <= files.goneThrough);
    }
  }

  /**
   * Drops events older than `keepDays`, by a trusted clock only. An event whose own time is not trusted is dropped once a later event
   * with a trusted time is too old.
   */
  private async expire(): Promise<void> {
    const { clock, clockTrusted } = this.deps;
    const { keepDays } = this;
    const nowMs = clock.monotonicMs();
    if (keepDays === 0 || nowMs - this.expiredMs < EXPIRE_EVERY_MS || !clockTrusted()) return;
    this.expiredMs = nowMs;
    const limitUs = clock.wallUs() - keepDays * DAY_US;
    const isOld = (line: EventLine) => line.clockTrusted && line.atUs < limitUs;
    this.oldThrough = Math.max(this.oldThrough, this.held.findLast(isOld)?.sequence ?? 0);
    const isGone = (line: EventLine) => isOld(line) || (!line.clockTrusted && line.sequence < this.oldThrough);
    this.mustErase ||= this.held.some(isGone);
    if (!this.mustErase) return;
    this.drop(isGone);
    if (this.isFiled) await this.files.erase(isGone);
    this.mustErase = false;
  }
}
