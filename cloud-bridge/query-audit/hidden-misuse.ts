// Owns: finding agencies that search in the pattern of hidden misuse more than their habits predict, with bounded false discoveries.
// Such a finding is a question for a person, not proof. Not here: habits of one agency (agency-habits.ts), words (word-rules.ts).

import { commonShares, type Habits, habitsOf, type PatternCounts } from './agency-habits.ts';
import { type Case, logistic, logisticRegression, minimise, predicted } from './numerical-fitting.ts';
import { logBetaBinomial, logSum } from './statistics.ts';

/** The result for one agency. */
export interface HiddenMisuse {
  /** Searches in the pattern, and the number that its habits predict. */
  inPattern: number;
  predicted: number;
  /** The local false-discovery rate: the probability, in [0, 1], that this agency is honest all the same. */
  honestChance: number;
}

/** With fewer agencies that have enough searches, honest habits cannot be estimated. */
const AGENCIES_MIN = 50;
const QUERIES_MIN = 10;
/** With fewer searches in the pattern there is no reason to ask anybody. */
const IN_PATTERN_MIN = 4;

/** Possible shares of hidden misuse among an agency's searches, all equally likely, and the share of it that shows the pattern. */
const MISUSE_SHARES = [0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.4, 0.5, 0.62, 0.75, 0.88];
const MISUSE_IN_PATTERN = 0.65;
const MISUSE_PRECISION = 30;

/**
 * The share of honest agencies that look like misuse for reasons that no count shows, such as one careless officer in a small
 * office. It cannot be estimated from an export; it was set on training exports so that the bound on false discoveries holds.
 */
const LOOKALIKES = 0.0005;

/** Rounds in which the fit and the suspicion converge; suspected agencies are taken out of the fit. */
const ROUNDS = 4;
const COSTS_MAX = 260;

/**
 * Parameters of honest agencies' spread around what habits predict, six numbers: the logarithm of the precision of most, its slopes
 * over the logarithm of the number of searches and over the predicted logit; the logit of the share of agencies that spread
 * more, the logarithm of their precision over that of most; the logit of the share that misuses. These are the prior values;
 * they and the width allowed around them are rough: a large export overrules them.
 */
const SPREAD_PRIOR = [4.5, 0.5, -0.4, -1.5, -1.4, -5.5];
const SPREAD_PRIOR_DEVIATION = [1.5, 0.5, 0.3, 1.5, 0.7, 0.7];
const SPREAD_STEPS = [0.5, 0.2, 0.1, 0.7, 0.3, 0.4];

interface Agency extends Habits {
  whole: number;
  /** The mean share of searches in the pattern that habits predict. */
  mean: number;
  /** The log likelihood of its count under misuse. */
  misusing: number;
}

/**
 * The result for each agency, in the order of `all`; null where there is none, and for all agencies if the export has too few
 * of them. Two groups are fitted: honest agencies, whose count in the pattern is a beta-binomial around
 * what a logistic regression on their habits predicts, some with more spread than most; and misusing ones, with higher
 * counts. (Efron, Large-Scale Inference, 2010, ch. 5: the two-groups model.)
 */
export function judgeHabits(all: readonly PatternCounts[]): (HiddenMisuse | null)[] {
  const enough = all.filter((counts) => sumOf(counts) >= QUERIES_MIN).length;
  if (enough < AGENCIES_MIN) return all.map(() => null);
  const common = commonShares(all);
  const agencies = all.map(
    (counts): Agency => ({ ...habitsOf(counts, common), whole: sumOf(counts), mean: 0, misusing: 0 }),
  );
  let coefficients = [-2.4, 0.5, 0.25, 0.25, 0.25, 0.2, 0.5, 0.4];
  let spread = SPREAD_PRIOR;
  let misuse = agencies.map(() => 0);
  for (let round = 0; round < ROUNDS; round += 1) {
    coefficients = logisticRegression(
      agencies.map((agency, at) => caseOf(agency, spread, misuse[at] ?? 0)),
      coefficients,
    );
    for (const agency of agencies) predict(agency, coefficients);
    spread = fittedSpread(agencies, spread);
    misuse = agencies.map((agency) => misuseChance(agency, spread));
  }
  return agencies.map(({ inPattern, others, mean }, at) => ({
    inPattern,
    predicted: (others * mean) / (1 - mean),
    honestChance: 1 - (misuse[at] ?? 0),
  }));
}

/**
 * Which agencies are proposed: as many as possible while on average at most the share `bound` of them is honest (Sun and Cai, JASA 102,
 * 2007). Returns positions in `judged`.
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

function sumOf(counts: PatternCounts): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The precision of most honest agencies that resemble this one. */
function precisionOf({ others, independent }: Agency, spread: readonly number[]): number {
  const [level = 0, bySize = 0, byLogit = 0] = spread;
  const log = level + bySize * (Math.log(others + 3) - 4) + byLogit * independent;
  return Math.exp(Math.min(9, Math.max(-2, log)));
}

/** An agency in the regression: searches of one agency are correlated, so many of them weigh less; suspects weigh less, too. */
function caseOf(agency: Agency, spread: readonly number[], misuse: number): Case {
  const { features, inPattern, whole } = agency;
  const likeness = 1 / (1 + precisionOf(agency, spread));
  return { features, count: inPattern, whole, weight: ((1 - misuse) * whole) / (1 + (whole - 1) * likeness) };
}

function predict(agency: Agency, coefficients: readonly number[]): void {
  agency.mean = predicted(coefficients, agency.features);
  const { inPattern, whole, mean } = agency;
  agency.misusing = MISUSE_SHARES.map((share) => mean + (1 - mean) * share * MISUSE_IN_PATTERN)
    .map((mean_) => logBetaBinomial(inPattern, whole, mean_, MISUSE_PRECISION) - Math.log(MISUSE_SHARES.length))
    .reduce(logSum, Number.NEGATIVE_INFINITY);
}

/** The log likelihood of an agency's count if it is honest. */
function honestLikelihood(agency: Agency, spread: readonly number[]): number {
  const { inPattern, whole, mean } = agency;
  const precision = precisionOf(agency, spread);
  const loose = logistic(spread[3] ?? 0);
  const byHabit = logSum(
    Math.log(1 - loose) + logBetaBinomial(inPattern, whole, mean, precision),
    Math.log(loose) + logBetaBinomial(inPattern, whole, mean, precision * Math.exp(Math.min(0, spread[4] ?? 0))),
  );
  return logSum(Math.log(1 - LOOKALIKES) + byHabit, Math.log(LOOKALIKES) + agency.misusing);
}

function fittedSpread(agencies: readonly Agency[], start: readonly number[]): number[] {
  const cost = (spread: readonly number[]) => {
    const share = logistic(spread[5] ?? 0);
    let sum = 0;
    for (const agency of agencies) {
      sum -= logSum(Math.log(1 - share) + honestLikelihood(agency, spread), Math.log(share) + agency.misusing);
    }
    for (const [at, value] of spread.entries()) {
      sum += ((value - (SPREAD_PRIOR[at] ?? 0)) / (SPREAD_PRIOR_DEVIATION[at] ?? 1)) ** 2 / 2;
    }
    return sum;
  };
  return minimise(cost, start, SPREAD_STEPS, COSTS_MAX);
}

/** The probability that an agency misuses. */
function misuseChance(agency: Agency, spread: readonly number[]): number {
  return logistic((spread[5] ?? 0) + agency.misusing - honestLikelihood(agency, spread));
}
