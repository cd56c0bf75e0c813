// Adds rare acts to some plans, each at the time when it matters and without other faults in its way.
import { integerBelow, type Random, SeededRandom } from '@doorsill/base/random';
import {
  type Act,
  type AgencyPlan,
  between,
  DAY_S,
  type Drawn,
  FIRST_ASK_MS,
  type HomePlan,
  LAST_ACT_MS,
  type Mistake,
  numbered,
  ordinaryPlanOf,
  type Plan,
  pick,
  RARE_LIES,
  type Rarity,
  SEALED_AGENCY,
} from './plan.ts';

/** Share of plans with a rare act, and of those with a captured bridge. Drawn from a separate seed. */
const RARE_SHARE = 0.5;
const RARE_LIE_SHARE = 0.9;
const RARE_SEED = 1_000_003;
/** How long the owner of such a home takes to answer. */
const ANSWER_MS = 6_000;
/** How long before and after the request home and services have no other fault. */
const CALM_BEFORE_MS = 25_000;
const CALM_AFTER_MS = 40_000;
/** A planned end of a service waits for a change that it makes. */
const ENDS_BEFORE_MS = 90_000;
/** Other plans get an event on a clip's way (`onTheWay`), drawn from another seed. With this one each occurs in some of 250 runs. */
const WAY_SEED = 2_000_003;
/** A home without any other obstacle for a clip. */
const LIKE = { manner: 'shares', regret: 'never', again: false, answerAfterMs: ANSWER_MS, mistakes: [] } as const;

/** Mistakes that only some homes can make: before the good answer, and after it. */
const MISTAKES_OF_FEW: readonly Mistake[] = [
  'a fact that the home does not have',
  'a grant of a clip that is encrypted otherwise',
  'a denial after all',
];

/** The parts of a plan that are changed. */
interface PlanDraft {
  readonly homes: HomePlan[];
  readonly agencies: AgencyPlan[];
  acts: Drawn[];
}
/** An act, and its time after the request. */
type Late = Drawn extends infer Each ? (Each extends Drawn ? Omit<Each, 'atMs'> : never) : never;
interface LateAct {
  readonly afterMs: number;
  readonly act: Late;
}
/** A rare act, and the properties of home and agency that it needs. */
interface RareAct {
  readonly acts: readonly LateAct[];
  readonly like?: Partial<HomePlan>;
  readonly agency?: Partial<AgencyPlan>;
  /** Whether a second agency in good standing is needed, with the index `otherThan` the first. */
  readonly needsOther?: boolean;
}

/** The plan of a seed: the same seed gives the same plan. */
export function planOf(seed: number): Plan {
  const plan = ordinaryPlanOf(seed);
  const random = new SeededRandom(seed + RARE_SEED);
  const isRare = random.fraction() < (plan.isCaptured ? RARE_LIE_SHARE : RARE_SHARE);
  if (plan.isCaptured && !isRare) return plan;
  const { seed: _seed, isCaptured, ...parts } = plan;
  const draft: PlanDraft = {
    homes: [...parts.homes],
    agencies: [...parts.agencies],
    acts: parts.acts.map(withoutNumber),
  };
  happen(isRare ? random : new SeededRandom(seed + WAY_SEED), draft, { isCaptured, isRare });
  return { ...plan, homes: draft.homes, agencies: draft.agencies, acts: numbered(draft.acts) };
}

/** Adds a rare act to a plan with an agency in good standing; otherwise an agency of the state may request. */
function happen(random: Random, draft: PlanDraft, kind: { isCaptured: boolean; isRare: boolean }): void {
  const { isCaptured, isRare } = kind;
  const honest = draft.agencies.findIndex(({ kind }) => kind === 'honest');
  const asked = draft.acts.findIndex((act) => act.do === 'ask' && act.agency === honest);
  if (isRare && !isCaptured && random.fraction() < (asked < 0 ? 0.3 : 0.1)) askAsState(random, draft);
  else if (asked >= 0) happenAround(random, draft, { asked, agency: honest, ...kind });
}

/** Adds a rare act around one request, the act of number `asked`. */
function happenAround(
  random: Random,
  draft: PlanDraft,
  { asked, agency, isCaptured, isRare }: { asked: number; agency: number; isCaptured: boolean; isRare: boolean },
): void {
  const { homes, agencies, acts } = draft;
  const wanted = homes.findIndex(({ manner }) => (isCaptured ? manner !== 'away' : manner === 'shares'));
  const home = Math.max(0, wanted);
  const ofHome = isRare ? happening : onTheWay;
  const rare = isCaptured ? lie(random, home) : ofHome(random, home, agency);
  const kept = homes[home];
  if (kept) homes[home] = { ...kept, ...(isCaptured ? {} : LIKE), ...rare.like };
  agencies[agency] = { ...asking(agencies, agency), ...rare.agency };
  if (rare.needsOther) agencies[otherThan(agency)] = entered(asking(agencies, otherThan(agency)));
  const { atMs: askedMs } = acts[asked] ?? { atMs: 0 };
  // The request stays open for the whole time.
  const open = acts.map((act, at) => (at === asked && act.do === 'ask' ? { ...act, lifeS: DAY_S } : act));
  draft.acts = open.filter((act) => !isInTheWay(act, home, askedMs));
  for (const { afterMs, act } of rare.acts) draft.acts.push({ ...act, atMs: askedMs + afterMs });
}

/** An agency that no home serves requests, and an owner grants it although their home does not show it. */
function askAsState(random: Random, { homes, agencies, acts }: PlanDraft): void {
  const listening = homes.findIndex(({ manner }) => manner !== 'away');
  const home = Math.max(0, listening);
  const kept = homes[home];
  if (kept?.manner === 'away') homes[home] = { ...kept, manner: 'ignores' };
  const agency = agencies.push({ name: `agency-${agencies.length + 1}`, kind: 'state', onRecall: 'erase' }) - 1;
  const atMs = between(random, FIRST_ASK_MS, LAST_ACT_MS - 60_000);
  acts.push({ do: 'ask', agency, atMs, lifeS: DAY_S });
  acts.push({ do: 'rare', home, agency, atMs: atMs + 4_000, forMs: 0, what: 'its owner is talked into a grant' });
}

function happening(random: Random, home: number, agency: number): RareAct {
  const one = (what: Rarity, afterMs: number, forMs: number, like: Partial<HomePlan> = {}): RareAct => ({
    acts: [{ afterMs, act: { do: 'rare', home, agency, what, forMs } }],
    like,
  });
  return pick<() => RareAct>(random, [
    // The owner knows the request; by the home's clock the agency's credential has expired, and the answer is recent enough.
    () => ({ acts: [{ afterMs: 2_000, act: { do: 'clock', home, byMs: 7 * 3_600_000, forMs: 30_000 } }] }),
    () => one('its ledger is altered, and put right', 1_000, 25_000),
    // The owner signs before, and sends after. Expensive, so half of the time the clock is in doubt when the grant arrives.
    () =>
      random.fraction() < 0.5
        ? one('it comes back from a backup on another card', 2_000, 0)
        : one('it does not know whether its clock is right', 3_000, 20_000),
    // While the granted footage is filmed.
    () => one('it does not know whether its clock is right', -16_000, 12_000, { gops: 5 }),
    // Before a grant, or between it and its revocation.
    () => {
      const afterMs = ANSWER_MS + (random.fraction() < 0.4 ? -1_000 : 1_500);
      return one('its card is filled to the last byte', afterMs, 20_000, { regret: 'soon' });
    },
    () => withSealed(agency, () => one('somebody has its key', 3_000, 0)),
    () =>
      random.fraction() < 0.5
        ? one('the bridge’s disk is full', ANSWER_MS - 1_000, 15_000)
        : refusal(one('the bridge refuses what it can read', REFUSES_MS, 60_000), home),
    // The owner signs before the agency's clips are encrypted to another key, and sends after.
    () =>
      withSealed(agency, (askedMs) =>
        one('clips are encrypted to a new key', askedMs + 3_000, 0, {
          ...{ hasEmail: false, disclose: [], mistakes: MISTAKES_OF_FEW },
        }),
      ),
  ])();
}

/** The agency whose clips are encrypted asks this long before, if it is not the one that asks. */
const SEALED_ASK_MS = -15_000;

/** A rare act while a request of the agency whose clips are encrypted is open, too; `askedMs`: when that one is asked. */
function withSealed(agency: number, rare: (askedMs: number) => RareAct): RareAct {
  if (agency === SEALED_AGENCY) return rare(0);
  const { acts, ...more } = rare(SEALED_ASK_MS);
  const ask: Late = { do: 'ask', agency: SEALED_AGENCY, lifeS: DAY_S };
  return { ...more, needsOther: true, acts: [{ afterMs: SEALED_ASK_MS, act: ask }, ...acts] };
}

/** When the bridge begins to refuse clips that it can read: once the home has its owner's grant, and before it reaches the bridge. */
const REFUSES_MS = ANSWER_MS + 3_000;

/** The home hears neither from the bridge meanwhile nor from the broker, which would withdraw the request. */
function refusal({ acts }: RareAct, home: number): RareAct {
  const lost = (to: 'bridge' | 'broker', afterMs: number, forMs: number): LateAct => ({
    afterMs,
    act: { do: 'link', home, to, state: 'lost', forMs },
  });
  return { acts: [lost('bridge', SLOW_FROM_MS, 12_000), lost('broker', ANSWER_MS + 1_500, 40_000), ...acts] };
}

/** The registry knows two agencies. */
function otherThan(agency: number): number {
  return agency === 0 ? 1 : 0;
}

/** A registered agency; if the plan revokes it, that stays. */
function entered(agency: AgencyPlan): AgencyPlan {
  return { ...agency, kind: agency.kind === 'revoked' ? 'revoked' : 'honest' };
}

function asking(agencies: readonly AgencyPlan[], at: number): AgencyPlan {
  return agencies[at] ?? { name: `agency-${at + 1}`, kind: 'honest', onRecall: 'erase' };
}

/** Time after the request at which the home has its owner's grant. */
const GRANTED_MS = ANSWER_MS + 300;
/** From then on the card or the link to the bridge is slow: from before the grant until after its clip. */
const SLOW_FROM_MS = 3_000;
const SLOW_MS = 60_000;
/**
 * A clip's progress on a slow card, in ms after the grant: each ledger entry takes two seconds, and so does each file. It is cut and
 * sealed; sealing is recorded; the offer is recorded; it is sent; its receipt is recorded.
 */
const ON_CARD_MS = { cut: 4_000, sealed: 7_000, offered: 10_500, stored: 11_470 };
/**
 * The progress of a clip of one GOP on a slow link, in ms after the grant: stored by the bridge, whose answer arrives; then its receipt is
 * requested. A press is written to the disk, so that the power is cut there.
 */
const ON_LINK_MS = { stored: 24_500, asked: 27_000, pressed: 27_100 };
const ONE_GOP = { gops: 1, part: 0.5 } as const;

/** For effects that show in only half of their runs. */
function twice(rare: RareAct): (() => RareAct)[] {
  return [() => rare, () => rare];
}

/** Ends a clip in every state on its slow way. */
function onTheWay(random: Random, home: number, agency: number): RareAct {
  const after = (ms: number, act: Late): LateAct => ({ afterMs: GRANTED_MS + ms, act });
  const slowCard = (...acts: LateAct[]): LateAct[] => [
    { afterMs: SLOW_FROM_MS, act: { do: 'disk', home, state: 'slow', forMs: SLOW_MS } },
    ...acts,
  ];
  const link = (state: 'slow' | 'lost', forMs: number): Late => ({ do: 'link', home, to: 'bridge', state, forMs });
  const slowLink = (forMs: number, ...acts: LateAct[]): LateAct[] => [
    { afterMs: SLOW_FROM_MS, act: link('slow', forMs) },
    ...acts,
  ];
  // The link is restored for only a moment in between.
  const lostLink = (ms: number) => slowLink(GRANTED_MS - SLOW_FROM_MS + ms - 1, after(ms, link('lost', SLOW_MS)));
  const withdraw: Late = { do: 'withdraw', agency };
  const endAgency: Late = { do: 'end-agency', agency };
  const what = 'it does not know whether its clock is right';
  const doubt: Late = { do: 'rare', home, agency, what, forMs: 20_000 };
  const press: Late = { do: 'press', home };
  const cutPower: Late = { do: 'crash', home, steps: 1, forMs: 5_000 };
  const ON_CARD = [ON_CARD_MS.cut, ON_CARD_MS.sealed, ON_CARD_MS.offered];
  return pick<() => RareAct>(random, [
    // The request ends, then the owner revokes.
    ...ON_CARD.map((ms) => () => ({ acts: slowCard(after(ms, withdraw)), like: { regret: 'late' as const } })),
    // The agency ends, then the owner revokes.
    ...ON_CARD.map((ms) => () => ({
      ...{ acts: slowCard(after(ms, endAgency)), like: { regret: 'late' as const } },
      agency: { kind: 'revoked' as const },
    })),
    // The owner signs another grant under the same id, then revokes.
    () => ({ acts: slowCard(), like: { regret: 'between', mistakes: ['the same id for another grant'] } }),
    () => ({ acts: slowCard(), like: { regret: 'at-once', mistakes: ['a denial after all'] } }),
    // The footage is lost with the power.
    () => ({
      acts: slowCard(after(ON_CARD_MS.cut, { do: 'reboot', home })),
      like: { ring: 'memory', onFailure: 'declines' },
    }),
    // The bridge's receipt is lost with the power, and the request ends before it is requested again.
    ...twice({ acts: slowCard(after(ON_CARD_MS.stored, cutPower), after(ON_CARD_MS.stored + 2_500, withdraw)) }),
    // The grant expires.
    () => ({ acts: slowCard(), like: { grantLifeS: pick(random, [10, 14]), onFailure: 'shares' } }),
    // The grant expires while another request's end is recorded, and the receipt waits for that.
    ...twice({
      ...{ needsOther: true, like: { grantLifeS: 18 } },
      acts: slowCard(
        { afterMs: -15_000, act: { do: 'ask', agency: otherThan(agency), lifeS: DAY_S } },
        after(ON_CARD_MS.offered, { do: 'withdraw', agency: otherThan(agency) }),
      ),
    }),
    // The request ends, the power is cut, or the link is lost, before the receipt arrives.
    () => ({ acts: slowLink(SLOW_MS, after(ON_LINK_MS.asked, withdraw)), like: ONE_GOP }),
    () => ({
      acts: slowLink(SLOW_MS, after(ON_LINK_MS.asked, cutPower), after(ON_LINK_MS.pressed, press)),
      like: ONE_GOP,
    }),
    () => ({ acts: lostLink(ON_LINK_MS.asked), like: ONE_GOP }),
    // The answer that it is stored is lost, and the owner revokes.
    ...twice({
      ...{ acts: lostLink(ON_LINK_MS.stored), like: { ...ONE_GOP, regret: 'late' } },
      agency: { onRecall: 'keep' },
    }),
    // There is no link to the bridge during the power cut; or the home's clock is in doubt afterwards, and it waits.
    () =>
      pick<RareAct>(random, [
        { acts: [{ afterMs: SLOW_FROM_MS, act: link('lost', SLOW_MS) }, after(2_000, cutPower)] },
        { acts: slowCard(after(ON_CARD_MS.stored, cutPower), after(ON_CARD_MS.stored + 1_000, doubt)) },
      ]),
  ])();
}

/** A lie that needs an attentive owner and a known request. The first one is expensive, and shows only one thing. */
function lie(random: Random, home: number): RareAct {
  const chosen = random.fraction() < 0.3 ? RARE_LIES[0] : pick(random, RARE_LIES.slice(1));
  return {
    acts: [{ afterMs: 5_000 + integerBelow(random, 15_000), act: { do: 'lie', home, lie: chosen, forMs: 1_000 } }],
  };
}

/** Whether an act would hide a rare one at a home, around its request. */
function isInTheWay(act: Drawn, home: number, askedMs: number): boolean {
  if (act.do === 'ask' || act.do === 'press' || act.do === 'lie') return false;
  if (('home' in act && act.home !== home) || act.atMs >= askedMs + CALM_AFTER_MS) return false;
  // A wrong clock is distrusted for long afterwards; a power cut waits for a disk operation.
  if (act.do === 'clock' || act.do === 'crash') return true;
  if (act.do === 'kill' || act.do === 'power') return act.atMs > askedMs - ENDS_BEFORE_MS;
  return act.atMs + ('forMs' in act ? act.forMs : 0) > askedMs - CALM_BEFORE_MS;
}

function withoutNumber({ number: _number, ...act }: Act): Drawn {
  return act;
}
