// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { type Plan, planOf } from '../../../sim/simulate/plan.ts';
import { Simulation, wordsOf } from '../../../sim/simulate/simulate.ts';

let simulation: Simulation;
beforeAll(async () => {
  simulation = await Simulation.open(await findFfmpeg());
});
afterAll(() => simulation.close());

it('keeps every promise in towns of many seeds', async () => {
  for (let seed = 1; seed <= 6; seed += 1) {
    const { result } = await simulation.run(seed);
    expect(result.breaches, `npx doorsill simulate --seed ${seed}`).toEqual([]);
    expect(result.simulatedMs).toBeGreaterThanOrEqual(10 * 60_000);
    expect(result.pieces).toBeGreaterThanOrEqual(200);
  }
  const seen = [...simulation.covered.keys()];
  for (const what of ['ledger granted', 'ledger delivered', 'receipt denied', 'crash']) expect(seen).toContain(what);
}, 120_000);

/** The first seeds whose towns are like that. */
function seedsOf(isWanted: (plan: Plan) => boolean, count: number): number[] {
  return Array.from({ length: 500 }, (_, at) => at + 1)
    .filter((seed) => isWanted(planOf(seed)))
    .slice(0, count);
}

it('keeps the promises of doorbells where the bridge is captured', async () => {
  const [seed = 0] = seedsOf(({ isCaptured }) => isCaptured, 1);
  const { covered, breaches } = (await simulation.run(seed)).result;
  expect(breaches, `npx doorsill simulate --seed ${seed}`).toEqual([]);
  expect(covered.get('act lie')).toBeGreaterThanOrEqual(2);
}, 60_000);

it('keeps every promise where services end in the middle of something', async () => {
  const isRough = ({ isCaptured, acts }: Plan) =>
    !isCaptured && ['kill', 'power'].every((what) => acts.some((act) => act.do === what));
  let ends = 0;
  // An end that is drawn for a change that nobody makes any more does not come.
  for (const seed of seedsOf(isRough, 5)) {
    const { covered, breaches } = (await simulation.run(seed)).result;
    expect(breaches, `npx doorsill simulate --seed ${seed}`).toEqual([]);
    for (const [what, times] of covered) if (what.startsWith('kill ')) ends += times;
    if (ends > 0) break;
  }
  expect(ends).toBeGreaterThan(0);
}, 60_000);

it('runs the same town to the byte again', async () => {
  for (const seed of [11]) {
    const first = await simulation.run(seed);
    const second = await simulation.run(seed);
    expect(second.result.hash).toBe(first.result.hash);
    expect(second.result.trace).toEqual(first.result.trace);
  }
}, 60_000);

it('names a smaller town by its words', () => {
  expect(wordsOf({ seed: 7, kept: {} })).toEqual(['simulate', '--seed', '7']);
  const kept = { homes: 1, acts: new Set([0, 4]) };
  expect(wordsOf({ seed: 7, kept })).toEqual(['simulate', '--seed', '7', '--homes', '1', '--acts', '0,4']);
  expect(wordsOf({ seed: 7, kept: { acts: new Set() } })).toEqual(['simulate', '--seed', '7', '--acts', 'none']);
});
