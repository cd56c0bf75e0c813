// Owns: the device's own past events: a bounded list in memory that two files bring over a restart; when they are written, how
// long they are kept, and forgetting them. Not here: the files (event-files.ts), publishing events (status-publisher.ts).

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
  /** Only events with a lower sequence: the `next` of the page before. */
  before?: number | undefined;
  /** Only events in [afterUs, beforeUs), wall time. */
  afterUs?: number | undefined;
  beforeUs?: number | undefined;
  /** Only these types; all when absent. */
  types?: readonly DeviceEvent['type'][] | undefined;
  /** 1 to `PAGE_EVENTS_MAX`. */
  limit: number;
}

export interface EventPage {
  /** The newest first, in the order in which the device learnt of them. */
  events: PastEvent[];
  /** `before` of the page that follows; null when no older event matches. */
  next: number | null;
}

export interface EventHistoryStats {
  events: number;
  /** What they take in the files. */
  bytes: number;
  /** Lines found at the start that could not be read. */
  damaged: number;
  /** Events that no file has taken yet. */
  unwritten: number;
  /** Events that were given up before a file had taken them. */
  lost: number;
}

export interface EventHistoryDeps {
  disk: Disk;
  clock: Clock;
  log: Log;
  folder: string;
  /** The id of this device. */
  device: string;
  /** 0: the files are erased at the start, and none are written. `keepFor` changes it. */
  keepDays: number;
  /** Whether the wall clock can be believed now. */
  clockTrusted(): boolean;
  /** Called when the files cannot be written, and with null once they can. */
  storage(fault: Failure | null): void;
  /** Of memory, and of both files together. For tests. */
  bounds?: EventBounds;
}

export const PAGE_EVENTS_MAX = 500;
const BOUNDS: EventBounds = { eventsMax: 20_000, bytesMax: 8 * 1024 * 1024 };
/** How often new events are written: a flash card wears by the write rather than by the byte. */
const WRITE_EVERY_MS = 5_000;
/** A press is written at once, unless another was so short a time ago. */
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
  /** Whether events are kept in files: not with `keepDays` 0, nor when the files could not be read. */
  private isFiled = false;
  private isRunning = false;
  private keepDays: number;
  /** The files are not empty yet, although nothing may be kept in them. */
  private mustEmpty = false;
  private isFailing = false;
  private hurriedMs = Number.NEGATIVE_INFINITY;
  private expiredMs = Number.NEGATIVE_INFINITY;
  /** The last sequence that is known to be too old, and whether a file may hold such events or lines whose age cannot be read. */
  private oldThrough = 0;
  private mustErase = false;
  /** The camera's last state in the history since the start, and what was wrong. */
  private camera: string | null = null;
  private damaged = 0;
  private lost = 0;
  private readonly listeners = new Set<(past: PastEvent) => void>();
  /** Everything that touches the files, one after the other. */
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
   * Reads the files; events are taken in once it has ended. Throws `events_storage_failed`: then they are kept in memory alone, and
   * no file is changed but to forget.
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
   * Keeps events this many days from now on: what is older goes; with 0 the files are erased, and what is in memory stays until the
   * device stops. Resolves when that is done; a disk that fails is told to `storage`, and tried again. May be called before the start.
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

  /** Writes what is left. Later events are not kept. */
  async stop(): Promise<void> {
    this.isRunning = false;
    await this.writer.stop();
    await this.queue.run(() => this.tolerate(() => this.writeNew()));
    await this.queue.run(() => this.tolerate(() => this.files.close()));
    const { unwritten, lost } = this.stats();
    if (unwritten + lost > 0 && this.isFiled) {
      this.deps.log.warn('events were not stored', { events: unwritten + lost });
    }
  }

  /** Takes in an event that was published. Returns at once; whatever the disk does, nothing is thrown. */
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

  /** Past events that match. Whoever follows `next` sees each of them once, whatever is appended in the meantime. */
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

  /** Calls `listener`, which must not throw, with each event from now on; returns what ends that. */
  subscribe(listener: (past: PastEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * Removes the events that touch the window, or all, from memory at once; resolves when they are overwritten in both files,
   * as is every line there that cannot be read. Safe to repeat after a crash. Throws `events_storage_failed`.
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

  /** Resolves when everything asked of the files so far has ended. */
  async idle(): Promise<void> {
    await this.queue.idle();
  }

  stats(): EventHistoryStats {
    const { damaged, lost } = this;
    const unwritten = this.held.length - this.countThrough(this.files.writtenThrough);
    return { events: this.held.length, bytes: this.heldBytes, damaged, unwritten, lost };
  }

  /**
   * Event windows are left out, because presses, motion and the ring say the same; so are a camera's attempts to come back, which
   * would push everything else out of the history.
   */
  private isPassing(event: DeviceEvent): boolean {
    if (event.type !== 'camera') return event.type === 'event-window';
    const state = event.state === 'stalled' ? 'lost' : event.state;
    // What is wrong with a camera that records is an event of its own.
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

  /** How many of the events held have this sequence or a lower one. */
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
    if (damaged > 0) this.deps.log.warn('past events could not be read', { lines: damaged });
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

  /** Leaves no past event in the files, after which new ones may be filed again. */
  private async empty(): Promise<void> {
    if (!this.mustEmpty) return;
    await this.files.erase(() => true);
    this.mustEmpty = false;
    this.isFiled = this.keepDays > 0;
  }

  /** Runs a step; tells when the disk begins to fail, and when it works again. */
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
   * Drops what is older than `keepDays`, judged by a trusted clock only. An event whose own time is doubtful goes with the first
   * trusted one after it.
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
