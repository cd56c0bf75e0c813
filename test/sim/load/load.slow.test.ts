// Loads a fleet's bridge as a user does, with owners who answer.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Running, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('load-slow');
afterAll(() => folder.dispose());

it('asks a fleet’s owners, and downloads what they grant, until Ctrl-C', { timeout: 390_000 }, async () => {
  const profile = join(folder.path, 'share.yaml');
  const scene = 'scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }';
  await writeFile(profile, `${scene}\nramp: 1s\nowners: { share: 100 }\nanswerAfter: { from: 0s, to: 1s }\n`);
  const data = join(folder.path, 'town');
  const fleet = new Running(['fleet', '--doorbells', '6', '--profile', profile, '--data', data, '--json']);
  await fleet.line(
    'footage',
    ({ event, up, segmentsStored }) => event === 'second' && up === 6 && Number(segmentsStored) > 60,
    200,
  );
  const load = new Running([
    'fleet',
    'load',
    '--data',
    data,
    '--ask',
    '12',
    '--poll',
    '60',
    '--download',
    '60',
    '--json',
  ]);
  // Its bridge hands clips over to its vault at once, and answers with their address there.
  await load.line('downloads', ({ event, handedOver }) => event === 'second' && Number(handedOver) >= 3, 120);
  load.child.kill('SIGINT');
  expect(await load.ended(60)).toBe(0);
  const [ended] = load.lines.filter(({ event }) => event === 'ended');
  expect(ended).toMatchObject({ broken: 0, leftOpen: 0 });
  fleet.child.kill('SIGINT');
  expect(await fleet.ended(90)).toBe(0);
});
