// The import of scenarios in TypeScript. It loads nothing else.
import type { ScenarioInput } from './written-scenario.ts';

export type { ScenarioInput } from './written-scenario.ts';

/** Returns the scenario, or scenarios, unchanged; gives them their type. */
export function defineScenario<Written extends ScenarioInput | readonly ScenarioInput[]>(scenario: Written): Written {
  return scenario;
}
