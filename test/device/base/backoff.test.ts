import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../device/base/backoff.ts';
import { SeededRandom } from '../../../device/base/random.ts';

describe('the waits between tries', () => {
  it('double up to a limit and stay there, each between half and all of its step', () => {
    const backoff = new Backoff(new SeededRandom(1), 250, 30_000);
    for (let attempt = 0; attempt < 3_000; attempt += 1) {
      const stepMs = Math.min(30_000, 250 * 2 ** Math.min(attempt, 20));
      const waitMs = backoff.nextMs();
      expect(waitMs).toBeGreaterThanOrEqual(Math.floor(stepMs / 2));
      expect(waitMs).toBeLessThanOrEqual(stepMs);
    }
    backoff.reset();
    expect(backoff.nextMs()).toBeLessThanOrEqual(250);
  });

  it('spread clients that lost the same broker over half of each step', () => {
    const waits = Array.from({ length: 1_000 }, (_, seed) => {
      const backoff = new Backoff(new SeededRandom(seed + 1), 1_000, 30_000);
      for (let attempt = 0; attempt < 5; attempt += 1) backoff.nextMs();
      return backoff.nextMs();
    });
    const tenths = Array.from({ length: 10 }, (_, at) => {
      const fromMs = 15_000 + at * 1_500;
      return waits.filter((waitMs) => waitMs >= fromMs && waitMs < fromMs + 1_500).length;
    });
    // 100 each on average; clients that come at once would fill one.
    expect(Math.max(...tenths)).toBeLessThan(200);
    expect(Math.min(...tenths)).toBeGreaterThan(30);
  });
});
