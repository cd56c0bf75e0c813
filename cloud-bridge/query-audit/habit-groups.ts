// Groups of agencies with similar habits, fitted to an export; and the share of each kind of agency in each group. Pure and deterministic.
import {
  type CellShares,
  cellShares,
  type Draws,
  type Group,
  logit,
  logLikelihoods,
  NUMBERS,
  numbersOfDraw,
  type SearchCounts,
  STAFF_CLASSES,
  staffClass,
} from './drawn-agencies.ts';

export interface CountedAgency {
  counts: SearchCounts;
  searches: number;
  /** Position of its kind among all kinds. */
  kind: number;
}

/** Groups, and for each kind of agency its shares in the groups. */
export interface HabitGroups {
  groups: readonly Group[];
  byKind: readonly (readonly number[])[];
}

const GROUPS = 6;
const BITS = [8, 4, 2, 1] as const;
/** Start values: deviations of the six numbers, and means of the two that k-means does not find. */
const START_DEVIATIONS = [0.6, 0.6, 0.6, 0.5, 0.8, 0.5];
const START_HASTE = Math.log(0.03);
const START_DIFFERENCE = Math.log(0.5);
const MEANS_ROUNDS = 20;
/** Fewest searches of an agency in k-means, and in the fit. */
const SEARCHES_FOR_MEANS_MIN = 20;
const SEARCHES_MIN = 5;
/** Prior weights: of the average agency in the start, in searches; of all agencies in the shares of one kind, in agencies. */
const AVERAGE_SEARCHES = 4;
const AVERAGE_AGENCIES = 5;
/**
 * Weight of the pooled covariance in that of each group, in agencies: few exports are large enough to tell the groups' covariances apart.
 */
const POOLED_AGENCIES = 3_000;
const VARIANCE_MIN = 0.02;
/** The share of agencies that are like no group. The shares of their first three bits are nearly uniform: wide normal logits. */
const UNLIKE = 0.005;
const ANYWHERE = 3;
const ANYWHERE_DEVIATION = 1.7;
/** Upper limit on the weight of one agency, in searches: the draws are too few to match counts that are more exact. */
const FIT_SEARCHES_MAX = 150;
/** Two words, such as "County SO", are a kind of their own if at least this many agencies have them. */
const KIND_AGENCIES_MIN = 20;

/** For each name, the position of its agency's kind: its last word or, if many share them, its last two. */
export function agencyKindsOf(names: readonly string[]): number[] {
  const words = names.map((name) => {
    const [last = '', before = ''] = name
      .split(/\s+/)
      .filter((word) => /\p{L}/u.test(word))
      .reverse();
    // A word of two letters is the abbreviation of a state.
    return { last, both: before.length > 2 ? `${before} ${last}` : last };
  });
  const times = new Map<string, number>();
  for (const { both } of words) times.set(both, (times.get(both) ?? 0) + 1);
  const kinds = new Map<string, number>();
  return words.map(({ last, both }) => {
    const kind = (times.get(both) ?? 0) >= KIND_AGENCIES_MIN ? both : last;
    const known = kinds.get(kind) ?? kinds.size;
    kinds.set(kind, known);
    return known;
  });
}

/** Start groups: the centres that k-means finds among the logits of the four bits. */
export function firstGroups(agencies: readonly CountedAgency[]): HabitGroups {
  const searches = agencies.reduce((sum, agency) => sum + agency.searches, 0);
  const common = BITS.map((bit) => {
    const some = agencies.reduce((sum, { counts }) => sum + withBit(counts, bit), 0);
    return Math.min(0.99, Math.max(0.01, some / Math.max(1, searches)));
  });
  const points = agencies
    .filter((agency) => agency.searches >= SEARCHES_FOR_MEANS_MIN)
    .map(({ counts, searches: whole }) =>
      BITS.map((bit, at) =>
        logit((withBit(counts, bit) + AVERAGE_SEARCHES * (common[at] ?? 0.5)) / (whole + AVERAGE_SEARCHES)),
      ),
    );
  const centres = meansOf(points.length > 0 ? points : [common.map(logit)]);
  const root = START_DEVIATIONS.map((deviation, row) =>
    START_DEVIATIONS.map((_, column) => (row === column ? deviation : 0)),
  );
  const kinds = Math.max(0, ...agencies.map(({ kind }) => kind)) + 1;
  return {
    groups: centres.map((centre) => ({ mean: [...centre, START_HASTE, START_DIFFERENCE], root })),
    byKind: Array.from({ length: kinds }, () => centres.map(() => 1 / centres.length)),
  };
}

function withBit(counts: SearchCounts, bit: number): number {
  return counts.reduce((sum, count, cell) => sum + ((cell & bit) === bit ? count : 0), 0);
}

/** k-means; the start points are spread evenly over the ranking by the first three bits. */
function meansOf(points: readonly (readonly number[])[]): number[][] {
  const laxity = (point: readonly number[]) => point.slice(0, 3).reduce((sum, value) => sum + value, 0);
  const ranked = [...points].sort((one, other) => laxity(one) - laxity(other));
  let centres = Array.from({ length: GROUPS }, (_, group) => [
    ...(ranked[Math.floor(((group + 0.5) / GROUPS) * ranked.length)] ?? []),
  ]);
  const distance = (one: readonly number[], other: readonly number[]) =>
    one.reduce((sum, value, at) => sum + (value - (other[at] ?? 0)) ** 2, 0);
  for (let round = 0; round < MEANS_ROUNDS; round += 1) {
    const nearest = points.map((point) => {
      const distances = centres.map((centre) => distance(point, centre));
      return distances.indexOf(Math.min(...distances));
    });
    centres = centres.map((centre, group) => {
      const own = points.filter((_, at) => nearest[at] === group);
      if (own.length === 0) return centre;
      return centre.map((_, at) => own.reduce((sum, point) => sum + (point[at] ?? 0), 0) / own.length);
    });
  }
  return centres;
}

/** Adds one more group: a small share of each kind has habits like no other group's, anywhere between never and always. */
export function withUnlike({ groups, byKind }: HabitGroups): HabitGroups {
  const mean = groups[0]?.mean.map((_, at) =>
    at < ANYWHERE ? 0 : groups.reduce((sum, group) => sum + (group.mean[at] ?? 0), 0) / groups.length,
  );
  const root = groups[0]?.root.map((line, row) =>
    line.map((own, column) => {
      if (row !== column) return 0;
      return row < ANYWHERE ? ANYWHERE_DEVIATION : own;
    }),
  );
  return {
    groups: mean && root ? [...groups, { mean, root }] : groups,
    byKind: byKind.map((row) => [...row.map((share) => (1 - UNLIKE) * share), UNLIKE]),
  };
}

/** Drawn agencies by size class, where `agencies` has any of that class, then by group. */
export function cellSharesOfDraws(
  groups: readonly Group[],
  draws: Draws,
  agencies: readonly CountedAgency[],
): CellShares[][] {
  const staffs = new Set(agencies.map(({ searches }) => staffClass(searches)));
  return Array.from({ length: STAFF_CLASSES }, (_, staff) =>
    staffs.has(staff) ? groups.map((group) => cellShares(group, draws, staff)) : [],
  );
}

/** The scale that limits an agency's counts to `most` searches. */
export function scaleTo(most: number, searches: number): number {
  return Math.min(1, most / Math.max(1, searches));
}

/** Suspicion of an agency, in [0, 1]. `honest`: log likelihood of honest work; `inGroups`: the share of each group in it. */
export type Suspicion = (agency: CountedAgency, scale: number, honest: number, inGroups: readonly number[]) => number;

/**
 * One round of expectation maximisation: each agency weights the draws by the likelihood of its counts, and the groups take the moments of
 * the weighted draws. Suspects weigh less, so that misuse is not learned as a habit.
 */
export function fitRound(
  agencies: readonly CountedAgency[],
  { groups, byKind }: HabitGroups,
  draws: Draws,
  suspicionOf: Suspicion,
  shares: readonly (readonly CellShares[])[],
): HabitGroups {
  const logs = shares.map((ofStaff) => ofStaff.map((cells) => cells.map(Math.log)));
  const weights = groups.map(() => new Float64Array(draws.count));
  const likelihoods = groups.map(() => new Float64Array(draws.count));
  const members = byKind.map((row) => row.map(() => 0));
  for (const agency of agencies) {
    if (agency.searches < SEARCHES_MIN) continue;
    const scale = scaleTo(FIT_SEARCHES_MAX, agency.searches);
    const ofStaff = logs[staffClass(agency.searches)] ?? [];
    const most = likelihoods.reduce(
      (so, into, group) => Math.max(so, logLikelihoods(agency.counts, scale, ofStaff[group] ?? into, into)),
      Number.NEGATIVE_INFINITY,
    );
    const sums = likelihoods.map((into, group) => {
      const share = byKind[agency.kind]?.[group] ?? 0;
      let sum = 0;
      for (let draw = 0; draw < into.length; draw += 1) {
        const likelihood = share * Math.exp((into[draw] ?? 0) - most);
        into[draw] = likelihood;
        sum += likelihood;
      }
      return sum;
    });
    const whole = sums.reduce((sum, one) => sum + one, 0);
    const inGroups = sums.map((sum) => sum / whole);
    const suspicion = suspicionOf(agency, scale, most + Math.log(whole / draws.count), inGroups);
    const weight = (1 - suspicion) / whole;
    for (const [group, into] of likelihoods.entries()) {
      const sum = weights[group];
      if (sum)
        for (let draw = 0; draw < sum.length; draw += 1) sum[draw] = (sum[draw] ?? 0) + weight * (into[draw] ?? 0);
      const row = members[agency.kind];
      if (row) row[group] = (row[group] ?? 0) + (1 - suspicion) * (inGroups[group] ?? 0);
    }
  }
  return { groups: movedGroups(groups, draws, weights), byKind: sharesByKind(members) };
}

/** The shares of each kind in the groups, shrunk towards those of all agencies. */
function sharesByKind(members: readonly (readonly number[])[]): number[][] {
  const all = (members[0] ?? []).map((_, group) => members.reduce((sum, row) => sum + (row[group] ?? 0), 0));
  const sum = all.reduce((so, one) => so + one, 0) || 1;
  return members.map((row) => {
    const own = row.reduce((so, one) => so + one, 0);
    return row.map((one, group) => (one + (AVERAGE_AGENCIES * (all[group] ?? 0)) / sum) / (own + AVERAGE_AGENCIES));
  });
}

interface Moments {
  weight: number;
  mean: number[];
  covariance: number[][];
}

function movedGroups(groups: readonly Group[], draws: Draws, weights: readonly Float64Array[]): Group[] {
  const moments = groups.map((group, at) => momentsOf(group, draws, weights[at] ?? new Float64Array(draws.count)));
  const whole = moments.reduce((sum, { weight }) => sum + weight, 0);
  const pooled = (of: (one: Moments) => number) => moments.reduce((sum, one) => sum + one.weight * of(one), 0) / whole;
  const mixed = ({ weight }: Moments, own: number, all: number) =>
    (weight * own + POOLED_AGENCIES * all) / (weight + POOLED_AGENCIES);
  return moments.map((one) => ({
    // Haste and differences between officers show little in one group, and are pooled over all groups.
    mean: one.mean.map((own, at) =>
      at < BITS.length
        ? own
        : mixed(
            one,
            own,
            pooled(({ mean }) => mean[at] ?? 0),
          ),
    ),
    root: rootOf(
      one.covariance.map((line, row) =>
        line.map((own, column) => {
          const value = mixed(
            one,
            own,
            pooled(({ covariance }) => covariance[row]?.[column] ?? 0),
          );
          return row === column ? Math.max(VARIANCE_MIN, value) : value;
        }),
      ),
    ),
  }));
}

/** Mean and covariance of a group's weighted draws. */
function momentsOf(group: Group, draws: Draws, weights: Float64Array): Moments {
  const whole = weights.reduce((sum, weight) => sum + weight, 1e-9);
  const axes = Array.from({ length: NUMBERS }, (_, axis) => axis);
  const points = axes.map(() => new Float64Array(draws.count));
  for (let draw = 0; draw < draws.count; draw += 1) {
    const numbers = numbersOfDraw(group, draws, draw);
    for (const [axis, point] of points.entries()) point[draw] = numbers[axis] ?? 0;
  }
  const average = (of: (draw: number) => number) =>
    weights.reduce((sum, weight, draw) => sum + weight * of(draw), 0) / whole;
  const moved = points.map((point) => average((draw) => point[draw] ?? 0));
  const off = (row: number, draw: number) => (points[row]?.[draw] ?? 0) - (moved[row] ?? 0);
  return {
    weight: whole,
    mean: moved,
    covariance: axes.map((row) => axes.map((column) => average((draw) => off(row, draw) * off(column, draw)))),
  };
}

/** The Cholesky root of a matrix. */
function rootOf(matrix: readonly (readonly number[])[]): number[][] {
  const root = matrix.map((line) => line.map(() => 0));
  for (const [row, line] of root.entries()) {
    for (let column = 0; column <= row; column += 1) {
      const above = root[column] ?? [];
      let rest = matrix[row]?.[column] ?? 0;
      for (let before = 0; before < column; before += 1) rest -= (line[before] ?? 0) * (above[before] ?? 0);
      line[column] = row === column ? Math.sqrt(Math.max(1e-4, rest)) : rest / (above[column] ?? 1);
    }
  }
  return root;
}
