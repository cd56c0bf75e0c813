// @module-tag long
import { beforeAll, expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { neverReached, sharesOf, unknownTransitions, whyUnreachable } from './coverage.ts';
import { FORGERIES } from './forged-clip.ts';
import { wordsOf } from './simulate.ts';
import { figureOf, type SimulatedSeeds, simulatedSeeds } from './support/simulated-seeds.ts';

/** Chosen for about a minute on two idle processors; the actual time is in the table of proofs. */
const SEEDS = 250;
/** How many of them are repeated. */
const TWICE = 50;
const SECONDS_MAX = 600;
/** A refusal that fewer runs provoke would be lost at the next change of the plans. */
const PROVOKED_IN_LEAST = 2;
/** Most homes are prepared; some are enrolled and paired during the run. */
const BEGINNINGS = ['home settled before', 'home from nothing'];
/** The vault finds an encrypted clip to be as granted, or forged in each way that it can find. */
const VERDICTS = ['as-granted', ...FORGERIES].map((outcome) => `verdict ${outcome}`);

let results: SimulatedSeeds;
beforeAll(async () => {
  results = await simulatedSeeds({ from: 1, seeds: SEEDS, seconds: SECONDS_MAX });
}, SECONDS_MAX * 1_000);

it('repeats runs to the byte, however many run in parallel', async (test) => {
  const again = await simulatedSeeds({ from: 1, seeds: TWICE, seconds: SECONDS_MAX }, '--workers', '1');
  for (const [seed, hash] of again.hashes) expect({ seed, hash }).toEqual({ seed, hash: results.hashes.get(seed) });
  expect(again.hash).not.toBe(results.hash);
  proved(test, 'runs that were the same twice, to the byte', `${TWICE} of ${TWICE}`);
}, 600_000);

it('keeps every promise in runs of many seeds, which together reach every state, transition, refusal and receipt', (test) => {
  const { minutesEach, piecesLeast, covered, hashes } = results;
  expect(minutesEach).toBeGreaterThanOrEqual(10);
  expect(piecesLeast).toBeGreaterThanOrEqual(200);
  for (const what of [
    'ledger granted',
    'ledger delivered',
    'receipt denied',
    'crash',
    'evidence shown',
    ...BEGINNINGS,
    ...VERDICTS,
  ])
    expect(Object.keys(covered)).toContain(what);
  expect(new Set(hashes.values()).size).toBe(SEEDS);
  const never = neverReached(new Map(Object.entries(covered)));
  expect(never.filter((code) => whyUnreachable(code) === null)).toEqual([]);
  // The list of unreachable items contains only these, and none that is reachable.
  expect(never.filter((code) => whyUnreachable(code) !== null)).toEqual([
    'consent_sealing_key',
    'consent_zones_unsupported',
    'intake_duration',
  ]);
  const rare = Object.entries(results.provoked).filter(([, count]) => count <= PROVOKED_IN_LEAST);
  expect(rare.filter(([, count]) => count < PROVOKED_IN_LEAST)).toEqual([]);
  proved(test, `refusals that no more than ${PROVOKED_IN_LEAST} runs provoke`, rare.map(String).join(' ') || 'none');
  const machines = sharesOf(new Map(Object.entries(covered))).filter(({ what }) => / of an? /.test(what));
  expect(machines.map(({ what, never: missing }) => [what, missing])).toEqual([
    ['states of a request', ['unseen']],
    ['transitions of a request', []],
    ['states of an upload', []],
    ['transitions of an upload', []],
    ['states of an intake', []],
    ['transitions of an intake', ['new > recalled']],
  ]);
  for (const { never: missing } of machines)
    expect(missing.filter((name) => whyUnreachable(name) === null)).toEqual([]);
  expect(unknownTransitions(new Map(Object.entries(covered)))).toEqual([]);
  proved(test, 'refusals and receipts that messages cannot reach', never.join(', '));
  proved(test, 'runs in which every promise held', figureOf(results));
});

it('prints a smaller plan as arguments', () => {
  expect(wordsOf({ seed: 7, kept: {} })).toEqual(['--seed', '7']);
  const kept = { homes: 1, acts: new Set([0, 4]) };
  expect(wordsOf({ seed: 7, kept })).toEqual(['--seed', '7', '--homes', '1', '--acts', '0,4']);
  expect(wordsOf({ seed: 7, kept: { acts: new Set() } })).toEqual(['--seed', '7', '--acts', 'none']);
});
