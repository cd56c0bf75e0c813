// Holds: the statistics behind the audit of habits: reference values, fits that find what was put in, a bound that is kept.
import { describe, expect, it } from 'vitest';
import { commonShares, habitsOf, PATTERN } from '../../../cloud-bridge/query-audit/agency-habits.ts';
import { discoveries, judgeHabits } from '../../../cloud-bridge/query-audit/hidden-misuse.ts';
import { logisticRegression, minimise } from '../../../cloud-bridge/query-audit/numerical-fitting.ts';
import { logBetaBinomial, logGamma, logSum } from '../../../cloud-bridge/query-audit/statistics.ts';
import { SeededRandom } from '../../../device/base/random.ts';

it.each([
  [0.5, 0.572_364_942_9],
  [1, 0],
  [10, 12.801_827_480_1],
  [1_234.5, 7_550.550_901_1],
])('knows the logarithm of the gamma function at %f', (x, value) => {
  expect(logGamma(x)).toBeCloseTo(value, 6);
});

it('knows the beta-binomial distribution: its sum is 1, and it spreads more than the binomial', () => {
  const choose = (whole: number, count: number) =>
    logGamma(whole + 1) - logGamma(count + 1) - logGamma(whole - count + 1);
  const chances = Array.from({ length: 21 }, (_, count) =>
    Math.exp(choose(20, count) + logBetaBinomial(count, 20, 0.2, 8)),
  );
  expect(chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9);
  const mean = chances.reduce((sum, chance, count) => sum + chance * count, 0);
  expect(mean).toBeCloseTo(4, 9);
  // n p (1 - p) (a + b + n) / (a + b + 1)
  expect(chances.reduce((sum, chance, count) => sum + chance * (count - mean) ** 2, 0)).toBeCloseTo((3.2 * 28) / 9, 9);
  expect(logSum(Number.NEGATIVE_INFINITY, Math.log(3))).toBeCloseTo(Math.log(3), 12);
});

it('finds the coefficients from which shares were made', () => {
  const share = (x: number) => 1 / (1 + Math.exp(2 - 1.5 * x));
  const cases = Array.from({ length: 50 }, (_, at) => at / 25).map((x) => ({
    features: [1, x],
    count: 10_000 * share(x),
    whole: 10_000,
    weight: 10_000,
  }));
  const [level, slope] = logisticRegression(cases, [0, 0]);
  expect(level).toBeCloseTo(-2, 4);
  expect(slope).toBeCloseTo(1.5, 4);
});

it('finds the bottom of a curved valley (Rosenbrock)', () => {
  const [x, y] = minimise(([a = 0, b = 0]) => (1 - a) ** 2 + 100 * (b - a * a) ** 2, [-1.2, 1], [0.5, 0.5], 2_000);
  expect(x).toBeCloseTo(1, 1);
  expect(y).toBeCloseTo(1, 1);
});

it('predicts the pattern from the other searches alone, where the three bits are independent', () => {
  const shares = [0.3, 0.4, 0.5];
  const counts = Array.from({ length: 8 }, (_, cell) =>
    shares.reduce((sum, share, at) => sum * ((cell >> (2 - at)) & 1 ? share : 1 - share), 100_000),
  );
  const common = commonShares([counts]);
  expect(common).toEqual(shares.map((share) => expect.closeTo(share, 9)));
  const odds = (habits: { independent: number }) => Math.exp(habits.independent - 3);
  expect(odds(habitsOf(counts, common))).toBeCloseTo(0.06 / 0.94, 4);
  // However many searches are in the pattern: they are no habit by which they could excuse themselves.
  const misused = counts.map((count, cell) => (cell === PATTERN ? 10 * count : count));
  expect(habitsOf(misused, common)).toMatchObject({ features: habitsOf(counts, common).features, inPattern: 60_000 });
});

describe('discoveries', () => {
  const judged = (...chances: number[]) =>
    chances.map((honestChance) => ({ inPattern: 20, predicted: 2, honestChance }));

  it('are as many as the bound allows on average, the likeliest first', () => {
    expect([...discoveries(judged(0.9, 0.02, 0.3, 0.1), 0.2)]).toEqual([1, 3, 2]);
    expect([...discoveries(judged(0.9, 0.02, 0.3, 0.1), 0.07)]).toEqual([1, 3]);
    expect([...discoveries(judged(0.9, 0.5), 0.2)]).toEqual([]);
  });

  it('leave out who was not judged, has a few such searches, or no more than its habits predict', () => {
    const [one] = judged(0);
    if (!one) throw new Error('no agency');
    expect([...discoveries([null, { ...one, inPattern: 3 }, { ...one, predicted: 20 }], 0.5)]).toEqual([]);
  });
});

describe('among a thousand agencies', () => {
  /** Counts of an agency whose officers differ in one carelessness, and `misuses` in the pattern besides. */
  const agency = (random: SeededRandom, misuses: number) => {
    const base = [0, 1, 2].map(() => 0.1 + 0.4 * random.fraction());
    const counts = new Array<number>(8).fill(0);
    for (let search = 0; search < 80; search += 1) {
      const careless = search % 4 === 0 ? 1.4 : 0.9;
      const cell = base.reduce(
        (sum, share) => 2 * sum + (random.fraction() < Math.min(0.95, share * careless) ? 1 : 0),
        0,
      );
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    counts[PATTERN] = (counts[PATTERN] ?? 0) + misuses;
    return counts;
  };

  it('nearly all that are honest are left alone, and those that hide misuse are found', () => {
    const random = new SeededRandom(12);
    const all = Array.from({ length: 1_000 }, (_, at) => agency(random, at < 10 ? 30 : 0));
    const found = [...discoveries(judgeHabits(all), 0.2)];
    expect(found.filter((at) => at < 10).length).toBeGreaterThanOrEqual(9);
    expect(found.filter((at) => at >= 10).length).toBeLessThanOrEqual(2);
  });

  it('hardly any is suspected where all are honest', () => {
    const random = new SeededRandom(13);
    const all = Array.from({ length: 1_000 }, () => agency(random, 0));
    expect(discoveries(judgeHabits(all), 0.2).size).toBeLessThanOrEqual(1);
  });
});
