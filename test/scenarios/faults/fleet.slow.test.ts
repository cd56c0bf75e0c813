// @module-tag long
// Holds: while a fleet's agency asks and its owners share and take back, each part that it relies on is killed in turn. What a bridge has
// acknowledged stays, no clip is there twice, none is shown after it was taken back, and the log of custody is whole.
import { afterAll, it } from 'vitest';
import { type Running, temporaryFolder } from '../../support/command-line.ts';
import { killUnderFleet, PARTS } from './fleet-kills.ts';

const folder = temporaryFolder('fleet-faults');
let fleet: Running | null = null;
afterAll(async () => {
  await fleet?.stop();
  folder.dispose();
});

it('loses nothing that was acknowledged, whichever part is killed', { timeout: 900_000 }, async (test) => {
  const running = (started: Running) => {
    fleet = started;
  };
  await killUnderFleet(test, { folder: folder.path, doorbells: 30, parts: PARTS, askS: 6, running });
});
