import { existsSync, statSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeviceEvent } from '../../../device/contract/home-messages.ts';
import type { PastEvent } from '../../../device/events/event-files.ts';
import { proved } from '../../support/proved.ts';
import { FullDisk } from '../consent/full-disk.ts';
import { osError, ProbingDisk } from '../ring/probing-disk.ts';
import { HistoryRig, numberOf, numbers, START_US, WRITE_MS } from './past-events.ts';

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;

let rig: HistoryRig;
beforeEach(async () => {
  rig = await HistoryRig.open();
});
afterEach(() => rig.close());

describe('a history of events', () => {
  it('is restored exactly after a restart, from files that nobody else can read', async () => {
    const history = await rig.start();
    const events: DeviceEvent[] = [
      rig.ring(),
      rig.motion(),
      { ...rig.stamp(), type: 'motion-end', startUs: START_US - 1, zones: ['path', 'door'] },
      { ...rig.stamp(), type: 'camera', state: 'lost', detail: 'gone "away"\n', code: 'camera_lost' },
      { ...rig.stamp(), type: 'hardware', part: 'chime', name: 'chime', state: 'failed', detail: 'stumm: ß' },
      { ...rig.stamp(), type: 'tamper', what: 'ledger', detail: 'entry 3' },
    ];
    for (const event of events) history.append(event);
    await history.stop();
    expect((statSync(rig.folder).mode & 0o777).toString(8)).toBe('700');
    expect((statSync(rig.path('newer.jsonl')).mode & 0o777).toString(8)).toBe('600');

    const again = await rig.start();
    expect(again.page({ limit: 10 })).toEqual({
      events: events.map((event, index) => ({ sequence: index + 1, clockTrusted: true, event })).reverse(),
      next: null,
    });
    again.append(rig.ring());
    expect(again.page({ limit: 1 }).events).toMatchObject([{ sequence: 7 }]);
    await again.stop();
  });

  it('holds only the known fields: no text, place or name of a request', () => {
    const fields = DeviceEvent.options.map(({ shape }) => [
      ...Object.values(shape.type.def.values),
      ...Object.keys(shape),
    ]);
    const stamp = ['id', 'device', 'atUs', 'type'];
    expect(fields).toEqual([
      ['ring', ...stamp, 'button', 'source'],
      ['motion-start', ...stamp, 'zones'],
      ['motion-end', ...stamp, 'startUs', 'zones'],
      ['event-window', ...stamp, 'cause', 'window'],
      ['camera', ...stamp, 'state', 'detail', 'code'],
      ['hardware', ...stamp, 'part', 'name', 'state', 'detail'],
      ['tamper', ...stamp, 'what', 'detail'],
    ]);
  });

  it('leaves out event windows, and a lost camera’s attempts to reconnect', async () => {
    const history = await rig.start();
    const camera = (state: 'starting' | 'recording' | 'stalled' | 'lost' | 'off', code?: string) =>
      history.append({ ...rig.stamp(), type: 'camera', state, ...(code === undefined ? {} : { code }) });
    for (const state of ['starting', 'recording', 'stalled', 'lost', 'stalled', 'lost', 'recording', 'off'] as const)
      camera(state);
    history.append({ ...rig.stamp(), type: 'event-window', cause: 'ring', window: { startUs: 0, endUs: 1 } });
    const states = history.page({ limit: 10 }).events.map(({ event }) => event.type === 'camera' && event.state);
    expect(states.reverse()).toEqual(['recording', 'stalled', 'recording', 'off']);
    for (const code of ['camera_pictures_damaged', 'camera_pictures_damaged', undefined]) camera('recording', code);
    const codes = history.page({ limit: 2 }).events.map(({ event }) => event.type === 'camera' && event.code);
    expect(codes).toEqual([undefined, 'camera_pictures_damaged']);
    await history.stop();
    // A new process records the loss again.
    const again = await rig.start();
    again.append({ ...rig.stamp(), type: 'camera', state: 'off' });
    expect(again.stats().events).toBe(7);
    await again.stop();
  });

  it('calls its subscribers with each event, until they unsubscribe', async () => {
    const history = await rig.start();
    const heard: PastEvent[] = [];
    history.append(rig.ring());
    const leave = history.subscribe((past) => heard.push(past));
    history.append(rig.motion());
    expect(heard).toEqual(history.page({ limit: 1 }).events);
    leave();
    history.append(rig.ring());
    expect(heard).toHaveLength(1);
    await history.stop();
  });
});

describe('paging', () => {
  it('shows each event once while new ones are added, also if many have the same time', async () => {
    const history = await rig.start();
    for (let made = 0; made < 95; made += 1) history.append(rig.ring());
    const seen: number[] = [];
    for (let before: number | null | undefined; before !== null; ) {
      const page = history.page({ limit: 10, before });
      expect(page.events.length).toBeLessThanOrEqual(10);
      seen.push(...page.events.map(({ event }) => numberOf(event)));
      before = page.next;
      for (let made = 0; made < 7; made += 1) history.append(rig.ring());
    }
    expect(seen).toEqual(Array.from({ length: 95 }, (_, index) => 95 - index));
    await history.stop();
  });

  it('filters by time and type, and has no next page exactly if nothing is left', async () => {
    const history = await rig.start();
    for (let second = 0; second < 20; second += 1) {
      const atUs = START_US + second * 1_000_000;
      history.append(second % 2 === 0 ? rig.ring(atUs) : rig.motion(atUs));
    }
    const span = { afterUs: START_US + 4_000_000, beforeUs: START_US + 10_000_000 };
    const ask = (query: object) => {
      const { events, next } = history.page({ limit: 500, ...query });
      return [events.map(({ event }) => numberOf(event)), next];
    };
    expect(ask(span)).toEqual([[10, 9, 8, 7, 6, 5], null]);
    expect(ask({ ...span, types: ['ring'] })).toEqual([[9, 7, 5], null]);
    expect(ask({ ...span, types: ['ring'], limit: 2 })).toEqual([[9, 7], 7]);
    expect(ask({ ...span, types: ['ring'], limit: 2, before: 7 })).toEqual([[5], null]);
    expect(ask({ ...span, types: ['ring'], limit: 3 })).toEqual([[9, 7, 5], null]);
    expect(ask({ types: [] })).toEqual([[], null]);
    expect(() => history.page({ limit: 501 })).toThrow('1 to 500');
    await history.stop();
  });

  it('ends if the rest has been forgotten meanwhile, and skips no remaining event', async () => {
    const history = await rig.start();
    for (let second = 0; second < 9; second += 1) history.append(rig.ring(START_US + second * 1_000_000));
    const { next } = history.page({ limit: 3 });
    await history.forget({ startUs: START_US + 3_000_000, endUs: START_US + 8_000_000 });
    expect(history.page({ limit: 10, before: next ?? 0 }).events.map(({ event }) => numberOf(event))).toEqual([
      3, 2, 1,
    ]);
    await history.stop();
  });
});

describe('writing', () => {
  it('stores a press at once, and other events together within seconds', async (test) => {
    const writes: number[] = [];
    const disk = new ProbingDisk();
    disk.onWrite = ({ bytes }) => void writes.push(bytes.length);
    const history = await rig.start({ disk });
    for (let made = 0; made < 50; made += 1) history.append(rig.motion());
    await history.idle();
    expect(writes).toEqual([]);
    await rig.pass(history);
    expect(writes).toHaveLength(1);
    history.append(rig.ring());
    await history.idle();
    expect(writes).toHaveLength(2);
    // Continuous pressing does not wear out the card.
    for (let made = 0; made < 50; made += 1) history.append(rig.ring());
    await history.idle();
    expect(writes).toHaveLength(2);
    await rig.pass(history);
    expect(writes).toHaveLength(3);
    await rig.pass(history, 10 * WRITE_MS);
    expect(writes).toHaveLength(3);
    proved(
      test,
      'Bytes in the history of events for a press, for a motion that begins',
      `${writes[1]}, ${Number(writes[0]) / 50}`,
    );
    await history.stop();
  });

  it('does not wait for the disk', async () => {
    const disk = new ProbingDisk();
    let free: () => void = () => undefined;
    disk.onWrite = () =>
      new Promise((resolve) => {
        free = resolve;
      });
    const history = await rig.start({ disk });
    history.append(rig.ring());
    await rig.clock.advance(0);
    for (let made = 0; made < 100; made += 1) history.append(rig.ring());
    expect(history.stats()).toMatchObject({ events: 101, unwritten: 101 });
    await expect.poll(() => free.name).not.toBe('free');
    disk.onWrite = () => undefined;
    free();
    await history.stop();
    expect(await rig.stored()).toHaveLength(101);
  });

  it('reports a full disk once, keeps events in memory, and stores them when there is room', async () => {
    const disk = new FullDisk();
    const history = await rig.start({ disk });
    history.append(rig.ring());
    await history.idle();
    disk.isFull = true;
    for (let made = 0; made < 5; made += 1) {
      history.append(rig.ring());
      await rig.pass(history);
    }
    expect(rig.faults).toEqual(['events_storage_failed']);
    expect(history.stats()).toMatchObject({ events: 6, unwritten: 5, lost: 0 });
    disk.isFull = false;
    await rig.pass(history);
    expect(rig.faults).toEqual(['events_storage_failed', null]);
    await history.stop();
    const again = await rig.start();
    expect(numbers(again)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(again.stats().damaged).toBe(0);
    await again.stop();
  });

  it('counts the events it dropped while the disk failed', async () => {
    const disk = new ProbingDisk();
    disk.onWrite = () => {
      throw osError('EIO');
    };
    const history = await rig.start({ disk, bounds: { eventsMax: 20, bytesMax: MIB } });
    for (let made = 0; made < 50; made += 1) history.append(rig.ring());
    await rig.pass(history);
    expect(history.stats()).toMatchObject({ events: 20, unwritten: 20, lost: 30 });
    await history.stop();
  });

  it('keeps events in memory only if its files cannot be read, and leaves the files unchanged', async () => {
    const history = await rig.start();
    history.append(rig.ring());
    await history.stop();
    const before = rig.text();
    const disk = new FullDisk();
    disk.unreadable = { file: 'newer.jsonl', code: 'EIO' };
    const blind = rig.make({ disk });
    await expect(blind.start()).rejects.toMatchObject({ code: 'events_storage_failed' });
    blind.append(rig.ring());
    await rig.pass(blind);
    expect(numbers(blind)).toEqual([2]);
    // These become too old, too.
    await rig.pass(blind, 31 * DAY_MS);
    await rig.pass(blind, 600_000);
    expect(numbers(blind)).toEqual([]);
    await expect(blind.forget()).rejects.toMatchObject({ code: 'events_storage_failed' });
    await blind.stop();
    expect(rig.text()).toBe(before);
  });
});

describe('bounds', () => {
  it('hold for 30,000 events, in memory as on disk', async (test) => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heap();
    let history = await rig.start();
    for (let made = 1; made <= 30_000; made += 1) {
      history.append(
        made % 3 === 0 ? { ...rig.stamp(), type: 'motion-end', startUs: START_US, zones: ['path'] } : rig.motion(),
      );
      if (made % 700 === 0) await rig.pass(history);
      expect(history.stats().events).toBeLessThanOrEqual(20_000);
    }
    await rig.pass(history);
    const { events, bytes } = history.stats();
    expect(events).toBe(20_000);
    const heldBytes = heap() - before;
    expect(heldBytes).toBeLessThan(10 * MIB);
    expect(statSync(rig.path('older.jsonl')).size + statSync(rig.path('newer.jsonl')).size).toBe(bytes);
    const list = numbers(history);
    expect(list).toEqual(Array.from({ length: 20_000 }, (_, index) => 10_001 + index));
    await history.stop();
    const startedMs = performance.now();
    history = await rig.start();
    const startMs = performance.now() - startedMs;
    expect(numbers(history)).toEqual(list);
    history.append(rig.motion());
    await rig.pass(history);
    expect(numbers(history)).toEqual([...list.slice(10_000), 30_001]);
    await history.stop();
    proved(
      test,
      'A full history of events: in memory, on disk, to read at the start',
      `${(heldBytes / MIB).toFixed(1)} MiB, ${(bytes / MIB).toFixed(1)} MiB, ${Math.round(startMs)} ms`,
    );
  });

  it('hold for long events, by bytes', async () => {
    const detail = 'ß'.repeat(600);
    const history = await rig.start();
    for (let made = 1; made <= 12_000; made += 1) {
      history.append({ ...rig.stamp(), type: 'hardware', part: 'button', name: 'front', state: 'failed', detail });
      if (made % 500 === 0) await rig.pass(history);
    }
    const files = ['older.jsonl', 'newer.jsonl'] as const;
    for (const name of files) expect(statSync(rig.path(name)).size).toBeLessThanOrEqual(4 * MIB);
    const { bytes, lost } = history.stats();
    expect([bytes <= 8 * MIB, bytes > 4 * MIB, lost]).toEqual([true, true, 0]);
    await history.stop();
  });
});

describe('keeping events for a time', () => {
  it('drops older events, also from the files, even if the disk is full', async () => {
    const disk = new FullDisk();
    const history = await rig.start({ disk, keepDays: 2 });
    for (let day = 0; day < 5; day += 1) {
      history.append(rig.ring());
      if (day === 4) disk.isFull = true;
      await rig.pass(history, DAY_MS / 2);
      await rig.pass(history, DAY_MS / 2);
    }
    expect(numbers(history)).toEqual([4, 5]);
    expect(rig.text()).not.toMatch(/event-0+[123]"/);
    expect(rig.text()).toMatch(/event-0+4"/);
    disk.isFull = false;
    await history.stop();
    // Also events that became too old while the device was off.
    rig.clock.setWallUs(rig.clock.wallUs() + (DAY_MS - 60_000) * 1_000);
    const again = await rig.start({ keepDays: 2 });
    await rig.pass(again);
    expect(numbers(again)).toEqual([5]);
    await again.stop();
  });

  it('does not use an untrusted clock, and marks its times', async () => {
    const history = await rig.start({ keepDays: 1 });
    history.append(rig.ring());
    rig.clockTrusted = false;
    rig.clock.setWallUs(0, false);
    history.append(rig.ring());
    rig.clock.setWallUs(START_US * 2, false);
    await rig.pass(history, DAY_MS);
    expect(numbers(history)).toEqual([1, 2]);
    rig.clockTrusted = true;
    rig.clock.setWallUs(START_US + 3_600_000_000);
    history.append(rig.ring());
    await rig.pass(history, 600_000);
    await history.stop();
    const again = await rig.start({ keepDays: 1 });
    expect(again.page({ limit: 9 }).events.map(({ clockTrusted }) => clockTrusted)).toEqual([true, false, true]);
    // The untrusted one is dropped when one after it is too old.
    rig.clock.setWallUs(START_US + DAY_MS * 1_000 + 1);
    await rig.pass(again, 600_000);
    expect(numbers(again)).toEqual([2, 3]);
    rig.clock.setWallUs(START_US + 2 * DAY_MS * 1_000);
    await rig.pass(again, 600_000);
    expect(numbers(again)).toEqual([]);
    expect(existsSync(rig.path('newer.jsonl'))).toBe(false);
    await again.stop();
  });

  it('of 0 days erases the files and writes none', async () => {
    const history = await rig.start();
    history.append(rig.ring());
    await history.stop();
    const shy = await rig.start({ keepDays: 0 });
    expect(rig.text()).toBe('');
    shy.append(rig.ring());
    await rig.pass(shy);
    expect(numbers(shy)).toEqual([2]);
    await shy.stop();
    expect(rig.text()).toBe('');
    expect(await rig.stored()).toEqual([]);
  });
});

describe('a changed retention', () => {
  it('drops older events at once, and applies to later ones', async () => {
    const history = await rig.start({ keepDays: 30 });
    history.append(rig.ring());
    await rig.pass(history, 3 * DAY_MS);
    history.append(rig.ring());
    await history.keepFor(2);
    expect(numbers(history)).toEqual([2]);
    expect(rig.text()).not.toMatch(/event-0+1"/);
    await history.keepFor(30);
    await rig.pass(history, 3 * DAY_MS);
    expect(numbers(history)).toEqual([2]);
    await history.stop();
  });

  it('of 0 days erases the files at once and writes none until it is changed', async () => {
    const history = await rig.start({ keepDays: 30 });
    history.append(rig.ring());
    await rig.pass(history);
    expect(rig.text()).not.toBe('');
    await history.keepFor(0);
    history.append(rig.ring());
    await rig.pass(history);
    expect([rig.text(), numbers(history)]).toEqual(['', [1, 2]]);
    await history.keepFor(7);
    history.append(rig.ring());
    await history.stop();
    expect(numbers(await rig.start({ keepDays: 7 })).at(-1)).toBe(3);
  });

  it('erases the files later if the disk fails, and reports that meanwhile', async () => {
    const disk = new ProbingDisk();
    const history = await rig.start({ disk, keepDays: 30 });
    history.append(rig.ring());
    await rig.pass(history);
    disk.onWrite = () => {
      throw osError('EIO');
    };
    await history.keepFor(0);
    expect([rig.text() === '', rig.faults]).toEqual([false, ['events_storage_failed']]);
    disk.onWrite = () => undefined;
    await rig.pass(history);
    expect([rig.text(), rig.faults]).toEqual(['', ['events_storage_failed', null]]);
    await history.stop();
  });

  it('before the start applies at the start', async () => {
    const history = await rig.start({ keepDays: 0 });
    await history.stop();
    const kept = rig.make({ keepDays: 0 });
    await kept.keepFor(30);
    await kept.start();
    kept.append(rig.ring());
    await kept.stop();
    const again = rig.make({ keepDays: 0 });
    await again.keepFor(30);
    await again.start();
    expect(again.page({ limit: 9 }).events).toHaveLength(1);
    await again.stop();
  });
});

describe('forgetting', () => {
  const second = (at: number) => START_US + at * 1_000_000;

  it('removes a window from memory at once and from both files, and nothing else', async () => {
    const bounds = { eventsMax: 20, bytesMax: MIB };
    const history = await rig.start({ bounds });
    for (let at = 0; at < 18; at += 1) history.append(rig.ring(second(at)));
    await rig.pass(history);
    // Not written yet.
    history.append(rig.ring(second(8)));
    const done = history.forget({ startUs: second(5), endUs: second(12) });
    const left = [1, 2, 3, 4, 5, 13, 14, 15, 16, 17, 18];
    expect(numbers(history)).toEqual(left);
    await done;
    await history.stop();
    expect([...rig.text().matchAll(/"event-0*(\d+)"/g)].map(([, number]) => Number(number))).toEqual(left);
    const again = await rig.start({ bounds });
    expect(numbers(again)).toEqual(left);
    expect(again.stats().damaged).toBe(0);
    await again.stop();
  });

  it('includes motion that ends after the window', async () => {
    const history = await rig.start();
    history.append({ ...rig.stamp(second(9)), type: 'motion-end', startUs: second(5), zones: [] });
    history.append({ ...rig.stamp(second(9)), type: 'motion-end', startUs: second(8), zones: [] });
    await history.forget({ startUs: second(6), endUs: second(8) });
    expect(numbers(history)).toEqual([2]);
    await history.stop();
  });

  it('of everything leaves no file, except for events that come meanwhile', async () => {
    const history = await rig.start();
    for (let at = 0; at < 5; at += 1) history.append(rig.ring());
    await rig.pass(history);
    await history.forget();
    expect(existsSync(rig.path('newer.jsonl'))).toBe(false);
    // Called while a batch is being written, and an event comes before it is done.
    history.append(rig.motion());
    const writing = rig.clock.advance(WRITE_MS);
    const forgetting = history.forget();
    history.append(rig.ring());
    await Promise.all([writing, forgetting]);
    await history.stop();
    const again = await rig.start();
    expect(numbers(again)).toEqual([7]);
    await again.stop();
  });

  it('works on a full disk, and erases unreadable lines', async () => {
    const disk = new FullDisk();
    const history = await rig.start({ disk });
    for (let at = 0; at < 5; at += 1) history.append(rig.ring(second(at)));
    await history.stop();
    writeFileSync(
      rig.path('newer.jsonl'),
      `${rig.text()}{"sequence":9,"event":{"type":"secret"}}\n{"sequence":10,"torn`,
    );
    const again = await rig.start({ disk });
    expect(again.stats()).toMatchObject({ events: 5, damaged: 2 });
    disk.isFull = true;
    await again.forget({ startUs: second(1), endUs: second(3) });
    expect(rig.text()).not.toMatch(/secret|torn|event-0+[23]"/);
    disk.isFull = false;
    await again.stop();
    expect(await rig.stored()).toEqual([1, 4, 5]);
  });

  it('rejects if the disk fails, and can be repeated', async () => {
    const disk = new ProbingDisk();
    const history = await rig.start({ disk });
    history.append(rig.ring());
    await history.idle();
    disk.onWrite = () => {
      throw osError('EIO');
    };
    await expect(history.forget()).rejects.toMatchObject({ code: 'events_storage_failed' });
    expect(history.stats().events).toBe(0);
    disk.onWrite = () => undefined;
    await history.forget();
    expect(rig.text()).toBe('');
    await history.stop();
  });
});
