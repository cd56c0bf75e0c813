// Runs whole fleets as a user does, over processes and over shards.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Line, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('fleet-slow');
afterAll(() => folder.dispose());

const SCENE = 'scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }';

async function profile(name: string, words: string): Promise<string> {
  const file = join(folder.path, name);
  await writeFile(file, `${SCENE}\nramp: 2s\n${words}\n`);
  return file;
}

const ofEvent = (lines: readonly Line[], event: string) => lines.filter((line) => line['event'] === event);

it('spreads one fleet over processes; every granted clip arrives at the bridge', {
  timeout: 240_000,
}, async () => {
  const words = await profile('share.yaml', 'owners: { share: 60, decline: 40 }\nanswerAfter: { from: 0s, to: 2s }');
  const args = [
    '--doorbells',
    '40',
    '--seed',
    '11',
    '--workers',
    '2',
    '--profile',
    words,
    '--ask',
    '15s',
    '--for',
    '40s',
  ];
  const { status, lines } = await runCommand(['fleet', ...args, '--json'], { seconds: 200 });
  const [ended] = ofEvent(lines, 'ended');
  expect(ended).toMatchObject({
    doorbells: 40,
    up: 40,
    failed: 0,
    died: 0,
    asked: 2,
    segmentsLost: 0,
    unbelieved: 0,
    clipsFailed: 0,
  });
  expect(ended?.['grants']).toBeGreaterThan(20);
  expect(ended?.['clipsStored']).toBe(ended?.['grants']);
  expect(ended?.['clipsUnderWay']).toBe(0);
  expect(ofEvent(lines, 'second').length).toBeGreaterThan(35);
  expect(status).toBe(0);
});

it('runs one machine’s part, lets verbs find the embedded parts, and waits for uploads when it is stopped', {
  timeout: 240_000,
}, async () => {
  const words = await profile('part.yaml', 'owners: { share: 100 }\nanswerAfter: { from: 0s, to: 1s }');
  const data = join(folder.path, 'data');
  const args = [
    '--doorbells',
    '30',
    '--seed',
    '5',
    '--shard',
    '2/3',
    '--profile',
    words,
    '--data',
    data,
    '--metrics',
    '0',
  ];
  const running = new Running(['fleet', ...args, '--json']);
  const { url } = await running.line('its figures', ({ event }) => event === 'metrics');
  await running.line(
    'all doorbells',
    ({ event, up, segmentsStored }) => event === 'second' && up === 10 && Number(segmentsStored) > 80,
  );
  expect(await (await fetch(String(url))).text()).toContain('doorsill_fleet_doorbells_up 10\n');
  // The agency's verb asks the homes around the middle of the town.
  const asked = await runCommand(['agency', 'request', '--data', data, '--json']);
  expect(asked.stderr).toBe('');
  await running.line('their clips', ({ grants, clipsStored }) => Number(grants) > 0 && clipsStored === grants);
  running.child.kill('SIGINT');
  expect(await running.ended(60)).toBe(0);
  expect(ofEvent(running.lines, 'ended')[0]).toMatchObject({ doorbells: 10, up: 10, segmentsLost: 0 });
});

it('reports when a process of the fleet has died, and ends with status 1', { timeout: 240_000 }, async () => {
  const words = await profile('died.yaml', '');
  const running = new Running(['fleet', '--doorbells', '6', '--workers', '2', '--profile', words, '--json']);
  await running.line('all doorbells', ({ event, up }) => event === 'second' && up === 6);
  const children = await readFile(`/proc/${running.child.pid}/task/${running.child.pid}/children`, 'utf8');
  const isWorker = async (pid: string) =>
    (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('fleet-process-program');
  for (const pid of children.trim().split(' ')) {
    if (!(await isWorker(pid))) continue;
    process.kill(Number(pid), 'SIGKILL');
    break;
  }
  await running.line('what is left', ({ event, up, failed }) => event === 'second' && up === 3 && failed === 3);
  running.child.kill('SIGINT');
  expect(await running.ended(60)).toBe(1);
  expect(ofEvent(running.lines, 'ended')[0]).toMatchObject({ died: 1, up: 3, failed: 3 });
});

it('starts more doorbells than a broker admits by default, each with three connections', {
  timeout: 400_000,
}, async () => {
  const file = join(folder.path, 'many.yaml');
  // Little footage, because this test is about connections.
  await writeFile(
    file,
    `${SCENE.replace('200 }', '100 }')}\nring: { length: 8s }\nramp: 60s\nowners: { ignore: 100 }\n`,
  );
  const running = new Running(['fleet', '--doorbells', '1500', '--workers', '2', '--profile', file, '--json']);
  const isUp = ({ event, up }: Line) => event === 'second' && up === 1_500;
  const line = await running.line('all doorbells', isUp, 300);
  // Each with its owner, at one broker for homes and area.
  expect(Number(line['descriptors'])).toBeGreaterThan(3 * 1_500);
  running.child.kill('SIGINT');
  expect(await running.ended(90)).toBe(0);
  expect(ofEvent(running.lines, 'ended')[0]).toMatchObject({ doorbells: 1_500, up: 1_500, failed: 0 });
});
