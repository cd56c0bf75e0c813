// @module-tag long
// A kill -9 at any time between grant and stored clip neither duplicates nor loses a clip.
import { describe, it } from 'vitest';
import { killRounds } from './kill-rounds.ts';

describe('a testbed whose parts are killed at any time between grant and stored clip', () => {
  it('finishes every story with exactly one clip of the receipt’s hash, and a ledger that verifies', async () => {
    await killRounds({
      rounds: 10,
      victims: [...Array.from({ length: 7 }, () => 'doorbell' as const), 'bridge', 'vault', 'registry'],
      file: 'test/scenarios/e2e/kill.test.ts',
    });
  }, 300_000);
});
