// Owns: comparing a piece of work with a baseline in the same run, and what a row of the table is.
// Not here: the work (ring.ts, motion.ts), printing (main.ts).

/** One line of the table. `ratio`: cost of the work over cost of the baseline. */
export interface Row {
  what: string;
  ratio: number;
  unit: string;
  detail: string;
}

/** Costs in milliseconds: medians over all pairs. */
export interface Comparison {
  workMs: number;
  baselineMs: number;
  /** Median of the ratios of each pair: a machine that slows down slows both halves of a pair. */
  ratio: number;
}

/** Runs work and baseline in turn, `pairs` times after one pair that warms up, and takes medians. */
export async function compare(
  pairs: number,
  work: () => Promise<void> | void,
  baseline: () => Promise<void> | void,
): Promise<Comparison> {
  const taken: { workMs: number; baselineMs: number }[] = [];
  for (let pair = 0; pair <= pairs; pair += 1) {
    // Which comes first changes, so that neither always finds the caches of the other.
    const [first, second] = pair % 2 === 0 ? [work, baseline] : [baseline, work];
    const firstMs = await timeMs(first);
    const secondMs = await timeMs(second);
    if (pair > 0) {
      taken.push(
        pair % 2 === 0 ? { workMs: firstMs, baselineMs: secondMs } : { workMs: secondMs, baselineMs: firstMs },
      );
    }
  }
  return {
    workMs: median(taken.map(({ workMs }) => workMs)),
    baselineMs: median(taken.map(({ baselineMs }) => baselineMs)),
    ratio: median(taken.map(({ workMs, baselineMs }) => workMs / baselineMs)),
  };
}

async function timeMs(work: () => Promise<void> | void): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
