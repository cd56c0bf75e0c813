// @module-tag long
import { beforeAll, expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { neverReached, sharesOf, unknownTransitions, whyUnreachable } from './coverage.ts';
import { wordsOf } from './simulate.ts';
import { figureOf, type SimulatedSeeds, simulatedSeeds } from './support/simulated-seeds.ts';

/** Meant for about a minute of two processors that do nothing else; what it took is in the table of what was proved. */
const SEEDS = 250;
/** So many of them are run a second time. */
const TWICE = 50;
const SECONDS_MAX = 600;
/** What fewer towns provoke is lost with the next change of what is drawn. */
const PROVOKED_IN_LEAST = 2;
/** Most homes have settled before; some are enrolled and paired in their town. */
const BEGINNINGS = ['home settled before', 'home from nothing'];

let towns: SimulatedSeeds;
beforeAll(async () => {
  towns = await simulatedSeeds({ from: 1, seeds: SEEDS, seconds: SECONDS_MAX });
}, SECONDS_MAX * 1_000);

it('runs the same towns again, to the byte, however many at a time', async (test) => {
  const again = await simulatedSeeds({ from: 1, seeds: TWICE, seconds: SECONDS_MAX }, '--workers', '1');
  for (const [seed, hash] of again.hashes) expect({ seed, hash }).toEqual({ seed, hash: towns.hashes.get(seed) });
  expect(again.hash).not.toBe(towns.hash);
  proved(test, 'towns that were the same twice, to the byte', `${TWICE} of ${TWICE}`);
}, 600_000);

it('keeps every promise in towns of many seeds, which together reach every state, transition, refusal and receipt', (test) => {
  const { minutesEach, piecesLeast, covered, hashes } = towns;
  expect(minutesEach).toBeGreaterThanOrEqual(10);
  expect(piecesLeast).toBeGreaterThanOrEqual(200);
  for (const what of ['ledger granted', 'ledger delivered', 'receipt denied', 'crash', ...BEGINNINGS])
    expect(Object.keys(covered)).toContain(what);
  expect(new Set(hashes.values()).size).toBe(SEEDS);
  const never = neverReached(new Map(Object.entries(covered)));
  expect(never.filter((code) => whyUnreachable(code) === null)).toEqual([]);
  // What cannot be reached is no excuse for what can.
  expect(never.filter((code) => whyUnreachable(code) !== null)).toEqual([
    'consent_zones_unsupported',
    'intake_duration',
  ]);
  const rare = Object.entries(towns.provoked).filter(([, count]) => count <= PROVOKED_IN_LEAST);
  expect(rare.filter(([, count]) => count < PROVOKED_IN_LEAST)).toEqual([]);
  proved(test, `refusals that no more than ${PROVOKED_IN_LEAST} towns provoke`, rare.map(String).join(' ') || 'none');
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
  proved(test, 'refusals and receipts that towns cannot reach by messages', never.join(', '));
  proved(test, 'towns in which every promise held', figureOf(towns));
});

it('names a smaller town by its words', () => {
  expect(wordsOf({ seed: 7, kept: {} })).toEqual(['--seed', '7']);
  const kept = { homes: 1, acts: new Set([0, 4]) };
  expect(wordsOf({ seed: 7, kept })).toEqual(['--seed', '7', '--homes', '1', '--acts', '0,4']);
  expect(wordsOf({ seed: 7, kept: { acts: new Set() } })).toEqual(['--seed', '7', '--acts', 'none']);
});
