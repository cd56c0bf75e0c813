// A run's plan, drawn from its seed: homes, owners, requests of agencies, and faults. It is data, so that it can be shrunk. Rare acts are
// in rare-plan.ts.
import { integerBelow, type Random, SeededRandom } from '@doorsill/base/random';

/** How an owner answers requests. */
const MANNERS = ['shares', 'declines', 'ignores', 'away'] as const;
/** Whether an owner revokes a grant; `hasty`: without waiting for the doorbell's answer. */
const REGRETS = ['never', 'at-once', 'soon', 'late', 'hasty'] as const;
/** `between`: while a slow card stores the clip. */
type Regret = (typeof REGRETS)[number] | 'between';

/** Orders that owners sign by mistake. A doorbell must refuse each, except the announcement, which grants nothing. */
export const MISTAKES = [
  'a window outside of the request’s',
  'no time at all',
  'time without footage',
  'more facts than were asked for',
  'a fact that the home does not have',
  'a grant that has expired',
  'a grant for too long',
  'a grant of yesterday',
  'a grant of tomorrow',
  'a grant to somebody else',
  'a grant to a neighbour',
  'a grant of other bytes',
  'a grant of another request',
  'a clip that nobody has looked at',
  'a denial of other bytes',
  'a revocation of nothing',
  'an order after another one',
  'an announcement',
  'the same id for another grant',
  'a second grant',
  'a denial after all',
  'a grant after all',
] as const;
/**
 * `a grant that somebody talked them into`: for a request that their home did not show. `a grant of a clip that is encrypted otherwise`: to
 * another key than the agency's, or for an agency that has none.
 */
export type Mistake =
  | (typeof MISTAKES)[number]
  | 'a grant that somebody talked them into'
  | 'a grant of a clip that is encrypted otherwise';

export interface HomePlan {
  readonly name: string;
  readonly manner: (typeof MANNERS)[number];
  readonly regret: Regret;
  /** Whether an owner grants again after a revocation. */
  readonly again: boolean;
  /** The owner's answer after a failed grant. */
  readonly onFailure: 'nothing' | 'shares' | 'declines';
  /** Lifetime of grants, from their signature. */
  readonly grantLifeS: number;
  /** How long the owner takes to answer a request. */
  readonly answerAfterMs: number;
  readonly ring: 'memory' | 'file';
  /** How many GOPs are granted, and which part of the last one. */
  readonly gops: number;
  readonly part: number;
  readonly disclose: readonly ('address' | 'email')[];
  /** Whether the home has an e-mail address to disclose. */
  readonly hasEmail: boolean;
  /** Mistakes before or after a good answer to each request. */
  readonly mistakes: readonly Mistake[];
}

/** The index of the agency whose clips are encrypted to its vault, so that the bridge cannot read them. Those of others are not. */
export const SEALED_AGENCY = 1;

/**
 * `honest`; `revoked`: the registry revokes it while its request is open; `federal`: the registry must not admit it; `misnaming`: its
 * requests have ids of searches.
 */
const AGENCIES = ['honest', 'revoked', 'federal', 'unregistered', 'misnaming'] as const;

export interface AgencyPlan {
  readonly name: string;
  /** `state`: registry and bridge serve it, but no home does. */
  readonly kind: (typeof AGENCIES)[number] | 'state';
  /** Its department's policy for a recall of a clip in the vault. */
  readonly onRecall: 'erase' | 'restrict' | 'keep';
}

/** An act at a time after the start. Homes and agencies are indexes, so that it stays valid with fewer homes. */
export type Act = { readonly number: number; readonly atMs: number } & (
  | { readonly do: 'ask'; readonly agency: number; readonly lifeS: number }
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
  | { readonly do: 'service'; readonly part: Service; readonly forMs: number }
  | { readonly do: 'kill'; readonly part: Service; readonly steps: number; readonly forMs: number }
  | { readonly do: 'power'; readonly steps: number; readonly forMs: number }
  | { readonly do: 'replay'; readonly home: number }
  | { readonly do: 'withhold'; readonly home: number; readonly order: 'same' | 'reversed'; readonly forMs: number }
  | { readonly do: 'retain'; readonly home: number; readonly forMs: number }
  | { readonly do: 'outdate'; readonly home: number; readonly forMs: number }
  | { readonly do: 'lie'; readonly home: number; readonly lie: Lie; readonly forMs: number }
  | {
      readonly do: 'rare';
      readonly home: number;
      readonly what: Rarity;
      /** The agency whose request it concerns, if any. */
      readonly agency: number;
      readonly forMs: number;
    }
);
/** An act without a number. */
export type Drawn = Act extends infer Each ? (Each extends Act ? Omit<Each, 'number'> : never) : never;
type Service = 'broker' | 'registry' | 'vault' | 'bridge';
/** Lies of a captured bridge. */
export const LIES = [
  'says that it is stored',
  'says that another clip is stored',
  'says that it is deleted',
  'keeps what was revoked',
  'wants it again',
  'wants it elsewhere',
  'wants another part',
  'grants in the owner’s place',
  'publishes a forged agency’s request',
  'publishes another agency’s request under its id',
  'publishes a wider request under its id',
  'publishes again what has ended',
  'says that no agency has ended',
  'publishes a request of an ended partner',
] as const;
/** Its rare lies. */
export const RARE_LIES = [
  'publishes without end',
  'talks an owner into more than its agency may ask',
  'talks an owner into time to come',
] as const;
export type Lie = (typeof LIES)[number] | (typeof RARE_LIES)[number];
/** Rare acts at a home; those of the bridge and of the key concern all. */
export type Rarity =
  | 'its ledger is altered, and put right'
  | 'it comes back from a backup on another card'
  | 'its card is filled to the last byte'
  | 'it does not know whether its clock is right'
  | 'its owner is talked into a grant'
  | 'somebody has its key'
  | 'clips are encrypted to a new key'
  | 'the bridge’s disk is full'
  | 'the bridge refuses what it can read';
export type LinkFault = 'slow' | 'silent' | 'lost';
export type DiskFault = 'full' | 'slow' | 'failing';

export interface Plan {
  readonly seed: number;
  readonly homes: readonly HomePlan[];
  readonly agencies: readonly AgencyPlan[];
  /** Whether the bridge's key is stolen and used for lies: then only doorbells are judged. */
  readonly isCaptured: boolean;
  /** In order of time. */
  readonly acts: readonly Act[];
}

/** How long a run has faults. */
export const RUN_MS = 10 * 60_000;
/** The first requests: there is footage from then on. */
export const FIRST_ASK_MS = 60_000;
export const LAST_ACT_MS = 8 * 60_000;
export const HOMES_MAX = 3;
const FAULTS_MAX = 8;
export const DAY_S = 24 * 3_600;
/** Share of runs with a captured bridge, and its maximum number of lies beyond two. */
const CAPTURED_SHARE = 0.15;
const LIES_MAX = 8;
/** Owners answer, and clips leave, within this time after a request: half of all faults fall into it. */
const ANSWERING_MS = 30_000;
const LINKS = ['broker', 'bridge'] as const;
const SERVICES = ['broker', 'registry', 'vault', 'bridge'] as const;
const CLIP_HOLDERS = ['vault', 'bridge'] as const;

/** The plan of a seed without rare acts (rare-plan.ts): the same seed gives the same plan. */
export function ordinaryPlanOf(seed: number): Plan {
  const random = new SeededRandom(seed);
  const homes = Array.from({ length: 1 + integerBelow(random, HOMES_MAX) }, (_, at) => homePlan(random, at));
  const agencies = Array.from({ length: 1 + integerBelow(random, 2) }, (_, at) => agencyPlan(random, at));
  const acts = agencies.flatMap((agency, at) => agencyActs(random, agency, { at, homes: homes.length }));
  const asksMs = acts.filter((act) => act.do === 'ask').map(({ atMs }) => atMs);
  for (const [home] of homes.entries()) {
    for (let presses = 2 + integerBelow(random, 6); presses > 0; presses -= 1)
      acts.push({ do: 'press', home, atMs: between(random, 5_000, LAST_ACT_MS) });
  }
  for (let faults = integerBelow(random, FAULTS_MAX + 1); faults > 0; faults -= 1)
    acts.push(fault(random, homes.length, asksMs));
  acts.push(...timelyFaults(random, homes, asksMs));
  const isCaptured = random.fraction() < CAPTURED_SHARE;
  for (let lies = isCaptured ? 2 + integerBelow(random, LIES_MAX) : 0; lies > 0; lies -= 1)
    acts.push(lieAct(random, homes.length, asksMs));
  return { seed, homes, agencies, isCaptured, acts: numbered(acts) };
}

/** Sorted by time, and numbered. */
export function numbered(acts: readonly Drawn[]): Act[] {
  return [...acts].sort((one, other) => one.atMs - other.atMs).map((act, number) => ({ ...act, number }));
}

/** A smaller plan: only these acts, and the first `homes` homes. */
export function shrunk(plan: Plan, kept: { acts?: ReadonlySet<number>; homes?: number }): Plan {
  const homes = plan.homes.slice(0, kept.homes ?? plan.homes.length);
  const acts = plan.acts.filter(
    (act) => (kept.acts?.has(act.number) ?? true) && (!('home' in act) || act.home < homes.length),
  );
  return { ...plan, homes, acts };
}

function homePlan(random: Random, at: number): HomePlan {
  const hasEmail = random.fraction() < 0.8;
  return {
    hasEmail,
    mistakes: random.fraction() < 0.3 ? [pick(random, MISTAKES), pick(random, MISTAKES)] : [],
    name: `home-${at + 1}`,
    // Half of the owners grant; otherwise little would happen.
    manner: random.fraction() < 0.5 ? 'shares' : pick(random, MANNERS),
    regret: pick(random, REGRETS),
    again: random.fraction() < 0.3,
    onFailure: 'nothing',
    grantLifeS: DAY_S,
    answerAfterMs: between(random, 500, 20_000),
    ring: random.fraction() < 0.7 ? 'memory' : 'file',
    gops: 1 + integerBelow(random, 5),
    part: random.fraction(),
    disclose: (['address', 'email'] as const).filter((key) => random.fraction() < 0.4 && (hasEmail || key !== 'email')),
  };
}

function agencyPlan(random: Random, at: number): AgencyPlan {
  const kind = at === 0 ? pick(random, ['honest', 'honest', 'revoked'] as const) : pick(random, AGENCIES);
  const onRecall = pick(random, ['erase', 'erase', 'restrict', 'keep'] as const);
  return { name: `agency-${at + 1}`, kind, onRecall };
}

/** An agency's requests, and how they or the agency end. */
function agencyActs(random: Random, agency: AgencyPlan, { at, homes }: { at: number; homes: number }): Drawn[] {
  const acts: Drawn[] = [];
  for (let count = 1 + integerBelow(random, 2); count > 0; count -= 1)
    acts.push({
      ...({ do: 'ask', agency: at } as const),
      atMs: between(random, FIRST_ASK_MS, LAST_ACT_MS - 60_000),
      lifeS: random.fraction() < 0.2 ? between(random, 2, 60) : DAY_S,
    });
  const askedMs = acts[0]?.atMs ?? FIRST_ASK_MS;
  if (random.fraction() < 0.3) acts.push({ do: 'withdraw', agency: at, atMs: soonOrLate(random, askedMs, 120_000) });
  if (agency.kind !== 'revoked') return acts;
  const endedMs = soonOrLate(random, askedMs, 90_000);
  acts.push({ do: 'end-agency', agency: at, atMs: endedMs });
  // A broker that wants to hide an agency's end begins before it.
  if (random.fraction() < 0.5)
    acts.push({ do: 'outdate', home: integerBelow(random, homes), atMs: endedMs - 1_000, forMs: 60_000 });
  return acts;
}

/** Half of the time during the answers to the request at `askedMs`, else any time from `earliestMs` on. */
function soonOrLate(random: Random, askedMs: number, earliestMs: number): number {
  return random.fraction() < 0.5
    ? askedMs + 1_000 + integerBelow(random, ANSWERING_MS)
    : between(random, earliestMs, LAST_ACT_MS);
}

function fault(random: Random, homes: number, asksMs: readonly number[]): Drawn {
  const atMs = soonOrLate(random, pick(random, asksMs), 20_000);
  const forMs = between(random, 2_000, 60_000);
  const home = integerBelow(random, homes);
  return pick<() => Drawn>(random, [
    () => ({ do: 'crash', home, atMs, steps: 1 + integerBelow(random, 60), forMs }),
    () => ({ do: 'crash', home, atMs, steps: 1 + integerBelow(random, 6), forMs }),
    () => ({ do: 'reboot', home, atMs }),
    () => ({ do: 'link', home, atMs, to: pick(random, LINKS), state: pick(random, ['slow', 'silent', 'lost']), forMs }),
    () => ({ do: 'disk', home, atMs, state: pick(random, ['full', 'slow', 'slow', 'failing']), forMs }),
    () => ({ do: 'clock', home, atMs, byMs: pick(random, [-3_600_000, -60_000, 60_000, 3_600_000]), forMs }),
    () => ({ do: 'service', atMs, part: pick(random, SERVICES), forMs }),
    () => ({ do: 'kill', atMs, part: pick(random, SERVICES), steps: 1 + integerBelow(random, 40), forMs }),
    () => ({ do: 'kill', atMs, part: pick(random, CLIP_HOLDERS), steps: 1 + integerBelow(random, 12), forMs }),
    () => ({ do: 'power', atMs, steps: 1 + integerBelow(random, 40), forMs }),
    () => ({ do: 'replay', home, atMs }),
    () => ({ do: 'withhold', home, atMs, order: pick(random, ['same', 'reversed']), forMs }),
    () => ({ do: 'retain', home, atMs, forMs }),
  ])();
}

/** Faults that matter only at certain times: half of all plans have one at such a time. */
function timelyFaults(random: Random, homes: readonly HomePlan[], asksMs: readonly number[]): Drawn[] {
  const home = homes.findIndex(({ manner }) => manner === 'shares');
  const plan = homes[home];
  if (!plan || random.fraction() < 0.5) return [];
  const askedMs = pick(random, asksMs);
  const answeredMs = askedMs + plan.answerAfterMs;
  // A revocation overtakes its grant.
  if (plan.regret === 'hasty')
    return [{ do: 'withhold', home, atMs: askedMs, order: 'reversed', forMs: plan.answerAfterMs + 6_000 }];
  return pick<() => Drawn[]>(random, [
    // A clock was ahead long enough to be believed, and is corrected while the owner answers.
    () => [{ do: 'clock', home, atMs: Math.max(5_000, askedMs - 45_000), byMs: 3_600_000, forMs: 45_000 }],
    // The services lose power after the bridge has a clip and before the vault has it.
    () => [{ do: 'power', atMs: askedMs + 500, steps: 8 + integerBelow(random, 25), forMs: 5_000 }],
    // Each step of a clip takes its time.
    () => [{ do: 'disk', home, atMs: askedMs + 500, state: 'slow', forMs: 45_000 }],
    // A clip waits while its doorbell restarts.
    () => [
      { do: 'link', home, atMs: askedMs + 500, to: 'bridge', state: 'lost', forMs: 45_000 },
      { do: 'reboot', home, atMs: answeredMs + 8_000 },
    ],
  ])();
}

function lieAct(random: Random, homes: number, asksMs: readonly number[]): Drawn {
  const home = integerBelow(random, homes);
  const atMs = soonOrLate(random, pick(random, asksMs), 70_000);
  return { do: 'lie', home, atMs, lie: pick(random, LIES), forMs: between(random, 2_000, 60_000) };
}

export function between(random: Random, least: number, most: number): number {
  return least + integerBelow(random, most - least);
}

export function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[integerBelow(random, values.length)] as Value;
}
