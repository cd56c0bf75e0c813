// Owns: what the process that runs tests and its workers tell each other, one message of Node's channel each.

import type { Scenario } from '../language/scenario.ts';
import type { ScenarioRun } from '../running/run-scenario.ts';

/** To a worker: run this. */
export interface WorkerJob {
  job: number;
  scenario: Scenario;
  update: boolean;
  rerun: string;
}

/** From a worker: it is ready, or what came of a job. */
export type WorkerAnswer =
  | { ready: true }
  | { job: number; run: ScenarioRun }
  | { job: number; error: { message: string; stack: string; code?: string } };
