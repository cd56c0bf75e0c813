// @module-tag long
// Holds: if doorbells' clocks differ from the bridge's by less than the protocol's five minutes, nothing is refused, lost or stored twice;
// if they differ by hours, no doorbell is enrolled, and the operator learns why.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Line, Running, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const DOORBELLS = 4;
const PATIENCE_S = 180;
const folder = temporaryFolder('fleet-clocks');
const running: Running[] = [];
afterAll(async () => {
  for (const fleet of running) await fleet.stop();
  folder.dispose();
}, 60_000);

const endedSchema = z.object({
  failed: z.int(),
  grants: z.int(),
  refusals: z.int(),
  unbelieved: z.int(),
  clipsStored: z.int(),
  clipsShown: z.int(),
  clipsFailed: z.int(),
  codes: z.record(z.string(), z.int()),
});

/** A fleet whose clocks are all wrong by up to this; it runs until a line for which `isOver` is true. */
async function ranWith(offset: string, isOver: (second: Line) => boolean) {
  const profile = join(folder.path, `${offset}.yaml`);
  const scene = 'scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }';
  const owners = 'owners: { share: 100 }\nanswerAfter: { from: 0s, to: 1s }';
  await writeFile(profile, `${scene}\nramp: 1s\n${owners}\nclocks: { wrongPercent: 100, offset: ${offset} }\n`);
  const words = ['--doorbells', String(DOORBELLS), '--seed', '5', '--profile', profile, '--ask', '8s', '--json'];
  const fleet = new Running(['fleet', ...words]);
  running.push(fleet);
  await fleet.line(`clocks ${offset} apart`, (line) => line['event'] === 'second' && isOver(line), PATIENCE_S);
  fleet.child.kill('SIGINT');
  const status = await fleet.ended(PATIENCE_S);
  return { status, ended: endedSchema.parse(fleet.lines.findLast(({ event }) => event === 'ended')) };
}

it('stores every granted clip if clocks are up to four minutes apart', {
  timeout: 400_000,
}, async (test) => {
  const { status, ended } = await ranWith('4m', ({ clipsStored }) => Number(clipsStored) >= 2 * DOORBELLS);
  expect(status).toBe(0);
  expect(ended).toMatchObject({ failed: 0, refusals: 0, unbelieved: 0, clipsFailed: 0, codes: {} });
  expect([ended.clipsStored, ended.clipsShown]).toEqual([ended.grants, ended.grants]);
  proved(
    test,
    'a fleet whose clocks are up to 4 minutes off',
    `${ended.clipsStored} of ${ended.grants} grants stored, 0 refused`,
  );
});

it('enrols no doorbell whose clock is hours off, and says why', { timeout: 400_000 }, async () => {
  const { status, ended } = await ranWith('12h', ({ failed }) => Number(failed) === DOORBELLS);
  expect(status).not.toBe(0);
  expect(ended).toMatchObject({ failed: DOORBELLS, grants: 0, clipsStored: 0, codes: { token_expired: DOORBELLS } });
});
