// Owns: the beta-binomial distribution: counts whose share differs from case to case more than chance alone explains.
// Not here: what is counted (pattern.ts), fitting it to agencies (honest-habits.ts).

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
