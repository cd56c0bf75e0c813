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

/** Runs a scenario from its text. */
async function run(name: string, text: string, signal = new AbortController().signal) {
  const file = join(folder.path, `${name}.yaml`);
  writeFileSync(file, text);
  const { scenarios, faults } = await readScenarios(file);
  const [scenario] = scenarios;
  if (!scenario) throw new Error(JSON.stringify(faults));
  return runScenario(scenario, { disk: new SystemDisk(), update: false, rerun: '' }, signal);
}

const DRAWN = 'synthetic?seconds=3&size=320x180&audio=off&play=nobody';

it.each([
  ['privacy', 'privacy: on', `camera: ${DRAWN}`],
  ['a pulled cable', 'camera: unplugged', `camera: ${DRAWN}`],
  // Nobody has looked into the second file when the camera is switched off.
  ['privacy before footage of unknown length', 'privacy: on', `camera:\n  - ${DRAWN}\n  - later.mp4`],
])(
  'ends by itself where %s lasts to the end',
  async (what, step, camera) => {
    writeFileSync(join(folder.path, 'later.mp4'), '\0\0\0\x10ftypisom\0\0\0\0');
    const { test } = await run(
      what.replaceAll(' ', '-'),
      `name: Off\ntimeout: 20s\n${camera}\nsteps:\n  - { at: 1s, ${step} }\nexpect:\n  - { uploaded: nothing }\n`,
    );
    expect([test.status, test.failures]).toEqual(['passed', []]);
  },
  40_000,
);

it('plays nothing when it was ended before it began, and leaves no folder', async () => {
  const temporary = join(folder.path, 'temporary');
  mkdirSync(temporary);
  vi.stubEnv('TMPDIR', temporary);
  const reason = new Error('ended');
  const text = `name: Porch\ncamera: ${DRAWN}\nexpect:\n  - { uploaded: nothing }\n`;
  await expect(run('porch', text, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(readdirSync(temporary)).toEqual([]);
});
