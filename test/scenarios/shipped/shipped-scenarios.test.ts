// @module-tag long
// The stories in sim/scenarios hold, and together take less than their time limit in the check.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const STORIES = join(ROOT, 'sim/scenarios');
/** For all of them, on two cores. */
const TOGETHER_MS_MAX = 90_000;
/** Of disk-takes-no-write and power-cut-before-upload. */
const VARIANTS = [
  ...['full', 'failing', 'read-only'].map((fault) => ({ fault })),
  ...['lost', 'torn', 'kept'].map((leaves) => ({ leaves })),
];
const STORIES_WITH_VARIANTS = 2;

const folder = temporaryFolder('shipped-scenarios');
afterAll(folder.dispose);

describe('the scenarios that ship', () => {
  it('are more than twenty, and all hold', { timeout: 2 * TOGETHER_MS_MAX }, async () => {
    const startedMs = performance.now();
    const ran = await runCommand(['test', STORIES, '--out', join(folder.path, 'out'), '--json']);
    const tookMs = performance.now() - startedMs;
    const tests = ran.lines.filter(({ event }) => event === 'test');
    expect(tests.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(tests.length).toBeGreaterThan(20);
    // A matrix makes a test for each variant; files that begin with _ are only included.
    const variants = tests.filter(({ variant }) => variant !== undefined);
    const texts = (each: readonly unknown[]) => each.map((one) => JSON.stringify(one)).sort();
    expect(texts(variants.map(({ variant }) => variant))).toEqual(texts(VARIANTS));
    const stories = readdirSync(STORIES).filter((name) => name.endsWith('.yaml') && !name.startsWith('_'));
    expect(tests.length - variants.length + STORIES_WITH_VARIANTS).toBe(stories.length);
    expect(ran.status).toBe(0);
    expect(tookMs).toBeLessThan(TOGETHER_MS_MAX);
  });
});
