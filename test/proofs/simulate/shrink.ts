// Searches for a smaller plan of the same seed that breaks the same promise.
import type { Finding, Kept } from './simulate.ts';

/** Maximum number of runs of a search. */
const RUNS_MAX = 60;

/**
 * The smallest plan found that breaks the same promise: fewer homes, then fewer acts. `run` runs a part of the seed's plan. Once `signal`
 * aborts, no run is started, and the smallest so far is returned. Rejects as `run` rejects.
 */
export async function shrink(
  found: Finding,
  run: (kept: Kept) => Promise<Finding>,
  signal: AbortSignal,
): Promise<Finding> {
  const rule = found.result.breaches[0]?.rule;
  let least = found;
  let runs = 0;
  const mayRun = () => runs < RUNS_MAX && !signal.aborted;
  const tryKept = async (kept: Kept): Promise<boolean> => {
    runs += 1;
    const smaller = await run(kept);
    const isSame = smaller.result.breaches.some((breach) => breach.rule === rule);
    if (isSame) least = smaller;
    return isSame;
  };
  for (let homes = 1; homes < found.plan.homes.length && mayRun(); homes += 1) {
    if (await tryKept({ ...least.kept, homes })) break;
  }
  // Half of the acts, then a quarter, and so on: most are irrelevant.
  for (let share = Math.ceil(least.plan.acts.length / 2); share >= 1; share = share === 1 ? 0 : Math.ceil(share / 2)) {
    for (let from = 0; from < least.plan.acts.length && mayRun(); ) {
      const { acts } = least.plan;
      const rest = acts.filter((_, at) => at < from || at >= from + share);
      if (!(await tryKept({ ...least.kept, acts: new Set(rest.map(({ number }) => number)) }))) from += share;
    }
  }
  return least;
}
