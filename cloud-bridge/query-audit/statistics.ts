// Owns: the two distributions that the audit uses: how probable so many rare accidents are (Poisson), and how probable a
// count is among agencies whose habits differ (beta-binomial). Pure. Not here: what is counted (tally.ts).

/**
 * The probability of `count` or more events when `expected` are expected on average (Poisson); 1 for a count that is not above
 * what is expected, which is not suspicious.
 */
export function chanceOfAtLeast(count: number, expected: number): number {
  if (count <= expected) return 1;
  if (expected <= 0) return 0;
  // The tail as a series from its first term: above the expected count the terms only fall.
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

/** ln Γ(x) for x > 0, by Stirling's series above 8 (relative error below 1e-10). */
export function logGamma(x: number): number {
  let product = 1;
  let at = x;
  while (at < 8) {
    product *= at;
    at += 1;
  }
  const inverse = 1 / (at * at);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / at;
  return (at - 0.5) * Math.log(at) - at + 0.918_938_533_204_672_8 + series - Math.log(product);
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/**
 * ln P(`count` of `whole`) where the share has the beta distribution with this mean and precision (its two parameters' sum;
 * the larger, the closer shares lie to the mean), less the logarithm of the binomial coefficient, which cancels in ratios.
 */
export function logBetaBinomial(count: number, whole: number, mean: number, precision: number): number {
  const a = mean * precision;
  const b = precision - a;
  return logBeta(count + a, whole - count + b) - logBeta(a, b);
}

/** ln(e^one + e^other) without overflow. */
export function logSum(one: number, other: number): number {
  const most = Math.max(one, other);
  return most === Number.NEGATIVE_INFINITY ? most : most + Math.log(Math.exp(one - most) + Math.exp(other - most));
}
