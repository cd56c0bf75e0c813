// Runs two fleets with one seed at a stock mosquitto and at a separate bridge, without embedded parts.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX } from '../../../device/contract/topics.ts';
import { listClipPage } from '../../../sim/officer/agency-client.ts';
import { askFleet, downloadWhole } from '../../support/agency-of-fleet.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { Mosquitto } from '../../support/mosquitto.ts';

const disk = new SystemDisk();
let folder: ReturnType<typeof temporaryFolder>;
let mosquitto: Mosquitto;
let bridge: BridgeFixture;
const started: Running[] = [];
beforeEach(async () => {
  folder = temporaryFolder('fleet-mosquitto');
  const accounts = join(folder.path, 'accounts');
  mosquitto = await Mosquitto.start({ disk, accounts, prefix: DEFAULT_PREFIX }, join(folder.path, 'mosquitto'));
  bridge = await BridgeFixture.open({ areaUrl: `mqtt://127.0.0.1:${mosquitto.port}`, accounts });
  await bridge.admitAgency();
}, 60_000);
afterEach(async () => {
  for (const fleet of started.splice(0)) fleet.child.kill('SIGKILL');
  await bridge?.close();
  await mosquitto?.stop();
  folder.dispose();
});

/** A fleet of seed 7, with a batch code of the bridge's operator. */
async function startFleet(doorbells: number, name: string): Promise<Running> {
  const profile = join(folder.path, 'share.yaml');
  const scene = 'scenes: { porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 } }';
  await writeFile(profile, `${scene}\nramp: 2s\nowners: { share: 100 }\nanswerAfter: { from: 0s, to: 1s }\n`);
  const code = join(folder.path, `${name}.code`);
  await writeFile(code, (await bridge.bridge.printEnrolmentCode({ devices: doorbells, lifeS: 3_600 })).code, {
    mode: 0o600,
  });
  const broker = `mqtt://127.0.0.1:${mosquitto.port}`;
  const links = ['--bridge', bridge.bridge.url, '--enrol', code, '--broker', broker, '--home-broker', broker];
  const words = ['--doorbells', String(doorbells), '--seed', '7', '--profile', profile, '--json'];
  const fleet = new Running(['fleet', ...words, ...links, '--home-accounts', join(folder.path, 'accounts')]);
  started.push(fleet);
  return fleet;
}

it('runs two fleets with one seed at a mosquitto and at one bridge: every granted clip is stored once', {
  timeout: 390_000,
  tags: ['mosquitto'],
}, async () => {
  const sizes = [20, 4] as const;
  const fleets = [await startFleet(sizes[0], 'one'), await startFleet(sizes[1], 'other')] as const;
  for (const [at, fleet] of fleets.entries())
    await fleet.line(
      'footage',
      ({ event, up, segmentsStored }) =>
        event === 'second' && up === sizes[at] && Number(segmentsStored) > 10 * Number(up),
      200,
    );
  const deps = { clock: new SystemClock(), random: new SystemRandom(), disk };
  const at = { id: bridge.cast.bridge.id, url: bridge.bridge.url };
  const agency = bridge.cast.agency.key;
  const request = await askFleet(deps, agency, at, 'theft');
  for (const [at, fleet] of fleets.entries())
    await fleet.line('clips', ({ clipsStored }) => clipsStored === sizes[at], 120);
  const { clips } = await listClipPage(deps, agency, at, { officer: 'fleet', reason: 'what arrived' });
  expect(clips.map((entry) => entry.request)).toEqual(new Array(24).fill(request));
  expect(new Set(clips.map(({ clip }) => clip)).size).toBe(24);
  for (const clip of clips) expect(await downloadWhole(deps, agency, at, clip)).toBe('whole');
  for (const fleet of fleets) fleet.child.kill('SIGINT');
  for (const [at, fleet] of fleets.entries()) {
    expect(await fleet.ended(60)).toBe(0);
    const [ended] = fleet.lines.filter(({ event }) => event === 'ended');
    expect(ended).toMatchObject({ failed: 0, segmentsLost: 0, grants: sizes[at], clipsStored: sizes[at] });
  }
});
