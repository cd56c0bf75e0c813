// Runs seed after seed in one process, and collects findings and coverage.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure } from 'doorsill/errors';
import { drawFootage, type Footage } from './ffmpeg-twin.ts';
import { type InitialState, prepareInitialState } from './initial-state.ts';
import { type Plan, shrunk } from './plan.ts';
import { planOf } from './rare-plan.ts';
import { rememberSignatures } from './remembered-signatures.ts';
import { type RunResult, runPlan } from './run.ts';
import { ServiceFolders } from './service-folders.ts';

/** The registry's lists, relative to the source and to the build. */
const LISTS = ['../../../cloud-bridge/registry/data', '../../../../cloud-bridge/registry/data'];

/** The kept part of a seed's plan. */
export interface Kept {
  readonly acts?: ReadonlySet<number>;
  readonly homes?: number;
}

export interface Finding {
  readonly seed: number;
  readonly kept: Kept;
  readonly plan: Plan;
  readonly result: RunResult;
}

/** Runs of one process, one after the other. */
export class Simulation {
  /** What all runs reached, and how often. */
  readonly covered = new Map<string, number>();
  /** The initial state of its runs. */
  readonly ground: InitialState;
  private readonly folders: ServiceFolders;
  private readonly forget = rememberSignatures();

  private constructor(folders: ServiceFolders, ground: InitialState) {
    this.folders = folders;
    this.ground = ground;
  }

  /** Draws the footage of all runs, and prepares their initial state. Throws `ffmpeg_failed`. */
  static async open(ffmpeg: Ffmpeg): Promise<Simulation> {
    return Simulation.on(await drawFootage(ffmpeg));
  }

  /** Prepares the initial state of all runs. */
  static async on(footage: Footage): Promise<Simulation> {
    const lists = LISTS.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
    if (lists === undefined)
      throw failure('registry_list_invalid', { file: 'data', detail: 'this installation does not have it' });
    const folders = new ServiceFolders();
    try {
      return new Simulation(folders, await prepareInitialState(footage, folders, lists));
    } catch (thrown) {
      folders.dispose();
      throw thrown;
    }
  }

  close(): void {
    this.forget();
    this.folders.dispose();
  }

  /** Runs a seed's plan, or the kept part of it. */
  async run(seed: number, kept: Kept = {}): Promise<Finding> {
    const plan = shrunk(planOf(seed), kept);
    const result = await runPlan(plan, this.ground);
    addCoverage(this.covered, result.covered);
    return { seed, kept, plan, result };
  }
}

/** Adds the coverage of one or several runs. */
export function addCoverage(sum: Map<string, number>, covered: ReadonlyMap<string, number>): void {
  for (const [what, times] of covered) sum.set(what, (sum.get(what) ?? 0) + times);
}

/** The arguments that repeat a finding. */
export function wordsOf({ seed, kept }: Pick<Finding, 'seed' | 'kept'>): string[] {
  return [
    ...['--seed', String(seed)],
    ...(kept.homes === undefined ? [] : ['--homes', String(kept.homes)]),
    ...(kept.acts === undefined ? [] : ['--acts', kept.acts.size === 0 ? 'none' : [...kept.acts].join(',')]),
  ];
}
