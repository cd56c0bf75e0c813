// @module-tag long
// While a fleet's agency requests and its owners grant and revoke, each service is killed in turn. Everything acknowledged stays, no clip
// is duplicated, none is shown after its revocation, and the custody log is complete.
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
