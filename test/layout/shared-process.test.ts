// Holds: which test files share a process, and that the two runs of `npm run check` have each file of tests in one of them.
import { glob } from 'tinyglobby';
import { afterEach, expect, it, vi } from 'vitest';
import { sharesProcess } from '../support/shared-process.ts';
import { root } from './source-tree.ts';

/** In two parts, or this file would itself seem to have such tests. */
const [OWN_PROCESS, SLOW_IT] = [`// @own-${'process'}`, `slow${'It'}`];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

it.each([
  ["it('ends', async () => {});", true],
  ["it('has an own-process', () => {});", true],
  ['// Holds: a thing.\n// @module-tag long\n', true],
  ["it('ends', { tags: ['long'] }, async () => {});", true],
  [`// Holds: a thing.\n${OWN_PROCESS}: it measures its memory\n`, false],
  [`${SLOW_IT}('ends', async () => {});`, false],
])('reads %j', (source, shares) => {
  expect(sharesProcess(source)).toBe(shares);
});

/** The files that vitest's settings name, and the settings. */
async function settings(processes: string | undefined, slow: string) {
  vi.resetModules();
  vi.stubEnv('DOORSILL_PROCESSES', processes);
  vi.stubEnv('DOORSILL_SLOW', slow);
  const { test } = (await import('../vitest.config.ts')).default;
  const [include, exclude] = [test?.include ?? [], test?.exclude ?? []];
  // Hundreds of names as patterns would cost a second.
  const isPattern = (name: string) => /[*?{(]/.test(name);
  const patterns = include.filter(isPattern);
  const found = patterns.length > 0 ? await glob(patterns, { cwd: root, ignore: exclude.filter(isPattern) }) : [];
  const files = [...include.filter((name) => !isPattern(name)), ...found].filter((name) => !exclude.includes(name));
  return { files: files.sort(), isolate: test?.isolate };
}

it.each(['0', '1'])('runs each file once, slow ones with DOORSILL_SLOW=%s', async (slow) => {
  const all = await settings(undefined, slow);
  const own = await settings('own', slow);
  const shared = await settings('shared', slow);
  expect([...own.files, ...shared.files].sort()).toEqual(all.files);
  expect(shared.files).toContain('test/device/ledger/ledger.test.ts');
  expect(shared.files).toContain('test/scenarios/e2e/story.test.ts');
  expect(own.files).toContain('test/proofs/simulate/run.test.ts');
  expect([all.isolate, own.isolate, shared.isolate]).toEqual([true, true, false]);
});
