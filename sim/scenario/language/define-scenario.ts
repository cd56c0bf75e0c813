// Owns: what a scenario in TypeScript imports: its type, and a function that checks it while it is written. It loads nothing else.
// Not here: reading it (module-file.ts).
import type { ScenarioInput } from './written-scenario.ts';

export type { ScenarioInput } from './written-scenario.ts';

/** One scenario, or several, as they are; for the type alone. */
export function defineScenario<Written extends ScenarioInput | readonly ScenarioInput[]>(scenario: Written): Written {
  return scenario;
}
