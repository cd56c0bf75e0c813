import { expect, it } from 'vitest';
import { type Act, ordinaryPlanOf, RARE_LIES, RUN_MS, shrunk } from './plan.ts';
import { planOf } from './rare-plan.ts';

const seeds = Array.from({ length: 400 }, (_, at) => at + 1);

it('draws the same plan from the same seed only', () => {
  const texts = seeds.map((seed) => JSON.stringify(planOf(seed)));
  expect(seeds.map((seed) => JSON.stringify(planOf(seed)))).toEqual(texts);
  expect(new Set(texts).size).toBe(texts.length);
});

it('has all acts in order, within the run’s time, for existing homes and agencies', () => {
  for (const { homes, agencies, acts } of seeds.map(planOf)) {
    const times = acts.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    for (const act of acts) {
      const endMs = act.atMs + ('forMs' in act ? act.forMs : 0);
      expect(endMs).toBeLessThan(RUN_MS);
      if ('home' in act) expect(act.home).toBeLessThan(homes.length);
      if ('agency' in act) expect(act.agency).toBeLessThan(agencies.length);
    }
    expect(acts.some(({ do: what }) => what === 'ask')).toBe(true);
  }
});

it('draws every kind of act, owner and agency', () => {
  const plans = seeds.map(planOf);
  const acts = new Set(plans.flatMap((plan) => plan.acts.map((act) => act.do)));
  expect([...acts].sort()).toEqual(
    [
      'ask',
      'clock',
      'crash',
      'disk',
      'end-agency',
      'kill',
      'lie',
      'link',
      'outdate',
      'power',
      'press',
      'rare',
      'reboot',
      'replay',
      'retain',
      'service',
      'withdraw',
      'withhold',
    ].sort(),
  );
  const homes = plans.flatMap((plan) => plan.homes);
  expect(new Set(homes.map(({ manner }) => manner))).toEqual(new Set(['shares', 'declines', 'ignores', 'away']));
  expect(new Set(homes.map(({ regret }) => regret)).size).toBe(6);
  const kinds = new Set(plans.flatMap((plan) => plan.agencies.map(({ kind }) => kind)));
  expect(kinds).toEqual(new Set(['honest', 'revoked', 'federal', 'unregistered', 'misnaming', 'state']));
});

/** Cards and links that become slow or lost three seconds after a request. */
const slowedIn = (acts: readonly Act[]) =>
  acts.filter(
    (act) =>
      (act.do === 'disk' || act.do === 'link') &&
      acts.some(({ do: what, atMs }) => what === 'ask' && atMs === act.atMs - 3_000),
  );

const isBesideSlow = ({ atMs }: Act, acts: readonly Act[]) =>
  slowedIn(acts).some((slow) => Math.abs(slow.atMs - atMs) < 20_000);

it('adds something rare to less than half of all plans, to others a slow card or link, and leaves the rest unchanged', () => {
  const plans = seeds.map((seed) => ({ plan: planOf(seed), without: ordinaryPlanOf(seed) }));
  const changed = plans.filter(({ plan, without }) => JSON.stringify(plan) !== JSON.stringify(without));
  const slowed = changed.filter(({ plan }) => slowedIn(plan.acts).length > 0);
  expect(changed.length - slowed.length).toBeGreaterThan(seeds.length / 4);
  expect(changed.length - slowed.length).toBeLessThan(seeds.length / 2);
  expect(slowed.length).toBeGreaterThan(seeds.length / 5);
  expect(seeds.length - changed.length).toBeGreaterThan(seeds.length / 8);
  const rare = changed.flatMap(({ plan }) => plan.acts.flatMap((act) => (act.do === 'rare' ? [act.what] : [])));
  expect(new Set(rare).size).toBe(9);
  const lies = changed.flatMap(({ plan }) => plan.acts.flatMap((act) => (act.do === 'lie' ? [act.lie] : [])));
  for (const lie of RARE_LIES) expect(lies).toContain(lie);
});

it('has no other fault at a home with something rare', () => {
  const about = seeds
    .map(planOf)
    .flatMap(({ homes, acts }) =>
      acts.flatMap((act) =>
        act.do === 'rare' && act.what !== 'its owner is talked into a grant' && !isBesideSlow(act, acts)
          ? [{ homes, acts, act }]
          : [],
      ),
    );
  expect(about.length).toBeGreaterThan(20);
  for (const { homes, acts, act: rare } of about) {
    expect(homes[rare.home]?.manner).toBe('shares');
    const near = acts.filter(
      (act) => 'home' in act && act.home === rare.home && Math.abs(act.atMs - rare.atMs) < 20_000,
    );
    expect(near.filter((act) => act !== rare && act.do !== 'press')).toEqual([]);
  }
});

it('has a grant answered on a slow card or link without unintended faults', () => {
  const about = seeds
    .map(planOf)
    .flatMap(({ homes, acts }) => slowedIn(acts).flatMap((act) => ('home' in act ? [{ homes, acts, act }] : [])));
  expect(about.length).toBeGreaterThan(40);
  for (const { homes, acts, act: slow } of about) {
    expect(homes[slow.home]?.manner).toBe('shares');
    const near = acts.filter((act) => act.atMs > slow.atMs - 20_000 && act.atMs < slow.atMs + 30_000 && act !== slow);
    const faults = near.filter((act) => 'home' in act && act.home === slow.home && act.do !== 'press');
    expect(faults.length).toBeLessThanOrEqual(2);
  }
});

it('drops acts that are not kept, and those of dropped homes', () => {
  const plan = seeds.map(planOf).find(({ homes, acts }) => homes.length === 3 && acts.length > 10);
  if (!plan) throw new Error('no seed has a large plan');
  const [first, , third] = plan.acts;
  const small = shrunk(plan, { acts: new Set([first?.number ?? -1, third?.number ?? -1]), homes: 3 });
  expect(small.acts).toEqual([first, third]);
  const alone = shrunk(plan, { homes: 1 });
  expect(alone.homes).toHaveLength(1);
  expect(alone.acts.every((act) => !('home' in act) || act.home === 0)).toBe(true);
  expect(alone.acts.length).toBeLessThan(plan.acts.length);
  expect(shrunk(plan, {})).toEqual(plan);
});
