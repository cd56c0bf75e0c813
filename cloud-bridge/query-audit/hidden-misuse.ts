// Finds agencies that search in the pattern of hidden misuse more than their habits predict, with bounded false discoveries. Such a
// finding is a question for a person, not proof.

import { SeededRandom } from '@doorsill/base/random';
import {
  addCells,
  type BitShares,
  CELLS,
  type CellShares,
  type Draws,
  logistic,
  logit,
  logLikelihoods,
  makeDraws,
  meanLogLikelihood,
  normal,
  PATTERN_FROM,
  type SearchCounts,
  staffClass,
} from './drawn-agencies.ts';
import {
  agencyKindsOf,
  type CountedAgency,
  cellSharesOfDraws,
  firstGroups,
  fitRound,
  type HabitGroups,
  type Suspicion,
  scaleTo,
  withUnlike,
} from './habit-groups.ts';
import { logSum } from './statistics.ts';

export interface HiddenMisuse {
  /** Searches in the pattern; `predicted`: the number that its habits predict. */
  inPattern: number;
  predicted: number;
  /** The local false-discovery rate: the probability, in [0, 1], that this agency is honest all the same. */
  honestChance: number;
}

/** Honest habits cannot be estimated from fewer agencies with this many queries. */
const AGENCIES_MIN = 50;
const QUERIES_MIN = 10;
/** Fewer searches in the pattern are no reason to ask. */
const IN_PATTERN_MIN = 4;

/** Hidden misuse: its share of an agency's searches is in this span, and these are about the shares of its four bits. */
const MISUSE_SPAN = { from: 0.08, to: 0.88 };
/** The share of wordless searches is lower than that of the others because a prompt or a misspelling counts as words. */
const MISUSE_BITS: BitShares = [0.85, 0.74, 0.85, 0.5];
const MISUSE_DEVIATION = 0.1;
const MISUSE_BITS_SPAN = { least: 0.2, most: 0.98 };
/** Prior share of agencies that hide misuse, and the weight of that prior, in agencies. */
const MISUSE_PRIOR = 0.004;
const MISUSE_PRIOR_AGENCIES = 3_000;

/**
 * The share of honest agencies that look like misuse for reasons that the counts do not show. It cannot be estimated from an export; it
 * was set on training exports so that the bound on false discoveries holds.
 */
const LOOKALIKES = 0.0004;
/**
 * Upper limit on the weight of one agency, in searches: with more, small errors of the model of honest habits would look like proof. Set on
 * training exports.
 */
const SEARCHES_MAX = 60;

const FIT_ROUNDS = 10;
/** The rounds in which suspicions are updated. */
const SUSPICION_ROUNDS = new Set([2, 5, 8]);
/** A group with a smaller share in an agency's likelihood is left out when its suspicion is computed. */
const SUSPECT_IN_GROUP_MIN = 1e-3;
const FIT_DRAWS = 400;
const FIT_WAYS = 8;
/** All agencies are judged with few draws, then those with at least the log likelihood ratio `FINE_FROM` with many. */
const ROUGH_DRAWS = 300;
const FINE_DRAWS = 4_000;
const FINE_FROM = 1;
const WAYS_PER_DRAW = 2;
/** A group is left out for kinds of agency with a smaller share in it. */
const IN_GROUP_MIN = 1e-4;

/** A way of misuse: its share of the searches, and its shares of the cells. */
interface Way {
  share: number;
  cells: CellShares;
}

/**
 * The result for each agency, in the order of `all`; null for those with too few searches in the pattern. Null altogether if the export
 * has too few agencies. Two models are compared: honest agencies, drawn from groups of habits that are fitted to the export, and the same
 * with a share of misuse. (Efron, Large-Scale Inference, 2010, ch. 5: the two-groups model.)
 */
export function judgeHabits(all: readonly { name: string; counts: SearchCounts }[]): (HiddenMisuse | null)[] | null {
  const kinds = agencyKindsOf(all.map(({ name }) => name));
  const agencies = all.map(
    ({ counts }, at): CountedAgency => ({ counts, searches: sumOf(counts), kind: kinds[at] ?? 0 }),
  );
  if (agencies.filter(({ searches }) => searches >= QUERIES_MIN).length < AGENCIES_MIN) return null;
  // In an export without times misuse has no searches off hours either.
  const hasTimes = agencies.some(({ counts }) => counts.some((count, cell) => count > 0 && (cell & 1) === 1));
  const { habits: fitted, misuseShare } = fitHabits(agencies, hasTimes);
  const habits = withUnlike(fitted);
  const asked = agencies.filter((agency) => inPatternOf(agency) >= IN_PATTERN_MIN);
  const evidence = weigh(asked, habits, drawsFor(asked, ROUGH_DRAWS, 2), waysOf(ROUGH_DRAWS, hasTimes));
  const close = asked.filter((agency) => (evidence.get(agency)?.ratio ?? 0) >= FINE_FROM);
  for (const [agency, fine] of weigh(close, habits, drawsFor(close, FINE_DRAWS, 3), waysOf(FINE_DRAWS, hasTimes)))
    evidence.set(agency, fine);
  return agencies.map((agency) => {
    const one = evidence.get(agency);
    if (!one) return null;
    return {
      inPattern: inPatternOf(agency),
      predicted: one.predicted,
      honestChance: 1 - misuseChance(one.ratio, misuseShare),
    };
  });
}

/**
 * Positions in `judged` of the agencies to propose: as many as possible while on average at most the share `bound` of them is honest (Sun
 * and Cai, JASA 102, 2007).
 */
export function discoveries(judged: readonly (HiddenMisuse | null)[], bound: number): Set<number> {
  const ranked = judged
    .flatMap((one, at) =>
      one && one.inPattern >= IN_PATTERN_MIN && one.inPattern > one.predicted ? [{ at, honest: one.honestChance }] : [],
    )
    .sort((one, other) => one.honest - other.honest);
  const found = new Set<number>();
  let honest = 0;
  for (const one of ranked) {
    honest += one.honest;
    if (honest > bound * (found.size + 1)) break;
    found.add(one.at);
  }
  return found;
}

function sumOf(counts: SearchCounts): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function inPatternOf({ counts }: { counts: SearchCounts }): number {
  return sumOf(counts.slice(PATTERN_FROM));
}

/** Draws for the size classes of these agencies. */
function drawsFor(agencies: readonly CountedAgency[], count: number, seed: number): Draws {
  return makeDraws(count, seed, Math.max(-1, ...agencies.map(({ searches }) => staffClass(searches))));
}

/** The probability of misuse from the log likelihood ratio and the share of agencies that misuse. */
function misuseChance(ratio: number, misuseShare: number): number {
  return 1 / (1 + ((1 - misuseShare) / misuseShare) * (Math.exp(-ratio) + LOOKALIKES));
}

/** Ways of misuse, by increasing share. */
function waysOf(count: number, hasTimes: boolean): Way[] {
  const random = new SeededRandom(count);
  const bit = (share: number) => {
    const drawn = share + MISUSE_DEVIATION * normal(random);
    return Math.min(MISUSE_BITS_SPAN.most, Math.max(MISUSE_BITS_SPAN.least, drawn));
  };
  return Array.from({ length: count }, (_, at) => {
    const share = MISUSE_SPAN.from + ((MISUSE_SPAN.to - MISUSE_SPAN.from) * (at + 0.5)) / count;
    const cells = new Float64Array(CELLS);
    const [wide, wordless, noCase, offHours] = MISUSE_BITS;
    addCells(cells, 0, 1, [bit(wide), bit(wordless), bit(noCase), hasTimes ? bit(offHours) : 0]);
    return { share, cells };
  });
}

/** Logarithms of the shares of cells if some of the searches are misuse, made in the way of each draw. */
function withMisuse(shares: CellShares, wayOf: (draw: number) => Way | undefined): CellShares {
  const draws = shares.length / CELLS;
  const logs = new Float64Array(shares.length);
  for (let draw = 0; draw < draws; draw += 1) {
    const way = wayOf(draw);
    if (!way) continue;
    for (let cell = 0; cell < CELLS; cell += 1) {
      const at = cell * draws + draw;
      logs[at] = Math.log((1 - way.share) * (shares[at] ?? 0) + way.share * (way.cells[cell] ?? 0));
    }
  }
  return logs;
}

/** Groups of honest habits, fitted in rounds, and the share of agencies that misuse. */
function fitHabits(
  agencies: readonly CountedAgency[],
  hasTimes: boolean,
): { habits: HabitGroups; misuseShare: number } {
  const draws = drawsFor(agencies, FIT_DRAWS, 1);
  const ways = waysOf(FIT_WAYS, hasTimes);
  const suspicions = new Map<CountedAgency, number>();
  const keep: Suspicion = (agency) => suspicions.get(agency) ?? 0;
  let habits = firstGroups(agencies);
  let misuseShare = MISUSE_PRIOR;
  for (let round = 0; round < FIT_ROUNDS; round += 1) {
    const shares = cellSharesOfDraws(habits.groups, draws, agencies);
    if (!SUSPICION_ROUNDS.has(round)) {
      habits = fitRound(agencies, habits, draws, keep, shares);
      continue;
    }
    const chanceOf = suspecting(habits, shares, ways, misuseShare);
    const suspect: Suspicion = (agency, ...rest) => {
      const chance = chanceOf(agency, ...rest);
      suspicions.set(agency, chance);
      return chance;
    };
    habits = fitRound(agencies, habits, draws, suspect, shares);
    const suspected = [...suspicions.values()].reduce((sum, chance) => sum + chance, 0);
    misuseShare = (MISUSE_PRIOR * MISUSE_PRIOR_AGENCIES + suspected) / (MISUSE_PRIOR_AGENCIES + agencies.length);
  }
  return { habits, misuseShare };
}

/** The chance of misuse under these groups and drawn agencies. */
function suspecting(
  { byKind }: HabitGroups,
  shares: readonly (readonly CellShares[])[],
  ways: readonly Way[],
  misuseShare: number,
): Suspicion {
  const misused = shares.map((ofStaff) => ofStaff.map((cells) => ways.map((way) => withMisuse(cells, () => way))));
  const into = new Float64Array(FIT_DRAWS);
  return (agency, scale, honest, inGroups) => {
    if (inPatternOf(agency) < IN_PATTERN_MIN) return 0;
    let misuse = Number.NEGATIVE_INFINITY;
    for (const [group, ofGroup] of (misused[staffClass(agency.searches)] ?? []).entries()) {
      if ((inGroups[group] ?? 0) < SUSPECT_IN_GROUP_MIN) continue;
      const log = Math.log(byKind[agency.kind]?.[group] ?? 0) - Math.log(ways.length);
      for (const logs of ofGroup) misuse = logSum(misuse, log + meanLogLikelihood(agency.counts, scale, logs, into));
    }
    return logistic(logit(misuseShare) + misuse - honest);
  };
}

interface Evidence {
  /** The log likelihood ratio of misuse against honest work. */
  ratio: number;
  /** Number of searches in the pattern that the agency's other searches predict. */
  predicted: number;
}

function weigh(
  agencies: readonly CountedAgency[],
  { groups, byKind }: HabitGroups,
  draws: Draws,
  ways: readonly Way[],
): Map<CountedAgency, Evidence> {
  const sums = new Map(agencies.map((agency) => [agency, new Sums()]));
  const into = new Float64Array(draws.count);
  for (const [staff, ofStaff] of cellSharesOfDraws(groups, draws, agencies).entries()) {
    const own = agencies.filter(({ searches }) => staffClass(searches) === staff);
    for (const [group, shares] of own.length === 0 ? [] : ofStaff.entries()) {
      const logs = shares.map(Math.log);
      // The factor gives neighbouring draws different ways.
      const misused = Array.from({ length: WAYS_PER_DRAW }, (_, turn) =>
        withMisuse(shares, (draw) => ways[(draw * 61 + turn * Math.floor(ways.length / 2)) % ways.length]),
      );
      const odds = oddsOfPattern(shares);
      for (const agency of own) {
        const inGroup = byKind[agency.kind]?.[group] ?? 0;
        if (inGroup < IN_GROUP_MIN) continue;
        const scale = scaleTo(SEARCHES_MAX, agency.searches);
        const sum = sums.get(agency);
        sum?.add('honest', Math.log(inGroup) + meanLogLikelihood(agency.counts, scale, logs, into));
        for (const other of misused) {
          const log = meanLogLikelihood(agency.counts, scale, other, into) - Math.log(WAYS_PER_DRAW);
          sum?.add('misuse', Math.log(inGroup) + log);
        }
        sum?.addPrediction(inGroup, predictionOf(agency, scale, logs, odds, into));
      }
    }
  }
  return new Map(
    agencies.map((agency) => [
      agency,
      (sums.get(agency) ?? new Sums()).evidence(agency.searches - inPatternOf(agency)),
    ]),
  );
}

/** Likelihoods of one agency, summed over groups as logarithms. */
class Sums {
  private honest = Number.NEGATIVE_INFINITY;
  private misuse = Number.NEGATIVE_INFINITY;
  private others = Number.NEGATIVE_INFINITY;
  private predicted = Number.NEGATIVE_INFINITY;

  add(which: 'honest' | 'misuse', log: number): void {
    this[which] = logSum(this[which], log);
  }

  addPrediction(inGroup: number, { likelihood, odds }: { likelihood: number; odds: number }): void {
    this.others = logSum(this.others, Math.log(inGroup) + likelihood);
    this.predicted = logSum(this.predicted, Math.log(inGroup) + likelihood + Math.log(odds));
  }

  evidence(others: number): Evidence {
    return { ratio: this.misuse - this.honest, predicted: others * Math.exp(this.predicted - this.others) };
  }
}

/** For each draw, the odds of a search in the pattern. */
function oddsOfPattern(shares: CellShares): Float64Array {
  const draws = shares.length / CELLS;
  return new Float64Array(draws).map((_, draw) => {
    const share = (shares[PATTERN_FROM * draws + draw] ?? 0) + (shares[(CELLS - 1) * draws + draw] ?? 0);
    return share / (1 - share);
  });
}

/**
 * The odds of a search in the pattern, predicted from the agency's other searches, and the mean log likelihood of these in a group. So
 * misuse, which is in the pattern, hardly affects the habits that it is compared with.
 */
function predictionOf(
  { counts }: CountedAgency,
  scale: number,
  logs: CellShares,
  odds: Float64Array,
  into: Float64Array,
): { likelihood: number; odds: number } {
  const rest = counts.map((count, cell) => (cell < PATTERN_FROM ? count : 0));
  const others = sumOf(rest) * scale;
  logLikelihoods(rest, scale, logs, into);
  // Given that a search is not in the pattern, its likelihood grows by the factor 1 + odds.
  let most = Number.NEGATIVE_INFINITY;
  for (let draw = 0; draw < into.length; draw += 1) {
    into[draw] = (into[draw] ?? 0) + others * Math.log(1 + (odds[draw] ?? 0));
    most = Math.max(most, into[draw] ?? 0);
  }
  let [sum, weighed] = [0, 0];
  for (let draw = 0; draw < into.length; draw += 1) {
    const likelihood = Math.exp((into[draw] ?? 0) - most);
    sum += likelihood;
    weighed += likelihood * (odds[draw] ?? 0);
  }
  return { likelihood: most + Math.log(sum / into.length), odds: weighed / sum };
}
