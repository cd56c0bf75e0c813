// Limits that several processes share, on counts in memory: what they admit, what they do while the counts cannot be reached, and with more
// names than they keep.
import { describe, expect, it } from 'vitest';
import { type CallBatch, type CallBatchStore, SharedLimits } from '../../../cloud-bridge/http/rate-limits.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { failure } from '../../../device/contract/errors.ts';
import { sharedLimitsContract } from './rate-limits-contract.ts';

/** Counts in memory with the interface of the database's. */
class Counts implements CallBatchStore {
  isAway = false;
  readonly rows = new Map<string, { count: number; hasEnded: boolean }>();

  async take(name: Uint8Array, wanted: { countMax: number; spanMs: number; least: number }): Promise<CallBatch> {
    if (this.isAway) throw failure('database_unreachable', { file: 'counts', detail: 'away' });
    const id = Buffer.from(name).toString('hex');
    const row = this.rows.get(id);
    const had = row && !row.hasEnded ? row.count : 0;
    const left = wanted.countMax - had;
    const taken = Math.min(left, Math.max(wanted.least, Math.floor(left / 16)));
    this.rows.set(id, { count: had + taken, hasEnded: false });
    return { taken, left: left - taken, resetMs: wanted.spanMs };
  }

  async removeEnded(): Promise<void> {
    for (const [id, { hasEnded }] of this.rows) if (hasEnded) this.rows.delete(id);
  }
}

sharedLimitsContract(async () => {
  const counts = new Counts();
  return {
    store: async () => counts,
    endWindows: async () => {
      for (const row of counts.rows.values()) row.hasEnded = true;
    },
    names: async () => counts.rows.size,
  };
});

function open(namesMax?: number) {
  const [clock, store] = [new ManualClock(0), new Counts()];
  const shared = new SharedLimits({ clock, store, key: new Uint8Array(32), ...(namesMax ? { namesMax } : {}) });
  return { clock, store, shared };
}

describe('while the counts cannot be reached, a limit', () => {
  it('admits no guess of a secret', async () => {
    const { store, shared } = open();
    store.isAway = true;
    await expect(shared.limit('guesses', 5, 60_000).take('n')).rejects.toMatchObject({ code: 'database_unreachable' });
  });

  it('admits no second call of a name that it could not count, and works again when the counts are back', async () => {
    const { store, shared } = open();
    const limit = shared.limit('calls', 5, 60_000);
    store.isAway = true;
    expect(await limit.leftOf('n')).toMatchObject({ left: 5 });
    // The call was served; the failed count is not reported to the caller.
    limit.note('n');
    await expect(limit.leftOf('n')).rejects.toMatchObject({ code: 'database_unreachable' });
    store.isAway = false;
    expect(await limit.leftOf('n')).toMatchObject({ left: 4 });
    expect([...store.rows.values()]).toEqual([{ count: 2, hasEnded: false }]);
  });
});

it('does not give the caller’s name to the store', async () => {
  const { store, shared } = open();
  await shared.limit('guesses', 5, 60_000).take('198.51.100.7');
  const other = new SharedLimits({ clock: new ManualClock(0), store, key: new Uint8Array(32).fill(1) });
  await other.limit('guesses', 5, 60_000).take('198.51.100.7');
  const names = [...store.rows.keys()];
  expect(names.map((name) => name.length)).toEqual([64, 64]);
  expect(names[0]).not.toBe(names[1]);
});

it('counts names beyond those that it keeps in memory, and reuses the places of ended ones', async () => {
  const { clock, store, shared } = open(2);
  const limit = shared.limit('guesses', 1, 60_000);
  for (const name of ['a', 'b', 'c']) await limit.take(name);
  for (const name of ['a', 'b', 'c']) {
    await expect(limit.take(name), name).rejects.toMatchObject({ code: 'http_rate_limited' });
  }
  expect(store.rows.size).toBe(2);
  await clock.advance(60_000);
  await limit.take('d');
  expect(store.rows.size).toBe(3);
});
