/**
 * The probability of `count` or more events when `expected` are expected on average (Poisson); 1 for a count that is not above `expected`.
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

/** ln(e^one + e^other) without overflow. */
export function logSum(one: number, other: number): number {
  const most = Math.max(one, other);
  return most === Number.NEGATIVE_INFINITY ? most : most + Math.log(Math.exp(one - most) + Math.exp(other - most));
}
