// The statistical model by which hidden-misuse.ts judges whether an agency's searches fit honest habits. It draws random agencies from a
// group with similar habits (Monte Carlo), and computes how likely an agency's counts of searches are over all these draws. Pure and
// deterministic.
import { type Random, SeededRandom } from '@doorsill/base/random';

/**
 * An agency's searches, counted in sixteen cells. Four bits of a search make the number of its cell: 8 is set if it is wide (it searches
 * many networks), 4 if it is wordless (it gives no meaningful reason), 2 if it has no case number, 1 if it was made off hours. A search
 * with the first three bits is in the pattern of hidden misuse.
 */
export type SearchCounts = readonly number[];
export const CELLS = 16;
/** The first of the two cells of the pattern; the other is the last cell. */
export const PATTERN_FROM = 14;

/**
 * An agency's habits are six numbers: the logits of the four bits, the logarithm of the share of searches made in haste, and the logarithm
 * of its `difference`: how much its officers differ.
 */
export const NUMBERS = 6;
const HASTE = 4;
const DIFFERENCE = 5;

/** A group of agencies: their six numbers are normally distributed, with this mean and this Cholesky root of the covariance. */
export interface Group {
  mean: readonly number[];
  root: readonly (readonly number[])[];
}

/** Shares of the four bits: wide, wordless, without a case, off hours. */
export type BitShares = readonly [number, number, number, number];

/** Of the searches made in haste, this share is wide, wordless and without a case, each; it is the same for all officers. */
const HASTE_SHARE = 0.6;
/** Upper limits of the share of searches made in haste, and of the logarithm of the difference. */
const HASTE_MAX = 0.4;
const DIFFERENCE_MAX = 1.2;
/**
 * An officer's carelessness shifts the four logits by this much, all together; besides, each logit has a random shift of its own, with this
 * deviation. Both are scaled by the agency's difference.
 */
const CARELESS_MOVES: BitShares = [0.6, 0.6, 0.6, 0.2];
const OWN_MOVE = 0.5;
/** Size classes of agencies by searches, each with its number of officers. */
const STAFFS: readonly { upTo: number; officers: number }[] = [
  { upTo: 22, officers: 3 },
  { upTo: 45, officers: 4 },
  { upTo: 90, officers: 7 },
  { upTo: 200, officers: 12 },
  { upTo: Number.POSITIVE_INFINITY, officers: 28 },
];
export const STAFF_CLASSES = STAFFS.length;
/** This share of each draw is uniform over the cells, so that no search is impossible. */
const SURPRISE = 0.001;

/** The size class of an agency with this number of searches. */
export function staffClass(searches: number): number {
  return STAFFS.findIndex(({ upTo }) => searches <= upTo);
}

interface Officer {
  weight: number;
  moves: BitShares;
}

/** Random numbers for `count` drawn agencies; all groups use the same ones. */
export interface Draws {
  count: number;
  /** Six standard normal numbers of each draw, one draw after the other. */
  normals: Float64Array;
  /** By size class, then by draw. */
  officers: readonly (readonly (readonly Officer[])[])[];
}

/** `staffMost`: the largest size class that is needed. */
export function makeDraws(count: number, seed: number, staffMost: number = STAFF_CLASSES - 1): Draws {
  const random = new SeededRandom(seed);
  const normals = new Float64Array(count * NUMBERS);
  // Evenly spread points in six dimensions (Roberts' sequence), made normal in pairs (Box-Muller).
  let ratio = 1.1;
  for (let round = 0; round < 40; round += 1) ratio = (1 + ratio) ** (1 / (NUMBERS + 1));
  const even = (draw: number, axis: number) => (0.5 + (draw + 1) * ratio ** -(axis + 1)) % 1;
  for (let draw = 0; draw < count; draw += 1) {
    for (let axis = 0; axis < NUMBERS; axis += 2) {
      const length = Math.sqrt(-2 * Math.log(1 - even(draw, axis)));
      const angle = 2 * Math.PI * even(draw, axis + 1);
      normals[draw * NUMBERS + axis] = length * Math.cos(angle);
      normals[draw * NUMBERS + axis + 1] = length * Math.sin(angle);
    }
  }
  const officers = STAFFS.slice(0, staffMost + 1).map((staff) =>
    Array.from({ length: count }, () => drawOfficers(random, staff.officers)),
  );
  return { count, normals, officers };
}

function drawOfficers(random: Random, count: number): Officer[] {
  const weights = Array.from({ length: count }, () => -Math.log(1 - random.fraction()));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => {
    const careless = normal(random);
    const move = (by: number) => by * careless + OWN_MOVE * normal(random);
    const [wide, wordless, noCase, offHours] = CARELESS_MOVES;
    return { weight: weight / whole, moves: [move(wide), move(wordless), move(noCase), move(offHours)] };
  });
}

/** A standard normal number (Box-Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
}

/** Shares of the cells in drawn agencies: the first cell in all draws, then the second, and so on. */
export type CellShares = Float64Array;

/** The six numbers of one drawn agency of a group. */
export function numbersOfDraw({ mean, root }: Group, { normals }: Draws, draw: number): number[] {
  return mean.map((value, row) => {
    let sum = value;
    for (let column = 0; column <= row; column += 1)
      sum += (root[row]?.[column] ?? 0) * (normals[draw * NUMBERS + column] ?? 0);
    return sum;
  });
}

/** Shares of the cells in agencies drawn from a group; each has as many officers as agencies of size class `staff`. */
export function cellShares(group: Group, draws: Draws, staff: number): CellShares {
  const { count, officers } = draws;
  const shares = new Float64Array(CELLS * count).fill(SURPRISE / CELLS);
  for (let draw = 0; draw < count; draw += 1) {
    const numbers = numbersOfDraw(group, draws, draw);
    const bit = (at: number, by: number) => logistic((numbers[at] ?? 0) + by);
    const haste = Math.min(HASTE_MAX, Math.exp(numbers[HASTE] ?? 0));
    const difference = Math.exp(Math.min(DIFFERENCE_MAX, numbers[DIFFERENCE] ?? 0));
    addCells(shares, draw, (1 - SURPRISE) * haste, [HASTE_SHARE, HASTE_SHARE, HASTE_SHARE, bit(3, 0)]);
    for (const { weight, moves } of officers[staff]?.[draw] ?? []) {
      addCells(shares, draw, (1 - SURPRISE) * (1 - haste) * weight, [
        bit(0, difference * moves[0]),
        bit(1, difference * moves[1]),
        bit(2, difference * moves[2]),
        bit(3, difference * moves[3]),
      ]);
    }
  }
  return shares;
}

/** Adds `weight` of searches with these shares of the bits, independent of each other, to one draw. */
export function addCells(shares: CellShares, draw: number, weight: number, bits: BitShares): void {
  const count = shares.length / CELLS;
  const [wide, wordless, noCase, offHours] = bits;
  for (let high = 0; high < CELLS / 2; high += 1) {
    const some =
      weight * (high & 4 ? wide : 1 - wide) * (high & 2 ? wordless : 1 - wordless) * (high & 1 ? noCase : 1 - noCase);
    const at = 2 * high * count + draw;
    shares[at] = (shares[at] ?? 0) + some * (1 - offHours);
    shares[at + count] = (shares[at + count] ?? 0) + some * offHours;
  }
}

/**
 * Writes into `into`, for each draw, the log likelihood of an agency's counts times `scale`; returns the largest. `logs`: the logarithms of
 * the cells' shares.
 */
export function logLikelihoods(counts: SearchCounts, scale: number, logs: CellShares, into: Float64Array): number {
  const draws = into.length;
  const times: number[] = [];
  const from: number[] = [];
  for (let cell = 0; cell < counts.length; cell += 1) {
    if (counts[cell] === 0) continue;
    times.push((counts[cell] ?? 0) * scale);
    from.push(cell * draws);
  }
  // Eight cells at a time, added in the same order: the same sums, with few memory accesses. Cells that are missing count nothing.
  let most = Number.NEGATIVE_INFINITY;
  for (let at = 0; at === 0 || at < times.length; at += 8) {
    const [t0 = 0, t1 = 0, t2 = 0, t3 = 0] = times.slice(at, at + 4);
    const [t4 = 0, t5 = 0, t6 = 0, t7 = 0] = times.slice(at + 4, at + 8);
    const [f0 = 0, f1 = 0, f2 = 0, f3 = 0] = from.slice(at, at + 4);
    const [f4 = 0, f5 = 0, f6 = 0, f7 = 0] = from.slice(at + 4, at + 8);
    most = Number.NEGATIVE_INFINITY;
    for (let draw = 0; draw < draws; draw += 1) {
      let sum = at === 0 ? 0 : (into[draw] ?? 0);
      sum += t0 * (logs[f0 + draw] ?? 0);
      sum += t1 * (logs[f1 + draw] ?? 0);
      sum += t2 * (logs[f2 + draw] ?? 0);
      sum += t3 * (logs[f3 + draw] ?? 0);
      sum += t4 * (logs[f4 + draw] ?? 0);
      sum += t5 * (logs[f5 + draw] ?? 0);
      sum += t6 * (logs[f6 + draw] ?? 0);
      sum += t7 * (logs[f7 + draw] ?? 0);
      into[draw] = sum;
      if (sum > most) most = sum;
    }
  }
  return most;
}

/** The logarithm of the mean likelihood of an agency's counts over all draws. */
export function meanLogLikelihood(counts: SearchCounts, scale: number, logs: CellShares, into: Float64Array): number {
  const most = logLikelihoods(counts, scale, logs, into);
  let sum = 0;
  for (let draw = 0; draw < into.length; draw += 1) sum += Math.exp((into[draw] ?? 0) - most);
  return most + Math.log(sum / into.length);
}

export const logit = (share: number) => Math.log(share / (1 - share));
export const logistic = (x: number) => 1 / (1 + Math.exp(-x));
