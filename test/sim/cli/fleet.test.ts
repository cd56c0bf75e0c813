// @module-tag long
// `doorsill fleet` refuses wrong arguments before it starts anything.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { printEnrolmentCode } from '../../../device/contract/enrolment.ts';
import { lineText, lossesOf } from '../../../sim/cli/fleet.ts';
import { callCommand } from '../../support/call-command.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { sampleLines } from '../fleet/support/sample-run.ts';

const folder = temporaryFolder('fleet');
afterAll(() => folder.dispose());

async function codeFile(url: string): Promise<string> {
  const file = join(folder.path, 'batch.code');
  const print = 'a'.repeat(64);
  await writeFile(file, printEnrolmentCode({ url, bridge: print, registry: print, secret: 'b'.repeat(22) }));
  await chmod(file, 0o600);
  return file;
}

const fleet = (...args: string[]) => callCommand(['fleet', '--doorbells', '3', ...args, '--json']);

it('refuses addresses that are not on this machine in every option, also in the enrolment code', async () => {
  const here = {
    bridge: 'http://127.0.0.1:1',
    broker: 'mqtt://localhost:1',
    home: 'mqtt://[::1]:1',
    code: 'http://127.0.0.1:1',
  };
  const cases = [
    [{ ...here, bridge: 'https://bridge.example' }, '--bridge'],
    [{ ...here, broker: 'mqtts://area.example:8883' }, '--broker'],
    [{ ...here, home: 'mqtt://192.0.2.7:1883' }, '--home-broker'],
    [{ ...here, code: 'http://127.0.0.1.example' }, '--enrol'],
  ] as const;
  for (const [{ bridge, broker, home, code }, option] of cases) {
    const links = ['--bridge', bridge, '--broker', broker, '--home-broker', home, '--home-accounts', folder.path];
    const { status, stderr } = await fleet(...links, '--enrol', await codeFile(code));
    expect(status, option).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'fleet_beyond_this_machine', facts: { option } } });
  }
});

it.each([
  [['--doorbells', '0'], 'a whole number from 1 to 100000'],
  [['--doorbells', '1e9'], 'a whole number from 1 to 100000'],
  [['--shard', '9/8'], 'a whole number from 1 to 8'],
  [['--seed', '-1'], 'a whole number from 0'],
  [['--for', '10'], 'a duration'],
  [['--bridge', 'http://127.0.0.1:1'], 'go together'],
])('refuses %j as wrong usage', async (args, words) => {
  const { status, stderr } = await fleet(...args);
  expect([status, JSON.parse(stderr).error.code]).toEqual([2, 'usage']);
  expect(stderr).toContain(words);
});

it('prints of a second only figures that are not zero', () => {
  const [first, second] = sampleLines(40);
  if (!first || !second) throw new Error('two seconds are wanted');
  expect(lineText({ ...first, events: 0, cores: 0 })).toBe('1 s: 2 of 20 up, 0.00 cores, 180 MB');
  // No process has told yet how many it runs.
  expect(lineText({ ...first, doorbells: 0, up: 0, events: 0, cores: 0 })).toBe('1 s: starting, 0.00 cores, 180 MB');
  const busy = { ...second, requests: 3, grants: 2, clipsUnderWay: 1, clipsStored: 1, segmentsLost: 4, cores: 0.25 };
  expect(lineText(busy)).toBe(
    '2 s: 4 of 20 up, 2 events, 3 requests seen, 2 grants, 1 clips under way, 1 stored, 4 s lost, sealed after p50 4 p99 49 ms, 0.25 cores, 182 MB',
  );
});

it('names each loss, with its number', () => {
  const [line] = sampleLines(1);
  if (!line) throw new Error('a second is wanted');
  expect(lossesOf(line)).toEqual([]);
  expect(lossesOf({ ...line, segmentsLost: 1, failed: 2, died: 1, unbelieved: 3 })).toEqual([
    '1 second of footage was lost',
    '2 doorbells could not run',
    '1 process died',
    '3 messages did not verify',
  ]);
});

it('reports before it starts how many doorbells would fit', async () => {
  const { status, stderr } = await fleet('--doorbells', '100000');
  expect([status, JSON.parse(stderr).error.code]).toEqual([5, 'fleet_too_large']);
});

it('starts only in a new folder', async () => {
  await codeFile('http://127.0.0.1:1');
  const { status, stderr } = await runCommand(['fleet', '--doorbells', '3', '--data', folder.path, '--json']);
  expect(status).toBe(2);
  expect(JSON.parse(stderr).error).toMatchObject({
    code: 'data_folder_foreign',
    advice: expect.stringContaining('new or empty folder'),
  });
});
