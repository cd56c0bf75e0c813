// Selects, shards and shuffles scenarios.
import { SeededRandom } from '@doorsill/base/random';
import { failure } from '../../errors.ts';
import { testTitle } from '../../report/report-words.ts';
import type { Scenario } from '../language/scenario.ts';

export interface Choice {
  /** Part of a scenario's name with variant or of its file, or `#tag`; empty for all. */
  filters: readonly string[];
  /** `{ part: 2, of: 8 }` is every eighth scenario, from the second on. */
  shard?: { part: number; of: number };
}

/** A scenario's name and variant, as in reports. */
export function titleOf(scenario: Scenario): string {
  return testTitle({
    name: scenario.name,
    ...(Object.keys(scenario.variant).length > 0 ? { variant: scenario.variant } : {}),
  });
}

/** The selected scenarios, in their order. */
export function chosen(scenarios: readonly Scenario[], { filters, shard }: Choice): Scenario[] {
  const wanted = filters.map((filter) => filter.toLowerCase());
  const fitting = scenarios.filter(
    (scenario) => wanted.length === 0 || wanted.some((filter) => fits(scenario, filter)),
  );
  return fitting.filter((_, at) => !shard || at % shard.of === shard.part - 1);
}

function fits(scenario: Scenario, filter: string): boolean {
  if (filter.startsWith('#')) return scenario.tags.some((tag) => tag.toLowerCase() === filter.slice(1));
  return titleOf(scenario).toLowerCase().includes(filter) || scenario.position.file.toLowerCase().endsWith(filter);
}

/** Parses `2/8`. Throws `usage`. */
export function parseShard(text: string): { part: number; of: number } {
  const [, part = 0, of = 0] = /^(\d{1,4})\/(\d{1,4})$/.exec(text)?.map(Number) ?? [];
  if (part < 1 || part > of) throw failure('usage', { detail: `--shard takes PART/PARTS such as 2/8, not "${text}"` });
  return { part, of };
}

/** Shuffled by a seed, so that dependence on the order of files shows. */
export function mixed<Item>(items: readonly Item[], seed: number): Item[] {
  const random = new SeededRandom(seed);
  return items
    .map((item) => ({ item, key: random.fraction() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
