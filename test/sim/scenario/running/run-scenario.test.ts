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
  // The second file is not probed before the camera is switched off.
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

it('plays nothing when aborted before its start, and leaves no folder', async () => {
  const temporary = join(folder.path, 'temporary');
  mkdirSync(temporary);
  vi.stubEnv('TMPDIR', temporary);
  const reason = new Error('ended');
  const text = `name: Porch\ncamera: ${DRAWN}\nexpect:\n  - { uploaded: nothing }\n`;
  await expect(run('porch', text, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(readdirSync(temporary)).toEqual([]);
});

it('reports the ring’s spans as recorded, with a gap where the disk was full', async () => {
  const { test } = await run(
    'full-disk',
    `name: Full
camera: synthetic?seconds=14&size=320x180&audio=off&play=nobody
settings: { ring: { kind: file, bytes: 16777216 } }
steps:
  - { at: 4s, disk: full }
  - { at: 9s, disk: ok }
expect:
  - { uploaded: nothing }
`,
  );
  expect([test.status, test.failures]).toEqual(['passed', []]);
  const { timeline } = test;
  if (!timeline) throw new Error('no timeline');
  const spans = timeline.cameras[0]?.recorded.map(({ startUs, endUs }) => [
    (startUs - timeline.startUs) / 1e6,
    (endUs - timeline.startUs) / 1e6,
  ]);
  expect(spans?.length).toBe(2);
  const [[, lostS = 0] = [], [againS = 0, endS = 0] = []] = spans ?? [];
  // A GOP is a second long.
  expect([lostS > 2.5, lostS < 5.5, againS > 8, againS < 11, endS > 12]).toEqual([true, true, true, true, true]);
}, 60_000);
