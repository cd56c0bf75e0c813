// Messages between the test runner and its workers.

import type { Scenario } from '../language/scenario.ts';
import type { ScenarioRun } from '../running/run-scenario.ts';

/** To a worker. */
export interface WorkerJob {
  job: number;
  scenario: Scenario;
  update: boolean;
  rerun: string;
}

/** From a worker: it is ready, or a job's result. */
export type WorkerAnswer =
  | { ready: true }
  | { job: number; run: ScenarioRun }
  | { job: number; error: { message: string; stack: string; code?: string } };
