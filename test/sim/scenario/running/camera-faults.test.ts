// @module-tag long
// A scenario with camera faults at its steps: the device reports them, and the clip contains the faulty footage.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseRunReport } from '../../../../sim/report/run-report.ts';
import { runCommand, temporaryFolder } from '../../../support/command-line.ts';

const folder = temporaryFolder('camera-faults');
afterAll(folder.dispose);
const inFolder = (name: string) => join(folder.path, name);

const STORY = {
  name: 'pictures are missing',
  for: '10s',
  camera: 'synthetic?size=320x180&seconds=9&audio=off',
  steps: [
    { at: '2s', 'camera-fault': 'noise+1s' },
    { at: '4200ms', 'camera-fault': 'gap+400ms' },
    { at: '6s', request: { as: 'theft', window: '1s..6s' } },
    { at: '7s', grant: { request: 'theft', from: '2s', to: '5s' } },
  ],
  expect: [
    { event: 'camera', where: { state: 'recording', code: 'camera_pictures_damaged' }, count: 1 },
    // Three seconds of fifteen pictures each, of which six are missing.
    { clip: 'theft', frames: 39 },
    { outcome: 'theft', is: 'stored' },
  ],
};

it.for([
  ['yaml', JSON.stringify(STORY)],
  ['scenario.mjs', `export default ${JSON.stringify(STORY)};\n`],
])('reports missing pictures, in %s', { timeout: 60_000 }, async ([ending = '', text = '']) => {
  const story = inFolder(`story.${ending}`);
  writeFileSync(story, text);
  const words = ['test', story, '--out', inFolder('out'), '--reporter', 'json', '--json'];
  const ran = await runCommand(words, { environment: { TMPDIR: folder.path } });
  const report = parseRunReport(readFileSync(inFolder('out/report.json')), 'report.json');
  expect(report.tests.map(({ failures }) => failures)).toEqual([[]]);
  expect(report.tests[0]?.timeline?.steps.map((step) => step.text)).toContain('camera noise+1s');
  expect(ran.status).toBe(0);
});
