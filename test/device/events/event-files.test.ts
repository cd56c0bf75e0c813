import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, type DiskFile, SystemDisk } from '../../../device/base/disk.ts';
import type { EventHistory } from '../../../device/events/event-history.ts';
import { proved } from '../../support/proved.ts';
import { osError } from '../ring/probing-disk.ts';
import { HistoryRig, numbers, START_US, WRITE_MS } from './past-events.ts';

let rig: HistoryRig;
beforeEach(async () => {
  rig = await HistoryRig.open();
});
afterEach(() => rig.close());

const BOUNDS = { eventsMax: 8, bytesMax: 1024 * 1024 };
const second = (at: number) => START_US + at * 1_000_000;

/** State of the change at which the process dies: half done if it is a write, else not done; or done. */
const ENDS = ['torn', 'after'] as const;

/** A disk for a process that dies at a change: from then on nothing is written, and every call fails. */
class MortalDisk extends SystemDisk implements Disk {
  /** Changes so far. */
  changes = 0;
  isDead = false;
  private readonly diesAt: number;
  private readonly end: (typeof ENDS)[number];

  constructor(diesAt = Number.POSITIVE_INFINITY, end: (typeof ENDS)[number] = 'after') {
    super();
    this.diesAt = diesAt;
    this.end = end;
  }

  private assertAlive(): void {
    if (this.isDead) throw osError('EIO');
  }

  private async change(whole: () => Promise<void>, part: () => Promise<void> = async () => undefined): Promise<void> {
    this.assertAlive();
    this.changes += 1;
    if (this.changes < this.diesAt) return whole();
    this.isDead = true;
    if (this.end === 'after') await whole();
    if (this.end === 'torn') await part();
    throw osError('EIO');
  }

  override async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    this.assertAlive();
    if ((await super.sizeOf(path)) === null && options.create) {
      await this.change(async () => (await super.open(path, options)).close());
    }
    const file = await super.open(path, options);
    const put = (position: number, bytes: Uint8Array) =>
      this.change(
        () => file.writeDurably(position, bytes),
        () => file.writeDurably(position, bytes.subarray(0, bytes.length >> 1)),
      );
    return {
      size: () => file.size(),
      read: (position, length) => file.read(position, length),
      write: put,
      writeDurably: put,
      sync: () => file.sync(),
      truncate: (length) => this.change(() => file.truncate(length)),
      close: () => file.close(),
    };
  }

  override async readFile(path: string, bytesMax: number): Promise<Uint8Array | null> {
    this.assertAlive();
    return super.readFile(path, bytesMax);
  }

  override rename(from: string, to: string): Promise<void> {
    return this.change(() => super.rename(from, to));
  }

  override remove(path: string): Promise<void> {
    return this.change(() => super.remove(path));
  }

  override makeFolder(path: string): Promise<void> {
    return this.change(() => super.makeFolder(path));
  }
}

/** Results of a process until it ended or died. */
interface Told {
  /** Numbers of events that were stored while it lived. */
  stored: number[];
  /** Whether it was to forget, and the numbers concerned, if known. */
  forgets: boolean;
  expires: boolean;
}

const WINDOW = { startUs: second(2), endUs: second(6) };
const FORGOTTEN = [3, 4, 5, 6];
/** Events of a second each; the first three expire. */
const EXPIRED = [1, 2, 3];

/** Twenty events in batches of several sizes, with a forgotten window, two rotations, and expiry of the first ones. */
async function live(disk: Disk): Promise<Told> {
  const told: Told = { stored: [], forgets: false, expires: false };
  rig.clock.setWallUs(START_US);
  const history = await rig.start({ disk, bounds: BOUNDS, keepDays: 1 });
  let next = 1;
  const add = async (count: number) => {
    const first = next;
    for (let made = 0; made < count; made += 1, next += 1) history.append(rig.ring(second(next - 1)));
    await rig.pass(history);
    if (history.stats().unwritten > 0) return;
    for (let number = first; number < next; number += 1) told.stored.push(number);
  };
  await add(3);
  await add(1);
  await add(3);
  told.forgets = true;
  await history.forget(WINDOW).catch(() => undefined);
  await add(1);
  rig.clock.setWallUs(second(3) + 86_400_000_000 - 700_000_000);
  told.expires = true;
  await rig.pass(history, 700_000);
  await add(7);
  await add(5);
  await history.stop().catch(() => undefined);
  return told;
}

/** Events that must be found after any death: all stored ones, except those forgotten, expired or dropped to make room. */
function owed({ stored, forgets, expires }: Told, found: number[]): number[] {
  const gone = new Set([...(forgets ? FORGOTTEN : []), ...(expires ? EXPIRED : [])]);
  const all = [...stored.filter((number) => !found.includes(number)), ...found].sort((a, b) => a - b);
  return all.filter((number) => !gone.has(number)).slice(-BOUNDS.eventsMax / 2);
}

describe('a device that dies at any change of its files', () => {
  it('keeps stored events and finishes the order to forget', async (test) => {
    const whole = new MortalDisk();
    const { stored } = await live(whole);
    expect(stored).toHaveLength(20);
    let deaths = 0;
    for (let diesAt = 1; diesAt <= whole.changes; diesAt += 1) {
      for (const end of ENDS) {
        rig.close();
        rig = await HistoryRig.open();
        const disk = new MortalDisk(diesAt, end);
        const told = await live(disk);
        expect(disk.isDead).toBe(true);
        deaths += 1;
        await checkAfter(told, `death ${diesAt} ${end}`);
      }
    }
    proved(
      test,
      'Deaths of a device while it writes its history of events, after which nothing stored was lost',
      `${deaths}`,
    );
  });

  async function checkAfter(told: Told, when: string): Promise<void> {
    const options = { bounds: BOUNDS, keepDays: 3_650 };
    let history: EventHistory = await rig.start(options);
    const found = numbers(history);
    expect(found, when).toEqual([...new Set(found)].sort((a, b) => a - b));
    expect(found, when).toEqual(expect.arrayContaining(owed(told, found)));
    // The ledger still holds the order, so it is executed again.
    if (told.forgets) await history.forget(WINDOW);
    const after = 100 + found.length;
    history.append({ ...rig.ring(second(1_000)), id: `event-${after}` });
    await history.stop();
    if (told.forgets) expect(rig.text(), when).not.toMatch(/event-0+[3456]"/);
    history = await rig.start(options);
    const expected = [...found.filter((number) => !told.forgets || !FORGOTTEN.includes(number)), after];
    // The additional event may have made others drop.
    expect(expected.slice(-numbers(history).length), when).toEqual(numbers(history));
    expect(numbers(history).length, when).toBeGreaterThanOrEqual(Math.min(expected.length, BOUNDS.eventsMax / 2));
    await history.stop();
  }
});

/** A disk that was gone for a moment: files opened before that keep failing. */
class RemountedDisk extends SystemDisk implements Disk {
  private mounts = 0;

  remount(): void {
    this.mounts += 1;
  }

  override async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const file = await super.open(path, options);
    const opened = this.mounts;
    const writeDurably = async (position: number, bytes: Uint8Array): Promise<void> => {
      if (opened !== this.mounts) throw osError('ESTALE');
      await file.writeDurably(position, bytes);
    };
    return {
      size: () => file.size(),
      read: (position, length) => file.read(position, length),
      write: writeDurably,
      writeDurably,
      sync: () => file.sync(),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  }
}

describe('a file', () => {
  /** Stores this many rings, a second apart. */
  async function store(count: number): Promise<void> {
    const history = await rig.start();
    for (let at = 0; at < count; at += 1) history.append(rig.ring(second(at)));
    await history.stop();
  }
  const newer = () => rig.path('newer.jsonl');

  it.each([1, 2, 40, 100])(
    'whose last line lacks %i bytes is read without that line, and appended to',
    async (lacks) => {
      await store(2);
      const before = await rig.start();
      // Longer than the line that replaces it, and not erased before.
      rig.clockTrusted = false;
      const detail = 'ß'.repeat(300);
      before.append({ ...rig.stamp(), type: 'hardware', part: 'chime', name: 'chime', state: 'failed', detail });
      await before.stop();
      truncateSync(newer(), readFileSync(newer()).length - lacks);
      const history = await rig.start();
      expect(history.stats()).toMatchObject({ events: 2, damaged: 1 });
      history.append(rig.ring());
      await history.stop();
      const again = await rig.start();
      expect([numbers(again), again.stats().damaged]).toEqual([[1, 2, 4], 0]);
      await again.stop();
    },
  );

  it.each([
    ['no text', Buffer.from([0xff, 0xfe, 0x00])],
    ['no JSON', '{"sequence":2,'],
    ['of a future type', '{"sequence":4,"event":{"id":"event-4","atUs":1,"type":"parcel"}}'],
    [
      'with a field too many',
      '{"sequence":4,"event":{"id":"event-4","atUs":1,"type":"ring","button":"a","source":"local","place":"x"}}',
    ],
    [
      'of a sequence that was there',
      '{"sequence":1,"event":{"id":"event-4","atUs":1,"type":"ring","button":"a","source":"local"}}',
    ],
    ['of zeros', Buffer.alloc(5_000)],
  ])('with a line %s is read without that line, which is erased with the next expired one', async (_what, line) => {
    await store(3);
    const whole = readFileSync(newer());
    const after = Buffer.from(
      `${whole}`.split('\n')[2]?.replace('"sequence":3', '"sequence":7').replace('3"', '4"') ?? '',
    );
    writeFileSync(newer(), Buffer.concat([whole, Buffer.from(line), Buffer.from('\n'), after, Buffer.from('\n')]));
    const history = await rig.start();
    expect(numbers(history)).toEqual([1, 2, 3, 4]);
    expect(history.stats().damaged).toBe(1);
    await rig.pass(history);
    await history.stop();
    expect(readFileSync(newer()).length).toBe(whole.length + line.length + after.length + 2);
    const again = await rig.start();
    expect([numbers(again), again.stats().damaged]).toEqual([[1, 2, 3, 4], 0]);
    again.append(rig.ring());
    expect(again.page({ limit: 1 }).events).toMatchObject([{ sequence: 8 }]);
    await again.stop();
  });

  it('that has gone stale is opened again', async () => {
    const disk = new RemountedDisk();
    const history = await rig.start({ disk });
    history.append(rig.ring());
    await rig.pass(history);
    disk.remount();
    history.append(rig.ring());
    await rig.pass(history);
    await history.stop();
    expect(rig.faults).toEqual(['events_storage_failed', null]);
    expect(await rig.stored()).toEqual([1, 2]);
  });

  it('larger than the limit is not read', async () => {
    await store(1);
    appendFileSync(newer(), Buffer.alloc(BOUNDS.bytesMax));
    const history = await rig.start({ bounds: BOUNDS });
    history.append(rig.ring());
    await rig.pass(history, WRITE_MS);
    await history.stop();
    expect(await rig.stored()).toEqual([2]);
  });
});
