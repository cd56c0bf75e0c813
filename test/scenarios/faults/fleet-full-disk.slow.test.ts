// @module-tag long
// @module-tag namespaces
// While a fleet's owners are asked, grant and revoke, the disk of doorbells, bridge and vault fills up. It is reported; nothing
// acknowledged is lost; with space everything goes on.
import { cpSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import { agreed, goesOn } from './fleet-agreement.ts';

const DOORBELLS = 5;
/** A vault keeps 256 MiB free. */
const DISK_BYTES = 480 * 1024 * 1024;
const PROFILE = `
scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }
ramp: 1s
owners: { share: 50, revoke: 50 }
answerAfter: { from: 0s, to: 2s }
revokeAfter: { from: 0s, to: 4s }
`;
const PATIENCE_S = 180;
/** Codes for owners and doorbells on a full disk. */
const SAYS_FULL = ['consent_storage_failed', 'intake_full', 'database_full', 'outbox_full', 'disk_full'];
/** How long the disk stays full. */
const FULL_S = 15;

const folder = temporaryFolder('fleet-full-disk');
let disk: SmallDisk;
let fleet: Running | null = null;
beforeAll(async () => {
  disk = await SmallDisk.open(DISK_BYTES);
});
afterAll(async () => {
  await fleet?.stop();
  await disk.close();
  folder.dispose();
}, 60_000);

const endedSchema = z.object({ clipsStored: z.int(), clipsShown: z.int(), codes: z.record(z.string(), z.int()) });

/** The bridge's own readiness and the reason. */
async function readiness(): Promise<unknown> {
  const town = z.object({ bridge: z.object({ url: z.string() }) });
  const { bridge } = town.parse(JSON.parse(readFileSync(join(disk.outside, 'town.json'), 'utf8')));
  const answer = await fetch(`${bridge.url}/readyz`);
  const body = z.object({ facts: z.object({ failing: z.string() }).optional() }).parse(await answer.json());
  return body.facts?.failing ?? 'ready';
}

it('reports its full disk, loses nothing acknowledged, and goes on with space', {
  timeout: 900_000,
}, async (test) => {
  const profile = join(folder.path, 'profile.yaml');
  await writeFile(profile, PROFILE);
  const size = ['--doorbells', String(DOORBELLS), '--seed', '3', '--profile', profile, '--ask', '6s'];
  fleet = new Running(['fleet', ...size, '--data', disk.inside, '--json'], {}, disk.under);
  await fleet.line('all doorbells', ({ event, up }) => event === 'second' && up === DOORBELLS, PATIENCE_S);
  await goesOn(fleet, 'the start', PATIENCE_S);
  disk.fill();
  await expect.poll(readiness, { timeout: PATIENCE_S * 1_000 }).toContain('disk');
  // It stays full, so that clips in transit and revocations meet it.
  const from = Number(fleet.lines.findLast(({ event }) => event === 'second')?.['seconds']);
  await fleet
    .line(
      'time on a full disk',
      ({ event, seconds }) => event === 'second' && Number(seconds) > from + FULL_S,
      PATIENCE_S,
    )
    .finally(() => disk.empty());
  await expect.poll(readiness, { timeout: PATIENCE_S * 1_000 }).toBe('ready');
  await goesOn(fleet, 'the disk was full', PATIENCE_S);
  fleet.child.kill('SIGINT');
  const status = await fleet.ended(PATIENCE_S);
  const ended = fleet.lines.findLast(({ event }) => event === 'ended');
  expect(status).toBe(0);
  const { clipsStored, clipsShown, codes } = endedSchema.parse(ended);
  // All refusals meanwhile were for lack of space.
  expect(Object.keys(codes).filter((code) => !SAYS_FULL.includes(code))).toEqual([]);
  // SQLite opens no file by a path into another namespace.
  const copy = join(folder.path, 'data');
  for (const part of ['bridge', 'vault']) cpSync(join(disk.outside, part), join(copy, part), { recursive: true });
  const { arrived, shown } = await agreed(copy);
  expect(arrived).toBeGreaterThanOrEqual(clipsStored);
  expect(clipsShown).toBe(shown);
  proved(
    test,
    `a full disk under a fleet of ${DOORBELLS}`,
    `${clipsStored} clips acknowledged, 0 lost, 0 twice, said to owners and in /readyz`,
  );
});
