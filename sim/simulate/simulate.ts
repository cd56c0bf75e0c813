// Owns: simulating town after town: from seed to seed, what was found, the smallest town that shows it, what was covered.
// Not here: one town (town.ts), the command line (sim/cli/simulate.ts).
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Ffmpeg, failure } from '../../device/index.ts';
import { rememberSignatures } from '../world/remembered-signatures.ts';
import { drawFootage, type Footage } from './ffmpeg-twin.ts';
import { type Plan, planOf, shrunk } from './plan.ts';
import { ServiceFolders } from './service-folders.ts';
import { prepareGround, runTown, type TownGround, type TownResult } from './town.ts';

/** The registry's lists, from the source and from the built program. */
const LISTS = ['../../cloud-bridge/registry/data', '../../../cloud-bridge/registry/data'];
/** A town is run again at most so often to find a smaller one. */
const SHRINK_RUNS_MAX = 60;

/** What of a seed's plan is kept. */
export interface Kept {
  readonly acts?: ReadonlySet<number>;
  readonly homes?: number;
}

export interface Finding {
  readonly seed: number;
  readonly kept: Kept;
  readonly plan: Plan;
  readonly result: TownResult;
}

/** Towns of one process, one after the other. */
export class Simulation {
  /** What was reached, and how often, in all towns. */
  readonly covered = new Map<string, number>();
  private readonly folders: ServiceFolders;
  private readonly ground: TownGround;
  private readonly forget = rememberSignatures();

  private constructor(folders: ServiceFolders, ground: TownGround) {
    this.folders = folders;
    this.ground = ground;
  }

  /** Draws the footage of all towns, and prepares what every town begins with. Throws `ffmpeg_failed`. */
  static async open(ffmpeg: Ffmpeg): Promise<Simulation> {
    return Simulation.on(await drawFootage(ffmpeg));
  }

  /** Prepares what every town begins with. */
  static async on(footage: Footage): Promise<Simulation> {
    const lists = LISTS.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
    if (lists === undefined)
      throw failure('registry_list_invalid', { file: 'data', detail: 'this installation does not have it' });
    const folders = new ServiceFolders();
    try {
      return new Simulation(folders, await prepareGround(footage, folders, lists));
    } catch (thrown) {
      folders.dispose();
      throw thrown;
    }
  }

  close(): void {
    this.forget();
    this.folders.dispose();
  }

  /** Runs the town of a seed, or what is kept of it. */
  async run(seed: number, kept: Kept = {}): Promise<Finding> {
    const plan = shrunk(planOf(seed), kept);
    const result = await runTown(plan, this.ground);
    addCoverage(this.covered, result.covered);
    return { seed, kept, plan, result };
  }

  /** A smaller town of the same seed in which the same promise does not hold: fewer homes, then fewer acts. */
  async shrink(found: Finding): Promise<Finding> {
    const rule = found.result.breaches[0]?.rule;
    let least = found;
    let runs = 0;
    const tryKept = async (kept: Kept): Promise<boolean> => {
      runs += 1;
      const smaller = await this.run(found.seed, kept);
      const isSame = smaller.result.breaches.some((breach) => breach.rule === rule);
      if (isSame) least = smaller;
      return isSame;
    };
    for (let homes = 1; homes < found.plan.homes.length && runs < SHRINK_RUNS_MAX; homes += 1) {
      if (await tryKept({ ...least.kept, homes })) break;
    }
    // Half of the acts, then a quarter, and so on: most have nothing to do with it.
    for (
      let share = Math.ceil(least.plan.acts.length / 2);
      share >= 1;
      share = share === 1 ? 0 : Math.ceil(share / 2)
    ) {
      for (let from = 0; from < least.plan.acts.length && runs < SHRINK_RUNS_MAX; ) {
        const { acts } = least.plan;
        const rest = acts.filter((_, at) => at < from || at >= from + share);
        if (!(await tryKept({ ...least.kept, acts: new Set(rest.map(({ number }) => number)) }))) from += share;
      }
    }
    return least;
  }
}

/** Adds what one town, or several, reached. */
export function addCoverage(sum: Map<string, number>, covered: ReadonlyMap<string, number>): void {
  for (const [what, times] of covered) sum.set(what, (sum.get(what) ?? 0) + times);
}

/** The words with which a finding is seen again. */
export function wordsOf({ seed, kept }: Pick<Finding, 'seed' | 'kept'>): string[] {
  return [
    ...['simulate', '--seed', String(seed)],
    ...(kept.homes === undefined ? [] : ['--homes', String(kept.homes)]),
    ...(kept.acts === undefined ? [] : ['--acts', kept.acts.size === 0 ? 'none' : [...kept.acts].join(',')]),
  ];
}
