// Limits that several processes share, on any store of their common counts.
import { beforeEach, describe, expect, it } from 'vitest';
import { type CallBatchStore, SharedLimits } from '../../../cloud-bridge/http/rate-limits.ts';
import { ManualClock } from '../../../device/base/clock.ts';

export interface CountsGround {
  /** The store of one more process. */
  store(): Promise<CallBatchStore>;
  /** Ends the windows of all counts. */
  endWindows(): Promise<void>;
  /** Names that are counted. */
  names(): Promise<number>;
}

/** A store that counts how often it was called. */
class Watched implements CallBatchStore {
  asked = 0;
  private readonly store: CallBatchStore;

  constructor(store: CallBatchStore) {
    this.store = store;
  }

  take(...wanted: Parameters<CallBatchStore['take']>): ReturnType<CallBatchStore['take']> {
    this.asked += 1;
    return this.store.take(...wanted);
  }

  removeEnded(): Promise<void> {
    return this.store.removeEnded();
  }
}

const KEY = new Uint8Array(32).fill(7);
const SPAN_MS = 60_000;
const rejected = (taking: Promise<void>) =>
  taking.then(
    () => false,
    ({ code }: { code?: unknown }) => code === 'http_rate_limited',
  );

export function sharedLimitsContract(open: () => Promise<CountsGround>): void {
  let ground: CountsGround;
  beforeEach(async () => {
    ground = await open();
  });
  async function processes(count: number) {
    const clock = new ManualClock(0);
    const stores = await Promise.all(Array.from({ length: count }, async () => new Watched(await ground.store())));
    return { clock, stores, limits: stores.map((store) => new SharedLimits({ clock, store, key: KEY })) };
  }

  describe('a limit of several processes', () => {
    it('admits no more than its number, whichever process is called and however many calls come at once', async () => {
      const { limits } = await processes(3);
      const ways = limits.map((one) => one.limit('guesses', 50, SPAN_MS));
      const outcomes = await Promise.all(
        Array.from({ length: 120 }, (_, at) => rejected(ways[at % 3]?.take('n') ?? Promise.resolve())),
      );
      // What one process has reserved and not used is lost to the others: at most a sixteenth of the limit.
      const served = outcomes.filter((isOver) => !isOver).length;
      expect(served).toBeLessThanOrEqual(50);
      expect(served).toBeGreaterThanOrEqual(50 - 2 * 3);
      for (const way of ways) await expect(way.take('n')).rejects.toMatchObject({ code: 'http_rate_limited' });
      expect(await rejected(ways[0]?.take('other') ?? Promise.resolve())).toBe(false);
    });

    it('with a small number is exact', async () => {
      const { limits } = await processes(2);
      const ways = limits.map((one) => one.limit('guesses', 5, SPAN_MS));
      const outcomes: boolean[] = [];
      for (let at = 0; at < 8; at += 1) outcomes.push(await rejected(ways[at % 2]?.take('n') ?? Promise.resolve()));
      expect(outcomes).toEqual([false, false, false, false, false, true, true, true]);
      expect(await ways[0]?.leftOf('n')).toMatchObject({ left: 0 });
    });

    it('counts each kind of call apart, and each name', async () => {
      const { limits } = await processes(1);
      const [one] = limits;
      for (const what of ['photos', 'guesses']) {
        for (const name of ['n', 'm']) await one?.limit(what, 1, SPAN_MS).take(name);
      }
      expect(await ground.names()).toBe(4);
    });

    it('refuses once another process has recorded enough calls', async () => {
      const { limits } = await processes(2);
      const [a, b] = limits.map((one) => one.limit('calls', 4, SPAN_MS));
      for (let count = 0; count < 4; count += 1) {
        a?.note('n');
        await a?.leftOf('n');
      }
      // It has no count of the name yet, and so admits the first call.
      expect(await b?.leftOf('n')).toMatchObject({ left: 4 });
      b?.note('n');
      expect(await b?.leftOf('n')).toMatchObject({ left: 0 });
      expect(await a?.leftOf('n')).toMatchObject({ left: 0 });
    });

    it('reserves a batch of calls, not each call', async () => {
      const { limits, stores } = await processes(1);
      const way = limits[0]?.limit('calls', 1_600, SPAN_MS);
      for (let count = 0; count < 1_600; count += 1) {
        expect((await way?.leftOf('n'))?.left).toBeGreaterThan(0);
        way?.note('n');
      }
      expect(await way?.leftOf('n')).toMatchObject({ left: 0 });
      expect(stores[0]?.asked).toBeLessThanOrEqual(100);
    });

    it('starts over when its window has ended, and deletes ended windows', async () => {
      const { limits, clock } = await processes(2);
      const [a, b] = limits.map((one) => one.limit('guesses', 2, SPAN_MS));
      await a?.take('n');
      await a?.take('n');
      expect(await rejected(b?.take('n') ?? Promise.resolve())).toBe(true);
      await a?.take('another');
      expect(await ground.names()).toBe(2);
      await ground.endWindows();
      await clock.advance(SPAN_MS);
      await b?.take('n');
      await a?.take('n');
      expect(await rejected(a?.take('n') ?? Promise.resolve())).toBe(true);
      // The next call after a minute deletes ended windows.
      await expect.poll(() => ground.names()).toBe(1);
    });
  });
}
