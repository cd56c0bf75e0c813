// @module-tag long
// @module-tag namespaces
// @module-tag root
// @module-tag gstreamer
// The wire proof: the device in a separate network, with every packet captured, through scenarios with and without a grant, including an
// owner's phone at the device's own server, notifications and multicast DNS. Only listed traffic, no piece of footage, key or private text;
// no call to the bridge before a grant, and exactly the clip after it, which its recipient opens and nobody else can read: not on the wire,
// on the bridge's disk, in its backups, its log, or on its way to the vault. After each scenario a real leak from the same network is found by
// the same search, and so are clips that are not encrypted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMakeNamespaces } from './support/namespace.ts';
import { makeNoise, NOISE_CAMERA } from './support/noise.ts';
import { PLAYS_LIVE, PLAYS_ON_FILE, PLAYS_WATCHED } from './support/scenarios.ts';
import { TrialSeries } from './support/trial.ts';

describe.skipIf(!mayMakeNamespaces())(
  'what leaves the device (needs hardware: a Linux machine of one’s own, as root)',
  () => {
    let series: TrialSeries;
    beforeAll(async () => {
      series = await TrialSeries.open();
    });
    afterAll(() => series.close());

    it('over TLS, decrypted with the device’s own keys: only what is listed, and after a grant exactly the clip', async () => {
      const path = await makeNoise(series.folder, 30);
      const camera = { kind: 'file', path } as const;
      const setting = { secure: true, camera, ring: 'file', motion: false, console: true } as const;
      const result = await series.run(setting, [...PLAYS_WATCHED, ...PLAYS_ON_FILE], 1);
      expect(result.decryptedBytes).toBeGreaterThan(result.clipBytes);
      // At least a probe, two announcements and a goodbye; both targets got each request.
      expect(result.announcements).toBeGreaterThanOrEqual(4);
      expect(result.notifications).toBeGreaterThan(2 * result.clips);
      expect(result.clipsRedacted).toBe(1);
    }, 480_000);

    it('without TLS, from a camera on the network, through a crash and privacy: the same', async (test) => {
      const setting = {
        secure: false,
        camera: { kind: 'rtsp', launch: NOISE_CAMERA },
        ring: 'file',
        motion: true,
        // The control: what is not encrypted is found wherever the other clips were not.
        sealing: 'off',
      } as const;
      await series.run(setting, PLAYS_LIVE.slice(0, 4), 2);
      expect(series.prove(test)).toBeGreaterThanOrEqual(20);
    }, 240_000);
  },
);
