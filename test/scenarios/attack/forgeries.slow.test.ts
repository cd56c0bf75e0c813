// The same as forgeries.test.ts, with a million forgeries at the gate and twenty thousand through a broker.
import { expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { KINDS, run, throughWire } from './forgeries/campaign.ts';

it('a million forgeries change nothing', async (test) => {
  const tally = await run({ forgeries: 1_000_000, perScene: 10_000, seed: 1 });
  expect(tally.kinds.size).toBe(KINDS.length);
  expect(tally.ledgerGrowth).toBe(0);
  expect(tally.heap.last - tally.heap.first).toBeLessThan(32 * 1024 * 1024);
  const fates = new Set([...tally.kinds.values()].flatMap((seen) => [...seen.keys()]));
  proved(
    test,
    'forged messages at the gate: 0 accepted, 0 crashes, the ledger unmoved',
    `${tally.forgeries} of ${tally.kinds.size} kinds with ${fates.size} ends; ${tally.controls} valid grants between them taken`,
  );
}, 3_000_000);

it('twenty thousand forgeries by a broker change nothing', async (test) => {
  const tally = await throughWire({ forgeries: 20_000, perScene: 5_000, seed: 2 });
  expect(tally.ledgerGrowth).toBe(0);
  proved(
    test,
    'forged messages through an attacker’s broker and the device’s own links: 0 accepted',
    `${tally.forgeries} of ${tally.kinds.size} kinds`,
  );
}, 900_000);
