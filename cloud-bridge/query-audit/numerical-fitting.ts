// Owns: the two numerical methods used for fitting: weighted logistic regression, and Nelder and Mead's search for a minimum.
// Pure and deterministic. Not here: what is fitted (hidden-misuse.ts).

export const logit = (share: number) => Math.log(share / (1 - share));
export const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/** The linear predictor is clamped to this range, so that no share becomes 0 or 1. */
const PREDICTOR_SPAN = { least: -12, most: 6 };
const REGRESSION_ROUNDS = 15;
const RIDGE = 0.01;

/** The share predicted by coefficients and features. */
export function predicted(coefficients: readonly number[], features: readonly number[]): number {
  let sum = 0;
  for (const [at, value] of features.entries()) sum += value * (coefficients[at] ?? 0);
  return logistic(Math.min(PREDICTOR_SPAN.most, Math.max(PREDICTOR_SPAN.least, sum)));
}

/** One agency in the regression: `count` of `whole`, and its weight, in equivalents of independent searches. */
export interface Case {
  features: readonly number[];
  count: number;
  whole: number;
  weight: number;
}

/** Coefficients of a logistic regression, by iteratively reweighted least squares from `start`. */
export function logisticRegression(cases: readonly Case[], start: readonly number[]): number[] {
  const size = start.length;
  let coefficients = [...start];
  for (let round = 0; round < REGRESSION_ROUNDS; round += 1) {
    const left = Array.from({ length: size }, (_, row) =>
      Array.from({ length: size }, (_column, column): number => (row === column ? RIDGE : 0)),
    );
    const right = new Array<number>(size).fill(0);
    for (const { features, count, whole, weight } of cases) {
      if (whole === 0) continue;
      const mean = predicted(coefficients, features);
      const slope = mean * (1 - mean);
      const target = logit(mean) + (count / whole - mean) / slope;
      for (const [row, value] of features.entries()) {
        const scaled = weight * slope * value;
        right[row] = (right[row] ?? 0) + scaled * target;
        const line = left[row];
        if (line)
          for (let column = 0; column < size; column += 1)
            line[column] = (line[column] ?? 0) + scaled * (features[column] ?? 0);
      }
    }
    const next = solved(left, right);
    const change = Math.max(...next.map((value, at) => Math.abs(value - (coefficients[at] ?? 0))));
    coefficients = next;
    if (change < 1e-6) break;
  }
  return coefficients;
}

/** Solves a symmetric positive definite system by Gaussian elimination. */
function solved(left: number[][], right: readonly number[]): number[] {
  const rows = left.map((line, at) => [...line, right[at] ?? 0]);
  const size = rows.length;
  for (const [pivot, line] of rows.entries()) {
    for (const below of rows.slice(pivot + 1)) {
      const factor = (below[pivot] ?? 0) / (line[pivot] ?? 1);
      for (let column = pivot; column <= size; column += 1)
        below[column] = (below[column] ?? 0) - factor * (line[column] ?? 0);
    }
  }
  const found = new Array<number>(size).fill(0);
  for (let at = size - 1; at >= 0; at -= 1) {
    const line = rows[at] ?? [];
    let rest = line[size] ?? 0;
    for (let column = at + 1; column < size; column += 1) rest -= (line[column] ?? 0) * (found[column] ?? 0);
    found[at] = rest / (line[at] ?? 1);
  }
  return found;
}

/**
 * The minimum of `cost` near `start`, by Nelder and Mead's simplex (The Computer Journal 7, 1965) with the usual
 * coefficients; `steps` are the first simplex's edges. Stops when the simplex is flat or after `costsMax` evaluations.
 */
export function minimise(
  cost: (point: readonly number[]) => number,
  start: readonly number[],
  steps: readonly number[],
  costsMax: number,
): number[] {
  const at = (point: readonly number[]) => ({ point, cost: cost(point) });
  const corners = [
    start,
    ...steps.map((step, axis) => start.map((value, own) => value + (own === axis ? step : 0))),
  ].map(at);
  let costs = corners.length;
  const rank = () => corners.sort((one, other) => one.cost - other.cost);
  for (rank(); costs < costsMax; rank()) {
    const [best, worst, second] = [corners[0], corners.at(-1), corners.at(-2)];
    if (!best || !worst || !second || worst.cost - best.cost < 1e-5) break;
    const middle = start.map(
      (_, axis) => corners.slice(0, -1).reduce((sum, { point }) => sum + (point[axis] ?? 0), 0) / (corners.length - 1),
    );
    const along = (by: number) => at(middle.map((value, axis) => value + by * ((worst.point[axis] ?? 0) - value)));
    costs += 2;
    const mirrored = along(-1);
    if (mirrored.cost < best.cost) {
      const further = along(-2);
      corners[corners.length - 1] = further.cost < mirrored.cost ? further : mirrored;
    } else if (mirrored.cost < second.cost) {
      corners[corners.length - 1] = mirrored;
    } else {
      const inner = along(mirrored.cost < worst.cost ? -0.5 : 0.5);
      if (inner.cost < Math.min(mirrored.cost, worst.cost)) corners[corners.length - 1] = inner;
      else {
        costs += corners.length;
        for (const [corner, { point }] of corners.entries()) {
          if (corner > 0) corners[corner] = at(point.map((value, axis) => ((best.point[axis] ?? 0) + value) / 2));
        }
      }
    }
  }
  return [...(corners[0]?.point ?? start)];
}
