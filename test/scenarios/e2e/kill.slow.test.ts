// The same as kill.test.ts, over many testbeds and kills.
import { describe, it } from 'vitest';
import { killRounds } from './kill-rounds.ts';

/** A cell has at most 60 open requests, so each testbed gets a part of the kills. */
const TESTBEDS = 5;
const ROUNDS = 40;

describe('many testbeds whose parts, broker included, are killed at any moment', () => {
  it.each(Array.from({ length: TESTBEDS }, (_, at) => at + 1))(
    'testbed %i finishes every story with exactly one clip, and its ledger verifies',
    async () => {
      await killRounds({
        rounds: ROUNDS,
        victims: [...Array.from({ length: 7 }, () => 'doorbell' as const), 'bridge', 'vault', 'registry', 'broker'],
        file: 'test/scenarios/e2e/kill.slow.test.ts',
      });
    },
    1_200_000,
  );
});
