// Holds: the order in which files of tests are run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TestSpecification, Vitest } from 'vitest/node';
import { LongFirst, takesLong } from '../support/long-first.ts';
import { root } from './source-tree.ts';

/** In two parts, or vitest would take it for a tag of this file. */
const MODULE_TAG = `// @module-${'tag'}`;

it.each([
  [`// Holds: a thing.\n${MODULE_TAG} long\n`, true],
  ["it('ends', { tags: ['long'] }, async () => {});", true],
  ["it('ends', { tags: ['footage', 'long'], timeout: 60_000 }, async () => {});", true],
  ["it('cuts', { tags: LONG.includes(name) ? ['long'] : [] }, async () => {});", true],
  [`${MODULE_TAG} longitude\n`, false],
  ["it('ends', { tags: ['footage'] }, async () => { say('long'); });", false],
  ["it('waits as long', () => {});", false],
])('reads %j', (source, isLong) => {
  expect(takesLong(source)).toBe(isLong);
});

it('runs files that take long before all others, each group in the usual order', async () => {
  const names = [
    'test/layout/processor-times.test.ts',
    'test/scenarios/faults/bridge.test.ts',
    'test/device/config.test.ts',
  ];
  const project = { name: '', config: { sequence: { groupOrder: 0 }, isolate: true } };
  const files = names.map((name) => ({ project, moduleId: join(root, name) })) as unknown as TestSpecification[];
  // As on a fresh clone: nothing is known of any file but its size.
  const size = (key: string) => readFileSync(join(root, key.slice(1))).length;
  const cache = { getFileTestResults: () => undefined, getFileStats: (key: string) => ({ size: size(key) }) };
  const sorted = await new LongFirst({ cache, config: { root } } as unknown as Vitest).sort(files);
  const [times, bridge, config] = files;
  expect(sorted).toEqual([bridge, config, times]);
});
