// @module-tag long
// The short form of fleet.slow.test.ts: a few doorbells, and only the bridge is killed.
import { afterAll, it } from 'vitest';
import { type Running, temporaryFolder } from '../../support/command-line.ts';
import { killUnderFleet } from './fleet-kills.ts';

const folder = temporaryFolder('fleet-faults');
let fleet: Running | null = null;
afterAll(async () => {
  await fleet?.stop();
  folder.dispose();
});

it('loses nothing acknowledged when the bridge is killed', { timeout: 120_000 }, async (test) => {
  const running = (started: Running) => {
    fleet = started;
  };
  await killUnderFleet(test, { folder: folder.path, doorbells: 4, parts: ['bridge'], askS: 3, running });
});
