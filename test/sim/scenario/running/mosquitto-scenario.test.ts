// @module-tag long
// @module-tag mosquitto
// A scenario with a stock mosquitto as its broker, and the error if that does not start.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseRunReport } from '../../../../sim/report/run-report.ts';
import { processesNaming, runCommand, temporaryFolder } from '../../../support/command-line.ts';

const folder = temporaryFolder('mosquitto-scenario');
afterAll(folder.dispose);
const inFolder = (name: string) => join(folder.path, name);
const CAMERA = 'camera: synthetic?size=320x180&seconds=8&audio=off';

async function run(text: string, mosquitto: string) {
  writeFileSync(inFolder('story.yaml'), text);
  writeFileSync(inFolder('mosquitto'), `#!/bin/sh\n${mosquitto}\n`, { mode: 0o755 });
  const environment = { PATH: `${folder.path}:${process.env['PATH']}`, TMPDIR: folder.path };
  const ran = await runCommand(
    ['test', inFolder('story.yaml'), '--out', inFolder('out'), '--reporter', 'json', '--json'],
    { environment },
  );
  return { ran, report: parseRunReport(readFileSync(inFolder('out/report.json')), 'report.json') };
}

it('runs over a stock mosquitto, which stops and comes back in between, and leaves none running', {
  timeout: 90_000,
}, async () => {
  const { ran, report } = await run(
    `name: granted
broker: mosquitto
for: 10s
${CAMERA}
steps:
  - at: 5s
    request: { as: theft, window: { from: 1s, to: 4s } }
  - { after: request, broker: gone }
  - { wait: 500ms }
  - { broker: back }
  - { at: 7s, grant: { request: theft, from: 2s, to: 3s } }
expect:
  - { clip: theft, frames: 30..44 }
  - { outcome: theft, is: stored }
  - bridge-bytes-before-grant: 0
`,
    `echo "$@" >> ${inFolder('started')}\nPATH=\${PATH#*:} exec mosquitto "$@"`,
  );
  expect(report.tests.map(({ failures }) => failures)).toEqual([[]]);
  expect(ran.status).toBe(0);
  expect(readFileSync(inFolder('started'), 'utf8').trim().split('\n')).toHaveLength(2);
  expect(processesNaming(`${folder.path}/doorsill-scenario`)).toEqual([]);
});

it.for([
  ['exit 127', 'mosquitto cannot run here: it is not installed.'],
  ['echo "1700000000: Error: Address already in use" >&2; exit 1', 'Address already in use'],
])('reports why it does not start: %s', { timeout: 60_000 }, async ([mosquitto = '', words = '']) => {
  const { ran, report } = await run(`name: a\nbroker: mosquitto\nfor: 2s\n${CAMERA}\n`, mosquitto);
  expect(ran.status).toBe(1);
  expect(report.tests[0]?.failures[0]).toMatchObject({ what: expect.stringContaining(words) });
});
