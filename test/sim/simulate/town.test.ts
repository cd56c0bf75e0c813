// @module-tag long
// Holds: towns with a captured bridge, and towns whose services die in the middle of something, keep every promise.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { type Plan, planOf } from '../../../sim/simulate/plan.ts';
import { Simulation } from '../../../sim/simulate/simulate.ts';

let simulation: Simulation;
beforeAll(async () => {
  simulation = await Simulation.open(await findFfmpeg());
});
afterAll(() => simulation.close());

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
