import { expect, it } from 'vitest';
import { type Plan, shrunk } from './plan.ts';
import { planOf } from './rare-plan.ts';
import { shrink } from './shrink.ts';
import type { Finding, Kept } from './simulate.ts';

const RULE = '4';
const never = new AbortController().signal;

/** A run in which a promise breaks as long as the plan `breaks` it; records every run. */
function runOf(seed: number, breaks: (plan: Plan) => boolean) {
  const whole = planOf(seed);
  const runs: Kept[] = [];
  const finding = (kept: Kept): Finding => {
    const plan = shrunk(whole, kept);
    const rules = breaks(plan) ? ['7', RULE].slice(kept.homes === undefined ? 1 : 0) : ['7'];
    const breaches = rules.map((rule) => ({ rule, atMs: 0, what: 'planted' }));
    const counts = { hash: '', pieces: 0, bytes: 0, simulatedMs: 0, trace: [], covered: new Map() };
    return { seed, kept, plan, result: { breaches, ...counts } };
  };
  const run = async (kept: Kept) => {
    runs.push(kept);
    return finding(kept);
  };
  return { whole, runs, run, found: finding({}) };
}

/** A seed with three homes and many acts, of which three can be told apart. */
function largeSeed(): number {
  const seed = Array.from({ length: 400 }, (_, at) => at + 1).find((one) => {
    const { homes, acts } = planOf(one);
    return homes.length === 3 && acts.length > 16 && acts.filter((act) => act.do === 'press').length > 4;
  });
  if (seed === undefined) throw new Error('no seed has a large plan');
  return seed;
}

const of = ({ acts }: Plan) => acts.map(({ number }) => number);

it('finds the one act and the fewest homes with which the same promise breaks', async () => {
  const seed = largeSeed();
  const wanted = planOf(seed).acts.find((act) => 'home' in act && act.home === 1)?.number ?? -1;
  const { whole, run, found, runs } = runOf(seed, (plan) => of(plan).includes(wanted));
  const least = await shrink(found, run, never);
  expect(least.plan.homes).toHaveLength(2);
  expect(of(least.plan)).toEqual([wanted]);
  expect(runs.length).toBeLessThanOrEqual(60);
  expect(of(whole).length).toBeGreaterThan(16);
});

it('keeps a plan that cannot be shrunk, and gives up in the end', async () => {
  const seed = largeSeed();
  const { whole, run, found, runs } = runOf(seed, (plan) => of(plan).length === of(planOf(seed)).length);
  expect((await shrink(found, run, never)).plan).toEqual(whole);
  expect(runs.length).toBeLessThanOrEqual(60);
});

it.each([0, 1, 2])('starts no other run when stopped after %d, and returns the smallest so far', async (count) => {
  const stop = new AbortController();
  const { run, runs, found } = runOf(largeSeed(), () => true);
  if (count === 0) stop.abort();
  const least = await shrink(
    found,
    async (kept) => {
      const smaller = await run(kept);
      if (runs.length === count) stop.abort();
      return smaller;
    },
    stop.signal,
  );
  expect(runs).toHaveLength(count);
  expect(least.kept).toEqual(runs.at(-1) ?? {});
});
