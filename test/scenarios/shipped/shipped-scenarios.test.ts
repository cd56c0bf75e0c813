// @module-tag long
// The stories in scenarios/: each holds, all together take less than the time that a check may spend on them.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const STORIES = join(ROOT, 'scenarios');
/** For all of them, on two cores. */
const TOGETHER_MS_MAX = 90_000;

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
    expect(readdirSync(STORIES).filter((name) => name.endsWith('.yaml'))).toHaveLength(tests.length);
    expect(ran.status).toBe(0);
    expect(tookMs).toBeLessThan(TOGETHER_MS_MAX);
  });
});
