// How many agencies that misuse a ranking finds at the best threshold, chosen with the labels known.

/** An agency in a ranking over several exports. */
export interface Ranked {
  export: number;
  misuses: boolean;
  /** The higher, the sooner it is proposed. */
  score: number;
}

/**
 * The most right proposals at any one threshold for all exports at which the mean share of honest agencies among an export's proposals is
 * at most `bound`.
 */
export function bestWithHindsight(agencies: readonly Ranked[], bound: number): number {
  const exports = new Map(agencies.map(({ export: at }) => [at, { found: 0, right: 0 }]));
  let [right, best] = [0, 0];
  for (const agency of agencies
    .filter(({ score }) => score > Number.NEGATIVE_INFINITY)
    .sort((one, other) => other.score - one.score)) {
    const own = exports.get(agency.export);
    if (!own) continue;
    own.found += 1;
    if (agency.misuses) {
      own.right += 1;
      right += 1;
    }
    const shares = [...exports.values()].map((one) => (one.found === 0 ? 0 : (one.found - one.right) / one.found));
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    if (mean <= bound) best = Math.max(best, right);
  }
  return best;
}
