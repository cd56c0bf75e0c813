import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { readScenarios } from '../../../../sim/scenario/language/read-scenarios.ts';
import { runScenario } from '../../../../sim/scenario/running/run-scenario.ts';
import { temporaryFolder } from '../../../support/command-line.ts';

const folder = temporaryFolder('run-scenario');
afterAll(folder.dispose);
afterEach(() => vi.unstubAllEnvs());

it('plays nothing when it was ended before it began, and leaves no folder', async () => {
  const file = join(folder.path, 'porch.yaml');
  writeFileSync(file, 'name: Porch\ncamera: synthetic?seconds=1&size=320x240\nexpect:\n  - { uploaded: nothing }\n');
  const { scenarios } = await readScenarios(file);
  const [scenario] = scenarios;
  if (!scenario) throw new Error('the scenario was not read');
  const temporary = join(folder.path, 'temporary');
  mkdirSync(temporary);
  vi.stubEnv('TMPDIR', temporary);
  const reason = new Error('ended');
  const run = runScenario(scenario, { disk: new SystemDisk(), update: false, rerun: '' }, AbortSignal.abort(reason));
  await expect(run).rejects.toBe(reason);
  expect(readdirSync(temporary)).toEqual([]);
});
