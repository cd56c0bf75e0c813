// Owns: the plan of a seed: what happens in every town, and in few towns one thing more, at the moment in which it shows and with nothing
// else in its way. Not here: what happens in every town (plan.ts), making what is rare happen (rare-acts.ts).
import { integerBelow, type Random, SeededRandom } from '../../device/index.ts';
import {
  type Act,
  type AgencyPlan,
  between,
  DAY_S,
  type Drawn,
  FIRST_ASK_MS,
  type HomePlan,
  LAST_ACT_MS,
  numbered,
  ordinaryPlanOf,
  type Plan,
  pick,
  RARE_LIES,
  type Rarity,
  type Slip,
} from './plan.ts';

/** In how many towns something rare happens, and in how many of those whose bridge is captured. It is drawn from a seed of its own. */
const RARE_SHARE = 0.5;
const RARE_LIE_SHARE = 0.9;
const RARE_SEED = 1_000_003;
/** How long the owner of such a home thinks about a request. */
const ANSWER_MS = 6_000;
/** So long before a request and after it nothing else goes wrong with the home or the services. */
const CALM_BEFORE_MS = 25_000;
const CALM_AFTER_MS = 40_000;
/** An end of a service waits for a change that it makes. */
const ENDS_BEFORE_MS = 90_000;
/** A home in which nothing but the rarity keeps a clip from leaving. */
const LIKE = { manner: 'shares', regret: 'never', again: false, answerAfterMs: ANSWER_MS, slips: [] } as const;

/** Mistakes that only few homes can make: before the good answer and after it. */
const SLIPS_OF_ONE: readonly Slip[] = ['a fact that the home does not have', 'a denial after all'];

/** What a town is made of, to be changed. */
interface Town {
  readonly homes: HomePlan[];
  readonly agencies: AgencyPlan[];
  acts: Drawn[];
}
/** What happens, and how long after the request. */
type Late = Drawn extends infer Each ? (Each extends { readonly home: number } ? Omit<Each, 'atMs'> : never) : never;
/** A rarity: what happens, and what the home must be like for it to show. */
interface Story {
  readonly acts: readonly { readonly afterMs: number; readonly act: Late }[];
  readonly like?: Partial<HomePlan>;
}

/** The plan of a seed: the same seed gives the same plan. */
export function planOf(seed: number): Plan {
  const plan = ordinaryPlanOf(seed);
  const random = new SeededRandom(seed + RARE_SEED);
  if (random.fraction() >= (plan.isCaptured ? RARE_LIE_SHARE : RARE_SHARE)) return plan;
  const { seed: _seed, isCaptured, ...parts } = plan;
  const town: Town = { homes: [...parts.homes], agencies: [...parts.agencies], acts: parts.acts.map(withoutNumber) };
  happen(random, town, isCaptured);
  return { ...plan, homes: town.homes, agencies: town.agencies, acts: numbered(town.acts) };
}

/** Adds something rare to a town, where an agency in good standing asks; else an agency of the state may ask. */
function happen(random: Random, town: Town, isCaptured: boolean): void {
  const honest = town.agencies.findIndex(({ kind }) => kind === 'honest');
  const asked = town.acts.findIndex((act) => act.do === 'ask' && act.agency === honest);
  if (!isCaptured && random.fraction() < (asked < 0 ? 0.3 : 0.1)) askAsState(random, town);
  else if (asked >= 0) happenAround(random, town, { asked, agency: honest, isCaptured });
}

/** Adds something rare about one request, the act of number `asked`. */
function happenAround(
  random: Random,
  town: Town,
  { asked, agency, isCaptured }: { asked: number; agency: number; isCaptured: boolean },
): void {
  const { homes, acts } = town;
  const wanted = homes.findIndex(({ manner }) => (isCaptured ? manner !== 'away' : manner === 'shares'));
  const home = Math.max(0, wanted);
  const story = isCaptured ? lie(random, home) : happening(random, home, agency);
  const kept = homes[home];
  if (kept) homes[home] = { ...kept, ...(isCaptured ? {} : LIKE), ...story.like };
  const { atMs: askedMs } = acts[asked] ?? { atMs: 0 };
  // The request is open for as long as all of this takes.
  const open = acts.map((act, at) => (at === asked && act.do === 'ask' ? { ...act, lifeS: DAY_S } : act));
  town.acts = open.filter((act) => !isInTheWay(act, home, askedMs));
  for (const { afterMs, act } of story.acts) town.acts.push({ ...act, atMs: askedMs + afterMs });
}

/** An agency that no home serves asks, and has an owner grant what their home does not tell of. */
function askAsState(random: Random, { homes, agencies, acts }: Town): void {
  const listening = homes.findIndex(({ manner }) => manner !== 'away');
  const home = Math.max(0, listening);
  const kept = homes[home];
  if (kept?.manner === 'away') homes[home] = { ...kept, manner: 'ignores' };
  const agency = agencies.push({ name: `agency-${agencies.length + 1}`, kind: 'state', onRecall: 'erase' }) - 1;
  const atMs = between(random, FIRST_ASK_MS, LAST_ACT_MS - 60_000);
  acts.push({ do: 'ask', agency, atMs, lifeS: DAY_S });
  acts.push({ do: 'rare', home, agency, atMs: atMs + 4_000, forMs: 0, what: 'its owner is talked into a grant' });
}

function happening(random: Random, home: number, agency: number): Story {
  const one = (what: Rarity, afterMs: number, forMs: number, like: Partial<HomePlan> = {}): Story => ({
    acts: [{ afterMs, act: { do: 'rare', home, agency, what, forMs } }],
    like,
  });
  return pick<() => Story>(random, [
    // Its owner knows the request; by the home's clock the agency's credential has expired, and the owner's answer is not too old yet.
    () => ({ acts: [{ afterMs: 2_000, act: { do: 'clock', home, byMs: 7 * 3_600_000, forMs: 30_000 } }] }),
    () => one('its ledger is altered, and put right', 1_000, 25_000),
    // Its owner signs before, and says it after that. It is dear: half of the time it is doubt about a clock when the grant arrives.
    () =>
      random.fraction() < 0.5
        ? one('it comes back from a backup on another card', 2_000, 0)
        : one('it does not know whether its clock is right', 3_000, 20_000),
    // While it films what is granted.
    () => one('it does not know whether its clock is right', -16_000, 12_000, { gops: 5 }),
    // Before a grant, or between it and its revocation.
    () => {
      const afterMs = ANSWER_MS + (random.fraction() < 0.4 ? -1_000 : 1_500);
      return one('its card is filled to the last byte', afterMs, 20_000, { regret: 'soon' });
    },
    () => one('somebody has its key', 3_000, 0),
    () => one('the bridge’s disk is full', ANSWER_MS - 1_000, 15_000),
    () => ({ acts: [], like: { hasEmail: false, disclose: [], slips: SLIPS_OF_ONE } }),
  ])();
}

/** A lie that needs an owner who listens, and a request that is known. The first one is dear, and shows one thing alone. */
function lie(random: Random, home: number): Story {
  const told = random.fraction() < 0.3 ? RARE_LIES[0] : pick(random, RARE_LIES.slice(1));
  return {
    acts: [{ afterMs: 5_000 + integerBelow(random, 15_000), act: { do: 'lie', home, lie: told, forMs: 1_000 } }],
  };
}

/** Whether an act would hide what is rare at a home, around the request that it is about. */
function isInTheWay(act: Drawn, home: number, askedMs: number): boolean {
  if (act.do === 'ask' || act.do === 'press' || act.do === 'lie') return false;
  if (('home' in act && act.home !== home) || act.atMs >= askedMs + CALM_AFTER_MS) return false;
  // A clock that was set wrong is not believed for long after; a power cut waits for an operation of the disk.
  if (act.do === 'clock' || act.do === 'crash') return true;
  if (act.do === 'kill' || act.do === 'power') return act.atMs > askedMs - ENDS_BEFORE_MS;
  return act.atMs + ('forMs' in act ? act.forMs : 0) > askedMs - CALM_BEFORE_MS;
}

function withoutNumber({ number: _number, ...act }: Act): Drawn {
  return act;
}
