import { expect, it } from 'vitest';
import type { Scenario } from '../../../../sim/scenario/language/scenario.ts';
import { chosen, mixed, parseShard, titleOf } from '../../../../sim/scenario/runner/choose-scenarios.ts';

const scenario = (name: string, more: Partial<Scenario> = {}): Scenario => ({
  ...{
    name,
    position: { file: `/stories/${name}.yaml`, line: 1, column: 1 },
    folder: '/stories',
    variant: {},
    tags: [],
  },
  ...{ seed: 1, timeoutMs: 1, time: 'virtual', startUs: 0, doorbells: [], agencies: [], partners: [] },
  ...{ broker: 'embedded', steps: [], expect: [], ...more },
});
const all = [
  scenario('a recall'),
  scenario('a grant', { tags: ['Exact'] }),
  scenario('a grant', { variant: { clip: 'night.mp4' } }),
  scenario('silence'),
];
const titles = (filters: readonly string[]) => chosen(all, { filters }).map(titleOf);

it('selects by name, variant, file and tag, ignoring case', () => {
  expect(titles([])).toHaveLength(4);
  expect(titles(['GRANT'])).toEqual(['a grant', 'a grant (clip=night.mp4)']);
  expect(titles(['night'])).toEqual(['a grant (clip=night.mp4)']);
  expect(titles(['silence.yaml'])).toEqual(['silence']);
  expect(titles(['#exact', 'recall'])).toEqual(['a recall', 'a grant']);
  expect(titles(['#exac'])).toEqual([]);
});

it('assigns every scenario to exactly one shard', () => {
  const parts = [1, 2, 3].map((part) => chosen(all, { filters: [], shard: { part, of: 3 } }));
  expect(parts.map(({ length }) => length)).toEqual([2, 1, 1]);
  expect(new Set(parts.flat())).toEqual(new Set(all));
});

it.each(['0/2', '3/2', '1', 'a/b', '1/0', ''])('refuses "%s" as a shard', (text) => {
  expect(() => parseShard(text)).toThrow('PART/PARTS');
});

it('shuffles alike for the same seed, and loses nothing', () => {
  const items = Array.from({ length: 50 }, (_, at) => at);
  expect(mixed(items, 1)).toEqual(mixed(items, 1));
  expect(mixed(items, 1)).not.toEqual(items);
  expect([...mixed(items, 1)].sort((a, b) => a - b)).toEqual(items);
});
