// @module-tag long
// Holds: owners' settings on a whole doorbell: the list of owners, the settings in force, that a change acts at once and survives a
// restart, and that no value goes anywhere else.
import { afterEach, describe, expect, it } from 'vitest';
import type { Log } from '../../../device/base/log.ts';
import type { SettingsChange } from '../../../device/contract/owner-settings.ts';
import { slowIt } from '../../support/slow-it.ts';
import { ConsoleRig, type OwnerBrowser, soon } from './support/console-rig.ts';
import { OpenView } from './support/open-connections.ts';

let rig: ConsoleRig;
afterEach(() => rig.stop());

const change = (owner: OwnerBrowser, settings: SettingsChange) =>
  owner.command({ action: 'change-settings', settings });
const inForce = async (owner: OwnerBrowser) => (await owner.get('/api/v1/settings')).json;
/** Length of the recorded footage, in seconds. */
async function footageS(owner: OwnerBrowser): Promise<number> {
  const { ring } = (await owner.get('/api/v1/state')).json as {
    ring: { coverage: { startUs: number; endUs: number }[] };
  };
  return ring.coverage.reduce((sum, { startUs, endUs }) => sum + (endUs - startUs) / 1e6, 0);
}

/** A log that keeps every line, at every level. */
function writtenLog(): { log: Log; logged: unknown[] } {
  const logged: unknown[] = [];
  const write = (...words: unknown[]) => void logged.push(words);
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return { log, logged };
}

describe('owners', () => {
  it('see each other’s name, key and date of pairing, and nobody else does', async () => {
    rig = await ConsoleRig.start();
    const anna = await rig.owner();
    const ben = await rig.owner();
    const { owners } = (await ben.get('/api/v1/owners')).json as {
      owners: { key: string; name: string; sinceS: number }[];
    };
    expect(owners.map(({ key }) => key)).toEqual([anna.key.publicKey, ben.key.publicKey]);
    expect(owners[0]).toMatchObject({ name: 'Anna’s phone' });
    expect(Math.abs((owners[0]?.sinceS ?? 0) - Date.now() / 1_000)).toBeLessThan(60);
    const viewer = await anna.viewer();
    for (const path of ['/api/v1/owners', '/api/v1/settings']) {
      expect((await rig.call(path)).status).toBe(401);
      expect((await rig.call(path, { headers: viewer })).status).toBe(401);
    }
    await ben.command({ action: 'remove-owner', key: anna.key.publicKey });
    expect((await anna.get('/api/v1/owners')).status).toBe(401);
    expect((await ben.get('/api/v1/owners')).json).toMatchObject({ owners: [{ key: ben.key.publicKey }] });
  }, 30_000);
});

describe('settings by an owner’s order', () => {
  slowIt(
    'act at once: motion zones, and how long footage is kept',
    async () => {
      rig = await ConsoleRig.start({ camera: 'synthetic?size=320x240&play=visitor', preRollS: 2, postRollS: 3 });
      const owner = await rig.owner();
      expect(await inForce(owner)).toMatchObject({ motion: { sensitivity: 65, zones: [] }, byOwners: [] });
      await soon(async () => (await footageS(owner)) > 14, 40_000);
      const zone = { left: 0, top: 0, width: 10_000, height: 10_000 };
      const done = await change(owner, {
        motion: { zones: [{ name: 'whole-porch', zone }], sensitivity: 60 },
        ring: { retentionS: 10 },
      });
      expect(done).toMatchObject({ outcome: 'command-done' });
      expect(await footageS(owner)).toBeLessThan(13);
      expect(await inForce(owner)).toMatchObject({
        motion: { sensitivity: 60, zones: [{ name: 'whole-porch', zone }] },
        ring: { retentionS: 10 },
        byOwners: ['motion.sensitivity', 'motion.zones', 'ring.retentionS'],
      });
      await soon(
        async () => (await owner.get('/api/v1/events?types=motion-start')).body.includes('"whole-porch"'),
        40_000,
      );
      await change(owner, { ring: { retentionS: null }, motion: { zones: null, sensitivity: null } });
      expect(await inForce(owner)).toMatchObject({ ring: { retentionS: 86_400 }, byOwners: [] });
    },
    120_000,
  );

  slowIt(
    'keep footage and events over a restart that would be destroyed by device.json',
    async () => {
      const settings = {
        ring: { kind: 'file' as const, bytes: 16 * 1024 * 1024, retentionS: 10 },
        events: { keepDays: 0 },
      };
      rig = await ConsoleRig.start(settings);
      const owner = await rig.owner();
      await change(owner, { ring: { retentionS: 3_600 }, events: { keepDays: 7 } });
      await owner.post('/api/v1/press', {});
      await soon(async () => (await footageS(owner)) > 13, 40_000);
      const { key } = owner;
      await rig.stop(true);
      rig = await ConsoleRig.start(settings, rig.folder);
      const again = await rig.session(key);
      expect(await footageS(again)).toBeGreaterThan(13);
      expect(await inForce(again)).toMatchObject({
        ring: { retentionS: 3_600 },
        byOwners: ['ring.retentionS', 'events.keepDays'],
      });
      expect((await again.get('/api/v1/events?types=ring')).body.toString()).toContain('"source":"console"');
    },
    90_000,
  );

  it('appear only in the ledger and in answers to owners', async () => {
    const { log, logged } = writtenLog();
    rig = await ConsoleRig.start({ homeAssistant: { enabled: true } }, undefined, { log });
    const owner = await rig.owner();
    // Everything sent to the home broker also comes here.
    const stream = new OpenView(rig.url, '/api/v1/messages', owner.headers);
    await expect.poll(() => stream.status).toBe(200);
    await change(owner, {
      disclosure: {
        name: 'Berta Secret',
        address: '9 Hidden Lane',
        email: 'berta@secret.example',
        phone: '+1 555 0199',
      },
      motion: { zones: [{ name: 'secret-path', zone: { left: 1_234, top: 0, width: 100, height: 100 } }] },
    });
    const state = (await owner.get('/api/v1/state')).body.toString();
    const events = (await owner.get('/api/v1/events')).body.toString();
    const openapi = (await rig.call('/api/v1/openapi.json')).body.toString();
    await expect.poll(() => stream.text).toContain('event: receipt');
    const everything = [state, events, openapi, stream.text, JSON.stringify(logged)].join('\n');
    for (const value of ['Berta', 'Hidden Lane', 'secret.example', '+1 555 0199', 'secret-path', '"left":1234']) {
      expect(everything).not.toContain(value);
    }
    expect((await owner.get('/api/v1/settings')).body.toString()).toContain('Hidden Lane');
    stream.socket.destroy();
  }, 30_000);

  it('are logged by name only when the device starts', async () => {
    rig = await ConsoleRig.start();
    const owner = await rig.owner();
    await change(owner, { disclosure: { phone: '+1 555 0199' } });
    await rig.stop(true);
    const { log, logged } = writtenLog();
    rig = await ConsoleRig.start({}, rig.folder, { log });
    expect(JSON.stringify(logged)).toContain('disclosure.phone');
    expect(JSON.stringify(logged)).not.toContain('+1 555 0199');
  }, 30_000);
});
