// Owns: simulating town after town: from seed to seed, what was found, what was covered. Not here: one town (town.ts), the smallest town that
// shows a finding (shrink.ts), the command line (test/proofs/simulate/main.ts).

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure } from 'doorsill/errors';
import { drawFootage, type Footage } from './ffmpeg-twin.ts';
import { type Plan, shrunk } from './plan.ts';
import { planOf } from './rare-plan.ts';
import { rememberSignatures } from './remembered-signatures.ts';
import { ServiceFolders } from './service-folders.ts';
import { runTown, type TownResult } from './town.ts';
import { prepareGround, type TownGround } from './town-ground.ts';

/** The registry's lists, from the source and from the built program. */
const LISTS = ['../../../cloud-bridge/registry/data', '../../../../cloud-bridge/registry/data'];

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
  /** What its towns begin with. */
  readonly ground: TownGround;
  private readonly folders: ServiceFolders;
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
}

/** Adds what one town, or several, reached. */
export function addCoverage(sum: Map<string, number>, covered: ReadonlyMap<string, number>): void {
  for (const [what, times] of covered) sum.set(what, (sum.get(what) ?? 0) + times);
}

/** The words with which a finding is seen again. */
export function wordsOf({ seed, kept }: Pick<Finding, 'seed' | 'kept'>): string[] {
  return [
    ...['--seed', String(seed)],
    ...(kept.homes === undefined ? [] : ['--homes', String(kept.homes)]),
    ...(kept.acts === undefined ? [] : ['--acts', kept.acts.size === 0 ? 'none' : [...kept.acts].join(',')]),
  ];
}
