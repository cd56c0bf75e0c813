// Thousands of runs keep every promise, and together reach every receipt.
import { expect, it } from 'vitest';
import { ReceiptOutcome } from '../../../device/contract/home-messages.ts';
import { proved } from '../../support/proved.ts';
import { figureOf, simulatedSeeds } from './support/simulated-seeds.ts';

/** The quick tests run the seeds before. */
const FROM = 251;
/** Chosen for about twenty minutes on two idle processors; the actual time is in the table of proofs. */
const SEEDS = 6_000;
const SECONDS_MAX = 5_400;

it('keeps every promise in thousands of runs, and reaches every receipt', async (test) => {
  const results = await simulatedSeeds({ from: FROM, seeds: SEEDS, seconds: SECONDS_MAX });
  expect(ReceiptOutcome.options.filter((outcome) => results.never.includes(outcome))).toEqual([]);
  proved(test, 'runs in which every promise held', figureOf(results));
  proved(test, 'refusals and receipts that none of them reached', results.never.join(', ') || 'none');
}, 6_000_000);
