// @module-tag long
// @module-tag namespaces
// @module-tag root
// @module-tag gstreamer
// The proof on the wire: the device in a network of its own, every packet of it captured, through scenarios with and without a
// grant. Nothing that is not listed, no piece of footage, key or private text; after a grant exactly the clip. After each
// scenario a real leak is sent from the same network, and the same search finds it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { compilePlanter } from './support/control.ts';
import { mayMakeNamespaces } from './support/namespace.ts';
import { makeNoise, NOISE_CAMERA } from './support/noise.ts';
import { PLAYS_LIVE, PLAYS_ON_FILE } from './support/scenarios.ts';
import { expectClean, figuresOf, runTrial, type TrialResult } from './support/trial.ts';

describe.skipIf(!mayMakeNamespaces())(
  'what leaves the device (needs hardware: a Linux machine of one’s own, as root)',
  () => {
    let folder = '';
    let planter = '';
    const results: TrialResult[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'doorsill-noise-'));
      planter = await compilePlanter(join(folder, 'planter'));
    });

    afterAll(() => rm(folder, { recursive: true }));

    it('over TLS, decrypted with the device’s own keys: only what is listed, and after a grant exactly the clip', async () => {
      const path = await makeNoise(folder, 30);
      const setting = { secure: true, camera: { kind: 'file', path }, ring: 'file', motion: false } as const;
      const result = await runTrial(setting, PLAYS_ON_FILE, 1, planter);
      results.push(result);
      expectClean(result);
      expect(result.decryptedBytes).toBeGreaterThan(result.clipBytes);
    }, 240_000);

    it('without TLS, from a camera on the network, through a crash and privacy: the same', async (test) => {
      const setting = {
        secure: false,
        camera: { kind: 'rtsp', launch: NOISE_CAMERA },
        ring: 'file',
        motion: true,
      } as const;
      const result = await runTrial(setting, PLAYS_LIVE.slice(0, 4), 2, planter);
      results.push(result);
      expectClean(result);
      const { scenarios, wire, controls, places } = figuresOf(results);
      expect(scenarios).toBeGreaterThanOrEqual(20);
      proved(test, 'foreign packets and pieces of secrets on the wire', `0 in ${scenarios} scenarios, ${wire}`);
      proved(test, 'leaks planted on the wire and found', controls);
      proved(test, 'pieces of secrets beside the wire', places);
    }, 240_000);
  },
);
