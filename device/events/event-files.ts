// The two files of the event history: one line an event, appended durably. When the newer file is full, it replaces the older one.
import { join } from 'node:path';
import { type Disk, type DiskFile, systemCode } from '@doorsill/base/disk';
import { assert } from '@doorsill/contract/assert';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { DeviceEvent } from '@doorsill/contract/home-messages';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';

/** One event of the history. */
export interface PastEvent {
  /** Grows from event to event, also across restarts. */
  readonly sequence: number;
  /** False if the wall clock could not be trusted, so that `event.atUs` may be wrong. */
  readonly clockTrusted: boolean;
  readonly event: DeviceEvent;
}

/** An event as the text of its line, which takes a third of the memory, with the fields to search by. */
export interface EventLine {
  readonly sequence: number;
  readonly clockTrusted: boolean;
  readonly type: DeviceEvent['type'];
  /** `startUs` of a motion that has ended, else `atUs`. */
  readonly fromUs: number;
  readonly atUs: number;
  /** Without the newline. */
  readonly text: string;
  /** With the newline. */
  readonly bytes: number;
}

/** Limits of both files together; each file has half. */
export interface EventBounds {
  eventsMax: number;
  bytesMax: number;
}

export interface EventFilesDeps {
  disk: Disk;
  folder: string;
  /** The device's id, which the lines leave out: every event in its folder is its own. */
  device: string;
  bounds: EventBounds;
}

/** The files by name, older events first. */
export const EVENT_FILES = ['older.jsonl', 'newer.jsonl'] as const;
const [OLDER, NEWER] = EVENT_FILES;
const [NEWLINE, BLANK] = [10, 32];

const lineSchema = z.strictObject({
  sequence: z.int().positive(),
  clockTrusted: z.literal(false).optional(),
  event: z.looseObject({}),
});

/** A line's position in a file; `line` is null if it cannot be read. */
interface FoundLine {
  from: number;
  to: number;
  line: EventLine | null;
}

/** Calls must not overlap. Every call rejects with the disk's error, and can then be repeated. */
export class EventFiles {
  private readonly deps: EventFilesDeps;
  /** The newer file, open for writing. */
  private file: DiskFile | null = null;
  /** Events in the newer file, and the end of its complete lines. */
  private newerEvents = 0;
  private newerBytes = 0;
  /** The last sequence in the older file, and in both. */
  private olderThrough = 0;
  private through = 0;
  /** The last sequence that was dropped with a replaced file. */
  private gone = 0;

  constructor(deps: EventFilesDeps) {
    this.deps = deps;
  }

  /** The last sequence whose event is in a file. */
  get writtenThrough(): number {
    return this.through;
  }

  /** Events up to this sequence were dropped from the files to make room. */
  get goneThrough(): number {
    return this.gone;
  }

  /** Reads both files; counts unreadable lines. */
  async read(): Promise<{ events: EventLine[]; damaged: number }> {
    const events: EventLine[] = [];
    let damaged = 0;
    for (const name of EVENT_FILES) {
      const before = events.length;
      const bytes = await this.readWhole(name);
      let wholeBytes = 0;
      for (const { to, line } of linesIn(bytes, this.deps.device, this.through)) {
        if (line) events.push(line);
        else damaged += 1;
        if (bytes[to - 1] === NEWLINE) wholeBytes = to;
      }
      this.through = events.at(-1)?.sequence ?? 0;
      if (name === OLDER) this.olderThrough = this.through;
      this.newerEvents = events.length - before;
      this.newerBytes = wholeBytes;
    }
    return { events, damaged };
  }

  /** Writes as many of these events as the newer file takes, at least one; durable when it resolves. */
  async write(events: readonly EventLine[]): Promise<void> {
    if (this.roomFor(events) === 0) await this.rotate();
    const batch = events.slice(0, this.roomFor(events));
    const last = batch.at(-1);
    assert(last !== undefined, 'an empty file has room for an event');
    const lines = utf8(batch.map(({ text }) => `${text}\n`).join(''));
    try {
      this.file ??= await this.openNewer();
      await this.file.writeDurably(this.newerBytes, lines);
    } catch (thrown) {
      await this.close().catch(() => undefined);
      throw thrown;
    }
    this.newerEvents += batch.length;
    this.newerBytes += lines.length;
    this.through = last.sequence;
  }

  /**
   * Overwrites these events in place, which works on a full disk, and every unreadable line; durable when it resolves. A file without
   * events is removed.
   */
  async erase(isGone: (line: EventLine) => boolean): Promise<void> {
    const { disk, folder, device } = this.deps;
    let after = 0;
    for (const name of EVENT_FILES) {
      const path = join(folder, name);
      const bytes = await this.readWhole(name);
      if (bytes.length === 0) continue;
      const found = [...linesIn(bytes, device, after)];
      after = found.findLast(({ line }) => line !== null)?.line?.sequence ?? after;
      const erased = found.filter(({ line }) => line === null || isGone(line));
      for (const { from, to } of erased) bytes.fill(BLANK, from, bytes[to - 1] === NEWLINE ? to - 1 : to);
      const [first, last] = [erased[0], erased.at(-1)];
      if (first && last) await this.overwrite(path, first.from, bytes.subarray(first.from, last.to));
      const left = found.length - erased.length;
      if (left === 0) await disk.remove(path);
      if (name === NEWER) await this.follow(left);
    }
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.close();
  }

  /** A file's bytes, none if it is missing. A file larger than this class writes is removed. */
  private async readWhole(name: string): Promise<Uint8Array> {
    const path = join(this.deps.folder, name);
    try {
      return (await this.deps.disk.readFile(path, this.deps.bounds.bytesMax)) ?? new Uint8Array(0);
    } catch (thrown) {
      if (systemCode(thrown) !== 'EFBIG') throw thrown;
      await this.deps.disk.remove(path);
      return new Uint8Array(0);
    }
  }

  /** How many of these events fit into the newer file. */
  private roomFor(events: readonly EventLine[]): number {
    const { eventsMax, bytesMax } = this.deps.bounds;
    let bytes = this.newerBytes;
    const end = events.findIndex((next, index) => {
      bytes += next.bytes;
      return this.newerEvents + index >= eventsMax / 2 || bytes > bytesMax / 2;
    });
    return end < 0 ? events.length : end;
  }

  /** Replaces the older file by the newer one, dropping the older one's events. */
  private async rotate(): Promise<void> {
    const { disk, folder } = this.deps;
    await this.close();
    await disk.rename(join(folder, NEWER), join(folder, OLDER));
    this.gone = this.olderThrough;
    this.olderThrough = this.through;
    this.newerEvents = 0;
    this.newerBytes = 0;
  }

  /** Opens the newer file, and truncates it after its complete lines: a crash or a failed write may have left more. */
  private async openNewer(): Promise<DiskFile> {
    const { disk, folder } = this.deps;
    await disk.makeFolder(folder);
    const file = await disk.open(join(folder, NEWER), { create: true });
    try {
      if ((await file.size()) > this.newerBytes) await file.truncate(this.newerBytes);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    return file;
  }

  private async overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
    const file = await this.deps.disk.open(path, { create: false });
    try {
      await file.writeDurably(position, bytes);
    } finally {
      await file.close();
    }
  }

  /** Notes that the newer file has `left` events, or was removed if it has none. */
  private async follow(left: number): Promise<void> {
    this.newerEvents = left;
    if (left > 0) return;
    this.newerBytes = 0;
    await this.close();
  }
}

export function toLine({ sequence, clockTrusted, event }: PastEvent): EventLine {
  const { device: _own, ...stored } = event;
  const text = JSON.stringify({ sequence, ...(clockTrusted ? {} : { clockTrusted }), event: stored });
  const { type, atUs } = event;
  const fromUs = event.type === 'motion-end' ? event.startUs : atUs;
  return { sequence, clockTrusted, type, fromUs, atUs, text, bytes: utf8(text).length + 1 };
}

/** The event of a line's text; null if it is invalid. */
export function fromLine(text: string, device: string): PastEvent | null {
  const read = lineSchema.safeParse(parseJson(text));
  if (!read.success) return null;
  const { sequence, clockTrusted = true } = read.data;
  const event = DeviceEvent.safeParse({ ...read.data.event, device });
  return event.success ? { sequence, clockTrusted, event: event.data } : null;
}

/**
 * The lines of a file except blank ones, which were erased. `line` is null for a line without newline, which was torn, and for one whose
 * sequence is not higher than that of the line before, or `after`.
 */
function* linesIn(bytes: Uint8Array, device: string, after: number): Generator<FoundLine> {
  let last = after;
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, from);
    const to = end < 0 ? bytes.length : end + 1;
    const found = bytes.subarray(from, to);
    if (found.some((byte) => byte !== BLANK && byte !== NEWLINE)) {
      const text = end < 0 ? null : fromUtf8(bytes.subarray(from, end));
      const past = text === null ? null : fromLine(text, device);
      const line = past && past.sequence > last ? toLine(past) : null;
      last = line?.sequence ?? last;
      yield { from, to, line };
    }
    from = to;
  }
}
