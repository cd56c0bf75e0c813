// Owns: the pattern of hidden misuse, and what an agency's other searches tell about how often its honest work shows it by habit.
// Not here: how habits and the pattern relate over all agencies, and who is proposed (hidden-misuse.ts).
import { logit } from './numerical-fitting.ts';

/**
 * An agency's searches by three bits, eight counts: 4 is set if the search is wide, 2 if its words say nothing, 1 if it
 * has no case. A search with all three, PATTERN, is what hidden misuse looks like; some honest work looks the same.
 */
export type PatternCounts = readonly number[];
export const PATTERN = 7;
const BITS = [4, 2, 1] as const;
type Triple = [number, number, number];

/** Weight of the average agency's habits, in searches, for agencies with few searches of their own. */
const PRIOR_SEARCHES = 4;
const PRIOR_PAIRS = 2;
const ROUNDS = 60;
/** Upper limit on the searches in the pattern that habit explains, as a multiple of the other searches. */
const HABIT_MAX = 20;
/** The usual odds of the pattern, e^-3: features are 0 at that value. */
const USUAL_LOGIT = -3;

/** What is known of one agency's habits from its searches outside the pattern. */
export interface Habits {
  /** Searches in the pattern, and all others. */
  inPattern: number;
  others: number;
  /** Input of the regression; see `habitsOf`. */
  features: readonly number[];
  /** The logit of the pattern's share, were the three bits independent in each agency, plus 3. */
  independent: number;
}

/** Shares of the three bits over all agencies, clamped away from 0 and 1. */
export function commonShares(all: readonly PatternCounts[]): Triple {
  const sums = all.reduce<number[]>(
    (sum, counts) => sum.map((value, at) => value + (counts[at] ?? 0)),
    new Array<number>(8).fill(0),
  );
  const whole = Math.max(
    1,
    sums.reduce((sum, count) => sum + count, 0),
  );
  return triple((bit) => Math.min(0.99, Math.max(0.01, withBits(sums, bit) / whole)));
}

/**
 * An agency's habits. The shares of the three bits are the most likely ones for its searches outside the pattern if
 * the bits are independent (by expectation maximisation: searches in the pattern count as far as those shares predict
 * them). So misuse, which is in the pattern, hardly affects the habits that it is compared with. The features are 1, the
 * pattern's logit under independence, the three shares' logits, and how much more often two bits came together outside the
 * pattern than under independence.
 */
export function habitsOf(counts: PatternCounts, common: Triple): Habits {
  const inPattern = counts[PATTERN] ?? 0;
  const rest = counts.map((count, cell) => (cell === PATTERN ? 0 : count));
  const others = rest.reduce((sum, count) => sum + count, 0);
  const seen = triple((bit) => withBits(rest, bit));
  let byHabit = 0;
  let shares = common;
  for (let round = 0; round < ROUNDS; round += 1) {
    const whole = others + byHabit + PRIOR_SEARCHES;
    shares = triple((_bit, at) => (seen[at] + byHabit + PRIOR_SEARCHES * common[at]) / whole);
    const joint = shares[0] * shares[1] * shares[2];
    const next = Math.min((others * joint) / (1 - joint), HABIT_MAX * (others + 1));
    const isSettled = Math.abs(next - byHabit) < 1e-6 * (1 + next);
    byHabit = next;
    if (isSettled) break;
  }
  const joint = shares[0] * shares[1] * shares[2];
  const together = triple((bit, at) => {
    const [one, other] = shares.filter((_, which) => which !== at);
    const expected = (others * (one ?? 0) * (other ?? 0) * (1 - shares[at])) / (1 - joint);
    return Math.log(((rest[PATTERN - bit] ?? 0) + PRIOR_PAIRS) / (expected + PRIOR_PAIRS));
  });
  const independent = logit(joint) - USUAL_LOGIT;
  return { inPattern, others, independent, features: [1, independent, ...shares.map(logit), ...together] };
}

function triple(of: (bit: number, at: 0 | 1 | 2) => number): Triple {
  return [of(BITS[0], 0), of(BITS[1], 1), of(BITS[2], 2)];
}

function withBits(counts: PatternCounts, bits: number): number {
  return counts.reduce((sum, count, cell) => sum + ((cell & bits) === bits ? count : 0), 0);
}
