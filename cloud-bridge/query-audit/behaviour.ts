// Owns: the rules about behaviour, as data, and who stands out from its peers by them. An outlier is a question, not proof:
// nothing is revoked for it alone. Not here: words (rules.ts), scores (verdict.ts).
import { deviationsAbove, median, medianDeviation } from './robust.ts';
import type { Tally } from './tally.ts';

/** One measure of an agency, and how uncertain so few queries leave it. Null: it has too few to say. */
type Measured = { value: number; uncertainty: number } | null;

export interface BehaviourRule {
  id: string;
  measure: (tally: Tally, wideFrom: number) => Measured;
  /** Deviations above the peers' middle from which it is flagged, and how much more it must be at the least. */
  deviationsMin: number;
  differenceMin: number;
  /** The measure in words, for people. */
  print: (value: number) => string;
  why: string;
}

/** What one behavioural rule says of one agency. */
export interface BehaviourFlag {
  rule: string;
  /** How far above its peers, in robust deviations. */
  deviations: number;
  why: string;
}

const QUERIES_MIN = 10;

function share(part: number, whole: number): Measured {
  if (whole < QUERIES_MIN) return null;
  // Agresti and Coull's estimate keeps some doubt when none or all are.
  const value = (part + 2) / (whole + 4);
  return { value, uncertainty: Math.sqrt((value * (1 - value)) / (whole + 4)) };
}

/** How much more often a search is wide when it is vague than when it is not: whose default is wide, or vague, has neither. */
function wideWhenVague({ vagueByReach, rowsByReach }: Tally, wideFrom: number): Measured {
  const count = (rows: Uint32Array, from: number) =>
    rows.reduce((sum, number, reach) => sum + (reach >= from ? number : 0), 0);
  const vague = count(vagueByReach, 0);
  const vagueAndWide = count(vagueByReach, wideFrom);
  const among = share(vagueAndWide, vague);
  const others = share(count(rowsByReach, wideFrom) - vagueAndWide, count(rowsByReach, 0) - vague);
  if (!among || !others) return null;
  return { value: among.value - others.value, uncertainty: Math.hypot(among.uncertainty, others.uncertainty) };
}

const percent = (value: number) => `${Math.round(value * 100)} %`;

export const BEHAVIOUR_RULES: readonly BehaviourRule[] = [
  {
    id: 'breadth',
    measure: ({ reaching, logReachSum }) =>
      reaching < QUERIES_MIN ? null : { value: logReachSum / reaching, uncertainty: 1.5 / Math.sqrt(reaching) },
    deviationsMin: 2.5,
    differenceMin: 0.7,
    print: (value) => `${Math.round(Math.exp(value))} networks a search (geometric mean)`,
    why: 'It searches far more networks at a time than its peers do.',
  },
  {
    id: 'vagueness',
    measure: ({ vague, queries }) => share(vague, queries),
    deviationsMin: 2.5,
    differenceMin: 0.15,
    print: (value) => `${percent(value)} of reasons say nothing`,
    why: 'Far more of its searches than its peers\u2019 give neither a reason nor a case.',
  },
  {
    id: 'off-hours',
    measure: ({ offHours, timed }) => share(offHours, timed),
    deviationsMin: 2.5,
    differenceMin: 0.12,
    print: (value) => `${percent(value)} at night`,
    why: 'It searches at night far more often than its peers.',
  },
  {
    id: 'volume',
    measure: ({ queries }) => ({ value: Math.log(queries), uncertainty: 1 / Math.sqrt(queries) }),
    deviationsMin: 2.5,
    differenceMin: 1.2,
    print: (value) => `${Math.round(Math.exp(value))} searches`,
    why: 'It searches far more often than its peers.',
  },
  {
    id: 'wide-when-vague',
    measure: wideWhenVague,
    deviationsMin: 3.5,
    differenceMin: 0.25,
    print: (value) => `wide ${Math.round(value * 100)} points more often without a reason than with one`,
    why: 'It searches about everywhere just when it does not say why.',
  },
];

/** Groups smaller than this are compared with everybody. */
const PEERS_MIN = 30;

/** What kind of agency a name is of: sheriffs are compared with sheriffs. */
export function peerGroup(name: string): string {
  if (/\b(?:university|college|campus|school|isd)\b/i.test(name)) return 'campus';
  if (/\b(?:county|parish|sheriff|so|cso)\b/i.test(name)) return 'county';
  if (/\b(?:state|highway|patrol|bureau|department of)\b/i.test(name)) return 'state';
  if (/\b(?:da|attorney|prosecutor)\b/i.test(name)) return 'prosecution';
  return 'municipal';
}

/** The flags of every agency that has some, by its name. `wideFrom`: the reach that counts as wide (`Tallies.wideFrom`). */
export function behaviourFlags(tallies: readonly Tally[], wideFrom: number): Map<string, BehaviourFlag[]> {
  const groups = new Map<string, Tally[]>();
  for (const tally of tallies) {
    const group = peerGroup(tally.agency);
    const members = groups.get(group);
    if (members) members.push(tally);
    else groups.set(group, [tally]);
  }
  const flags = new Map<string, BehaviourFlag[]>();
  for (const members of groups.values()) {
    const peers = members.length >= PEERS_MIN ? members : tallies;
    for (const rule of BEHAVIOUR_RULES) flagOutliers(rule, { members, peers, wideFrom }, flags);
  }
  return flags;
}

function flagOutliers(
  rule: BehaviourRule,
  { members, peers, wideFrom }: { members: readonly Tally[]; peers: readonly Tally[]; wideFrom: number },
  flags: Map<string, BehaviourFlag[]>,
): void {
  const all = peers.flatMap((tally) => rule.measure(tally, wideFrom) ?? []);
  if (all.length < PEERS_MIN) return;
  const values = all.map(({ value }) => value);
  const middle = median(values);
  // What peers differ by is habit and chance; an agency of many queries is held against habit alone.
  const chance = median(all.map(({ uncertainty }) => uncertainty));
  const spread = Math.sqrt(Math.max(0, medianDeviation(values, middle) ** 2 - chance ** 2));
  for (const tally of members) {
    const measured = rule.measure(tally, wideFrom);
    if (!measured || measured.value - middle < rule.differenceMin) continue;
    const deviations = deviationsAbove(measured.value, middle, spread, measured.uncertainty);
    if (deviations < rule.deviationsMin) continue;
    const why = `${rule.why} ${rule.print(measured.value)}; the middle of its peers: ${rule.print(middle)}.`;
    flags.set(tally.agency, [...(flags.get(tally.agency) ?? []), { rule: rule.id, deviations, why }]);
  }
}
