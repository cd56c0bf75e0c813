// An event history in a folder of its own, on a stopped clock, and events for it.
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import type { DeviceEvent } from '../../../device/contract/home-messages.ts';
import { EVENT_FILES } from '../../../device/events/event-files.ts';
import { EventHistory, type EventHistoryDeps, PAGE_EVENTS_MAX } from '../../../device/events/event-history.ts';

export const DEVICE = 'device-00112233445566778899aabbccddeeff';
export const START_US = Date.UTC(2026, 10, 25, 12) * 1_000;
/** How often the history writes. */
export const WRITE_MS = 5_000;

/** Folder, clock and faults of one history, which can be reopened. */
export class HistoryRig {
  readonly clock = new ManualClock(START_US);
  readonly folder: string;
  /** Codes of reported faults, null for "works again". */
  readonly faults: (string | null)[] = [];
  clockTrusted = true;
  private made = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<HistoryRig> {
    return new HistoryRig(join(await mkdtemp(join(tmpdir(), 'doorsill-events-')), 'events'));
  }

  close(): void {
    rmSync(join(this.folder, '..'), { recursive: true });
  }

  make(changes: Partial<EventHistoryDeps> = {}): EventHistory {
    return new EventHistory({
      disk: new SystemDisk(),
      clock: this.clock,
      log: silentLog(),
      folder: this.folder,
      device: DEVICE,
      keepDays: 30,
      clockTrusted: () => this.clockTrusted,
      storage: (fault) => this.faults.push(isFailure(fault) ? fault.code : null),
      ...changes,
    });
  }

  async start(changes: Partial<EventHistoryDeps> & { disk?: Disk } = {}): Promise<EventHistory> {
    const history = this.make(changes);
    await history.start();
    return history;
  }

  /** Advances time, so that the next batch is written. The clock waits for the disk now and then. */
  async pass(history: EventHistory, ms = WRITE_MS): Promise<void> {
    const steps = Math.min(20, Math.ceil(ms / WRITE_MS));
    for (let step = 0; step < steps; step += 1) {
      await this.clock.advance(ms / steps);
      await history.idle();
    }
  }

  /** The numbers of all events in the files. */
  async stored(): Promise<number[]> {
    const history = await this.start();
    const found = numbers(history);
    await history.stop();
    return found;
  }

  path(name: (typeof EVENT_FILES)[number]): string {
    return join(this.folder, name);
  }

  /** The text of both files, none when they are missing. */
  text(): string {
    return EVENT_FILES.map((name) => {
      try {
        return readFileSync(this.path(name), 'utf8');
      } catch {
        return '';
      }
    }).join('');
  }

  /** An event of now with an id that names its number, from 1. */
  ring(atUs = this.clock.wallUs()): DeviceEvent {
    return { ...this.stamp(atUs), type: 'ring', button: 'front', source: 'local' };
  }

  motion(atUs = this.clock.wallUs()): DeviceEvent {
    return { ...this.stamp(atUs), type: 'motion-start', zones: ['path'] };
  }

  stamp(atUs = this.clock.wallUs()): { id: string; device: string; atUs: number } {
    this.made += 1;
    return { id: `event-${String(this.made).padStart(32, '0')}`, device: DEVICE, atUs };
  }
}

/** The numbers of all events in a history, the oldest first, read page by page. */
export function numbers(history: EventHistory): number[] {
  const found: number[] = [];
  for (let before: number | undefined; ; ) {
    const page = history.page({ limit: PAGE_EVENTS_MAX, before });
    found.push(...page.events.map(({ event }) => numberOf(event)));
    if (page.next === null) return found.reverse();
    before = page.next;
  }
}

export const numberOf = ({ id }: { id: string }): number => Number(id.slice('event-'.length));
