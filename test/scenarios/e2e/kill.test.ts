// @module-tag long
// Holds: a kill -9 at any moment between grant and stored clip makes no second clip and loses none.
import { describe, it } from 'vitest';
import { killRounds } from './kill-rounds.ts';

describe('a testbed whose parts are killed at any moment between grant and stored clip', () => {
  it('finishes every story with exactly one clip of the receipt’s hash, and a ledger that verifies', async () => {
    await killRounds({
      rounds: 10,
      victims: [...Array.from({ length: 7 }, () => 'doorbell' as const), 'bridge', 'vault', 'registry'],
      file: 'test/scenarios/e2e/kill.test.ts',
    });
  }, 300_000);
});
