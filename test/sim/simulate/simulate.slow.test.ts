// Thousands of towns: every promise holds in each, and together they reach every receipt.
import { expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { figureOf, simulatedSeeds } from './support/simulated-seeds.ts';

/** The quick tests have run those before. */
const FROM = 501;
const SEEDS = 8_000;
const SECONDS_MAX = 5_400;

it('keeps every promise in thousands of towns, and reaches every receipt', async (test) => {
  const towns = await simulatedSeeds({ from: FROM, seeds: SEEDS, seconds: SECONDS_MAX });
  // Owners of a town give no orders but about clips, and its vault keeps nothing that was taken back.
  expect(towns.never.filter((what) => !what.includes('_'))).toEqual(['command-done', 'recalled']);
  proved(test, 'towns in which every promise held', figureOf(towns));
  proved(test, 'refusals and receipts that none of them reached', towns.never.join(', ') || 'none');
}, 6_000_000);
