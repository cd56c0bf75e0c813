// Owns: statistics that a few outliers cannot move: median, median absolute deviation, a deviation that allows for small
// numbers, the tail of a Poisson distribution. Pure.

/** The middle of the values; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** Median absolute deviation, scaled to a normal distribution's standard deviation. */
export function medianDeviation(values: readonly number[], middle: number): number {
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)));
}

/** How far a value lies above its peers' middle, in deviations of the peers and of the value's own uncertainty together. */
export function deviationsAbove(value: number, middle: number, peers: number, own: number): number {
  const spread = Math.hypot(peers, own);
  return spread === 0 ? (value > middle ? Number.POSITIVE_INFINITY : 0) : (value - middle) / spread;
}

/**
 * The probability of `count` or more of what happens `expected` times on average (Poisson); 1 for any count that is not above
 * what is expected, which is no news.
 */
export function chanceOfAtLeast(count: number, expected: number): number {
  if (count <= expected) return 1;
  if (expected <= 0) return 0;
  // The tail as a series from its first term: above what is expected the terms only fall.
  let term = Math.exp(count * Math.log(expected) - expected - logFactorial(count));
  let sum = 0;
  for (let at = count; term > sum * 1e-12; at += 1) {
    sum += term;
    term *= expected / (at + 1);
  }
  return Math.min(1, sum);
}

function logFactorial(count: number): number {
  if (count < 20) {
    let sum = 0;
    for (let factor = 2; factor <= count; factor += 1) sum += Math.log(factor);
    return sum;
  }
  // Stirling's series.
  return count * Math.log(count) - count + Math.log(2 * Math.PI * count) / 2 + 1 / (12 * count);
}
