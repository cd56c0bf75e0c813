// @module-tag long
// Runs with a captured bridge, or with services that are killed, keep every promise.
// @own-process: a simulation replaces the clock, the network and the disk of its process
import { createCipheriv } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { drawFootage, type Footage } from './ffmpeg-twin.ts';
import { ordinaryPlanOf, type Plan, shrunk } from './plan.ts';
import { planOf } from './rare-plan.ts';
import { runPlan } from './run.ts';
import { type Finding, Simulation } from './simulate.ts';

let footage: Footage;
let simulation: Simulation;
beforeAll(async () => {
  footage = await drawFootage(await findFfmpeg());
  simulation = await Simulation.on(footage);
});
afterAll(() => simulation.close());

/** The first seeds with such plans. */
function seedsOf(isWanted: (plan: Plan) => boolean, count: number): number[] {
  return Array.from({ length: 500 }, (_, at) => at + 1)
    .filter((seed) => isWanted(planOf(seed)))
    .slice(0, count);
}

it('keeps the doorbells’ promises with a captured bridge', async () => {
  const [seed = 0] = seedsOf(({ isCaptured }) => isCaptured, 1);
  const { covered, breaches } = (await simulation.run(seed)).result;
  expect(breaches, `npm run simulate -- --seed ${seed}`).toEqual([]);
  expect(covered.get('act lie')).toBeGreaterThanOrEqual(2);
}, 60_000);

it('keeps every promise when services are killed', async () => {
  const isRough = ({ isCaptured, acts }: Plan) =>
    !isCaptured && ['kill', 'power'].every((what) => acts.some((act) => act.do === what));
  let ends = 0;
  // A planned end at a change that does not happen is skipped.
  for (const seed of seedsOf(isRough, 5)) {
    const { covered, breaches } = (await simulation.run(seed)).result;
    expect(breaches, `npm run simulate -- --seed ${seed}`).toEqual([]);
    for (const [what, times] of covered) if (what.startsWith('kill ')) ends += times;
    if (ends > 0) break;
  }
  expect(ends).toBeGreaterThan(0);
}, 60_000);

it('serves a registered agency whose request has the id of a forged one, and distinguishes them: seed 2295', async () => {
  const acts = [2, 15, 16];
  const lies = planOf(2_295).acts.flatMap((act) => (act.do === 'lie' && acts.includes(act.number) ? [act.lie] : []));
  expect(lies).toEqual(['publishes a forged agency’s request', 'publishes another agency’s request under its id']);
  const { breaches } = (await simulation.run(2_295, { homes: 1, acts: new Set(acts) })).result;
  expect(breaches).toEqual([]);
}, 60_000);

it('reports a failed clip to the owner once the ledger has room: seed 56', async () => {
  const acts = [3, 4, 5, 6, 7];
  // The plan as it was before events on a clip's way were added.
  const plan = shrunk(ordinaryPlanOf(56), { acts: new Set(acts) });
  expect(plan.acts.map(({ do: what }) => what)).toEqual(['ask', 'ask', 'disk', 'disk', 'reboot']);
  const { breaches, covered } = await runPlan(plan, simulation.ground);
  expect(breaches).toEqual([]);
  expect([...covered.keys()]).toEqual(
    expect.arrayContaining(['logged consent_storage_failed', 'receipt failed clip_no_frames']),
  );
}, 60_000);

it('continues with a clip after an owner has confirmed a clock that was ahead: seed 554', async () => {
  const acts = [9, 10, 14];
  const done = planOf(554).acts.filter(({ number }) => acts.includes(number));
  expect(done).toMatchObject([{ do: 'ask' }, { do: 'link', state: 'lost' }, { do: 'clock', byMs: 3_600_000 }]);
  const { breaches, covered } = (await simulation.run(554, { acts: new Set(acts) })).result;
  expect(breaches).toEqual([]);
  expect([...covered.keys()]).toEqual(expect.arrayContaining(['logged consent_clock_untrusted', 'receipt sent']));
}, 60_000);

it('recognizes an attacker’s upload that was begun before a power cut: seed 890', async () => {
  const acts = [0, 1, 4, 6, 7];
  const done = planOf(890).acts.filter(({ number }) => acts.includes(number));
  expect(done.map((act) => (act.do === 'rare' ? act.what : act.do))).toEqual([
    ...['power', 'kill', 'press', 'ask', 'somebody has its key'],
  ]);
  const { breaches } = (await simulation.run(890, { acts: new Set(acts) })).result;
  expect(breaches).toEqual([]);
}, 60_000);

it('restarts services after a power cut on a full disk once there is room: seed 2506', async () => {
  const { breaches } = (await simulation.run(2_506, { acts: new Set([3, 6, 7]) })).result;
  expect(breaches).toEqual([]);
}, 60_000);

it('counts the picture that begins within the last millisecond of a window: seed 3140', async () => {
  const { breaches, covered } = (await simulation.run(3_140, { homes: 1, acts: new Set([9]) })).result;
  expect(breaches).toEqual([]);
  expect([...covered.keys()]).toContain('receipt sent');
}, 60_000);

it('ends a doorbell whose power fails during its stop: seed 5335', async () => {
  const acts = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];
  const { breaches } = (await simulation.run(5_335, { acts: new Set(acts) })).result;
  expect(breaches).toEqual([]);
}, 60_000);

it('distrusts a clock that was ahead, although an order came before the next upkeep: seed 5535', async () => {
  const acts = [0, 1, 3, 12];
  const done = planOf(5_535).acts.filter(({ number }) => acts.includes(number));
  expect(done).toMatchObject([
    { do: 'ask' },
    { do: 'lie' },
    { do: 'clock', byMs: 3_600_000, forMs: 45_000 },
    { do: 'ask' },
  ]);
  const { breaches } = (await simulation.run(5_535, { acts: new Set(acts) })).result;
  expect(breaches).toEqual([]);
}, 60_000);

/** A run with one home in which only `happen` is called once, while its camera films. */
async function withHappening(happen: (sealed: ReadonlyMap<string, string>) => void): Promise<Finding> {
  const fragments = [...footage.fragments];
  const [third] = fragments.slice(3);
  let hasHappened = false;
  Object.defineProperty(fragments, 3, {
    get: () => {
      if (!hasHappened) {
        hasHappened = true;
        happen(planted.ground.sealed);
      }
      return third;
    },
  });
  const planted = await Simulation.on({ ...footage, fragments });
  try {
    return await planted.run(1, { homes: 1, acts: new Set() });
  } finally {
    planted.close();
  }
}

it('reports an error thrown in a timer, and runs to its end', async () => {
  const { result } = await withHappening(() => {
    throw new Error('planted in a timer');
  });
  expect(result.breaches).toMatchObject([
    { rule: 'no stray error', what: expect.stringContaining('planted in a timer') },
  ]);
  expect(result.simulatedMs).toBeGreaterThanOrEqual(10 * 60_000);
}, 60_000);

it('reports an uncaught error', async () => {
  // The test runner's own listeners would take it for a failure of this test.
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  try {
    const { result } = await withHappening(() => {
      process.nextTick(() => {
        throw new Error('planted in a stream');
      });
    });
    expect(result.breaches).toMatchObject([
      { rule: 'no stray error', what: expect.stringContaining('planted in a stream') },
    ]);
    expect(process.listeners('uncaughtException')).toEqual([]);
  } finally {
    for (const other of others) process.on('uncaughtException', other);
  }
}, 60_000);

it('reports a nonce that was used before the run began', async () => {
  const { result } = await withHappening((sealed) => {
    const [place] = sealed.keys();
    const letters = Buffer.from(place ?? '', 'latin1');
    const [key, nonce] = [letters.subarray(0, 32), letters.subarray(33)];
    createCipheriv('aes-256-gcm', key, nonce).final();
  });
  expect(result.breaches).toMatchObject([{ rule: 'no nonce or file key twice' }]);
}, 60_000);
