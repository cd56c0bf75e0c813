import { expect, it } from 'vitest';
import { filterTests, listTests } from '../../../../sim/report/page/test-filter.ts';

const TESTS = [
  { name: 'A ring', file: 'a.yaml', status: 'passed', durationMs: 1 },
  { name: 'Motion', variant: { camera: 'Yard' }, status: 'failed', durationMs: 1, what: 'recall is 0.5' },
  { name: 'A recall', status: 'skipped', durationMs: 1 },
  { name: 'B ring', status: 'failed', durationMs: 1 },
  { name: 'Cut', status: 'interrupted', durationMs: 1 },
  { name: 'Odd', status: 'flaky', durationMs: 1 },
] as const;
const listed = listTests([...TESTS]);
const names = (...asked: [status: (typeof TESTS)[number]['status'] | null, words: string]) =>
  filterTests(listed, ...asked).map(({ test, at }) => `${at} ${test.name}`);

it('lists the worst first, each with its index in the report', () => {
  expect(names(null, '')).toEqual(['1 Motion', '3 B ring', '4 Cut', '5 Odd', '2 A recall', '0 A ring']);
});

it('finds by status, name, variant, file and first difference', () => {
  expect(names('failed', '')).toEqual(['1 Motion', '3 B ring']);
  expect(names(null, 'RING')).toEqual(['3 B ring', '0 A ring']);
  expect(names(null, 'camera=yard')).toEqual(['1 Motion']);
  expect(names(null, 'a.yaml')).toEqual(['0 A ring']);
  expect(names(null, 'recall')).toEqual(['1 Motion', '2 A recall']);
  expect(names('failed', 'recall 0.5')).toEqual(['1 Motion']);
  expect(names('passed', 'recall')).toEqual([]);
});
