// Owns: what happens in a simulated town, drawn from its seed: homes and their owners, what agencies ask and when, and what goes wrong.
// A plan is data, so that it can be shrunk. Not here: making it happen (town.ts).
import { integerBelow, type Random, SeededRandom } from '../../device/index.ts';

/** What an owner does with a request. */
const MANNERS = ['shares', 'declines', 'ignores', 'away'] as const;
/** Whether an owner who shared takes it back. */
const REGRETS = ['never', 'at-once', 'soon', 'late'] as const;

export interface HomePlan {
  readonly name: string;
  readonly manner: (typeof MANNERS)[number];
  readonly regret: (typeof REGRETS)[number];
  /** Whether an owner who took it back shares once more. */
  readonly again: boolean;
  /** How long its owner thinks about a request. */
  readonly answerAfterMs: number;
  readonly ring: 'memory' | 'file';
  /** How many GOPs are granted, and how much of the last one. */
  readonly gops: number;
  readonly part: number;
  readonly disclose: readonly ('address' | 'email')[];
}

/** `honest`; `revoked`: the registry ends it while its request is open; `federal`: it should never have been let in. */
export interface AgencyPlan {
  readonly name: string;
  readonly kind: 'honest' | 'revoked' | 'federal' | 'unregistered';
}

/** One thing that happens, at a time after the town's start. Names are indexes, so that a town with fewer homes still has sense. */
export type Act = { readonly number: number; readonly atMs: number } & (
  | { readonly do: 'ask'; readonly agency: number }
  | { readonly do: 'withdraw'; readonly agency: number }
  | { readonly do: 'end-agency'; readonly agency: number }
  | { readonly do: 'press'; readonly home: number }
  | { readonly do: 'crash'; readonly home: number; readonly steps: number; readonly forMs: number }
  | { readonly do: 'reboot'; readonly home: number }
  | {
      readonly do: 'link';
      readonly home: number;
      readonly to: string;
      readonly state: LinkFault;
      readonly forMs: number;
    }
  | { readonly do: 'disk'; readonly home: number; readonly state: DiskFault; readonly forMs: number }
  | { readonly do: 'clock'; readonly home: number; readonly byMs: number; readonly forMs: number }
  | { readonly do: 'service'; readonly part: 'broker' | 'registry' | 'vault' | 'bridge'; readonly forMs: number }
  | { readonly do: 'replay'; readonly home: number }
  | { readonly do: 'withhold'; readonly home: number; readonly order: 'same' | 'reversed'; readonly forMs: number }
);
export type LinkFault = 'slow' | 'silent' | 'lost';
export type DiskFault = 'full' | 'slow' | 'failing';

export interface Plan {
  readonly seed: number;
  readonly homes: readonly HomePlan[];
  readonly agencies: readonly AgencyPlan[];
  /** In order of time. */
  readonly acts: readonly Act[];
}

/** How long a town lives before its faults end. */
export const TOWN_MS = 10 * 60_000;
/** There is footage to ask for from then on. */
const FIRST_ASK_MS = 60_000;
const LAST_ACT_MS = 8 * 60_000;
const FAULTS_MAX = 8;
const LINKS = ['broker', 'bridge'] as const;

/** The plan of a seed: the same seed gives the same plan. */
export function planOf(seed: number): Plan {
  const random = new SeededRandom(seed);
  const homes = Array.from({ length: 1 + integerBelow(random, 3) }, (_, at) => homePlan(random, at));
  const agencies = Array.from({ length: 1 + integerBelow(random, 2) }, (_, at) => agencyPlan(random, at));
  const acts: Omit<Act, 'number'>[] = agencies.flatMap((agency, at) => asks(random, agency, at));
  for (const [home] of homes.entries()) {
    for (let presses = 2 + integerBelow(random, 6); presses > 0; presses -= 1)
      acts.push({ do: 'press', home, atMs: between(random, 5_000, LAST_ACT_MS) } as Omit<Act, 'number'>);
  }
  for (let faults = integerBelow(random, FAULTS_MAX + 1); faults > 0; faults -= 1)
    acts.push(fault(random, homes.length));
  const ordered = acts.sort((one, other) => one.atMs - other.atMs);
  return { seed, homes, agencies, acts: ordered.map((act, number) => ({ ...act, number }) as Act) };
}

/** The plan without what is not kept: acts by number, and homes but the first so many. */
export function shrunk(plan: Plan, kept: { acts?: ReadonlySet<number>; homes?: number }): Plan {
  const homes = plan.homes.slice(0, kept.homes ?? plan.homes.length);
  const acts = plan.acts.filter(
    (act) => (kept.acts?.has(act.number) ?? true) && (!('home' in act) || act.home < homes.length),
  );
  return { ...plan, homes, acts };
}

function homePlan(random: Random, at: number): HomePlan {
  return {
    name: `home-${at + 1}`,
    // Half of the owners share: little happens otherwise.
    manner: random.fraction() < 0.5 ? 'shares' : pick(random, MANNERS),
    regret: pick(random, REGRETS),
    again: random.fraction() < 0.3,
    answerAfterMs: between(random, 500, 20_000),
    ring: random.fraction() < 0.7 ? 'memory' : 'file',
    gops: 1 + integerBelow(random, 5),
    part: random.fraction(),
    disclose: (['address', 'email'] as const).filter(() => random.fraction() < 0.4),
  };
}

function agencyPlan(random: Random, at: number): AgencyPlan {
  const kind = at === 0 ? pick(random, ['honest', 'honest', 'revoked'] as const) : pick(random, AGENCIES);
  return { name: `agency-${at + 1}`, kind };
}

const AGENCIES = ['honest', 'revoked', 'federal', 'unregistered'] as const;

function asks(random: Random, agency: AgencyPlan, at: number): Omit<Act, 'number'>[] {
  const acts: object[] = [];
  for (let count = 1 + integerBelow(random, 2); count > 0; count -= 1)
    acts.push({ do: 'ask', agency: at, atMs: between(random, FIRST_ASK_MS, LAST_ACT_MS - 60_000) });
  if (random.fraction() < 0.3) acts.push({ do: 'withdraw', agency: at, atMs: between(random, 120_000, LAST_ACT_MS) });
  if (agency.kind === 'revoked')
    acts.push({ do: 'end-agency', agency: at, atMs: between(random, 90_000, LAST_ACT_MS) });
  return acts as Omit<Act, 'number'>[];
}

function fault(random: Random, homes: number): Omit<Act, 'number'> {
  const atMs = between(random, 20_000, LAST_ACT_MS);
  const forMs = between(random, 2_000, 60_000);
  const home = integerBelow(random, homes);
  const act = pick<() => object>(random, [
    () => ({ do: 'crash', home, steps: 1 + integerBelow(random, 60), forMs }),
    () => ({ do: 'crash', home, steps: 1 + integerBelow(random, 6), forMs }),
    () => ({ do: 'reboot', home }),
    () => ({ do: 'link', home, to: pick(random, LINKS), state: pick(random, ['slow', 'silent', 'lost']), forMs }),
    () => ({ do: 'disk', home, state: pick(random, ['full', 'slow', 'failing']), forMs }),
    () => ({ do: 'clock', home, byMs: pick(random, [-3_600_000, -60_000, 60_000, 3_600_000]), forMs }),
    () => ({ do: 'service', part: pick(random, ['broker', 'registry', 'vault', 'bridge']), forMs }),
    () => ({ do: 'replay', home }),
    () => ({ do: 'withhold', home, order: pick(random, ['same', 'reversed'] as const), forMs }),
  ])();
  return { atMs, ...act } as Omit<Act, 'number'>;
}

function between(random: Random, least: number, most: number): number {
  return least + integerBelow(random, most - least);
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[integerBelow(random, values.length)] as Value;
}
