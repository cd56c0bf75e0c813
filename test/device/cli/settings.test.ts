// The verb `settings` on a running doorbell can do what the page does.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ownerListSchema } from '../../../device/contract/console-messages.ts';
import { callCommand } from '../../support/call-command.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { ConsoleRig, type OwnerBrowser, soon } from '../console/support/console-rig.ts';

describe('settings in the terminal', () => {
  const own = temporaryFolder('settings');
  const by = z.union([z.number(), z.literal('in-force')]);
  const trialSchema = z.object({ counts: z.array(z.object({ by })), found: z.array(z.object({ by })) });
  let rig: ConsoleRig;
  let browser: OwnerBrowser;
  /** One run of `doorsill settings`. */
  const settings = (...words: string[]) => callCommand(['settings', ...words, '--owner', own.path, '--json']);
  const there = () => ['--device-data', rig.folder];
  beforeAll(async () => {
    rig = await ConsoleRig.start({ camera: 'synthetic?size=640x360&play=visitor' });
    browser = await rig.owner();
    const password = join(own.path, 'password');
    await writeFile(password, 'secret\n', { mode: 0o600 });
    const account = ['--user', 'anna', '--password-file', password];
    const socket = ['--socket', rig.doorbell.pairingSocket, '--name', 'terminal'];
    const paired = await runCommand(['pair', ...socket, ...account, '--owner', own.path, '--json']);
    expect([paired.status, paired.stderr]).toEqual([0, '']);
  }, 60_000);
  afterAll(async () => {
    await rig.stop();
    own.dispose();
  });

  it('are shown, changed by one order, and reset', async () => {
    const shown = await settings('show', ...there());
    expect(shown.last).toMatchObject({ motion: { sensitivity: 65 }, byOwners: [] });
    const zones = join(own.path, 'zones.json');
    const path = [{ name: 'path', zone: { left: 0, top: 0, width: 5_000, height: 10_000 } }];
    await writeFile(zones, JSON.stringify(path));
    const change = [
      '--sensitivity',
      '80',
      '--zones',
      zones,
      '--retention',
      '3600',
      '--keep-days',
      '0',
      '--name',
      'A. Resident',
    ];
    const set = await settings('set', ...change, ...there());
    const inForce = {
      disclosure: { name: 'A. Resident' },
      motion: { sensitivity: 80, zones: path },
      ring: { retentionS: 3_600 },
      events: { keepDays: 0 },
    };
    expect(set.last).toMatchObject(inForce);
    expect((await browser.get('/api/v1/settings')).json).toMatchObject(inForce);
    const all = 'disclosure.name,motion.sensitivity,motion.zones,ring.retentionS,events.keepDays';
    const reset = await runCommand(['settings', 'set', '--reset', all, ...there(), '--owner', own.path, '--json']);
    expect(reset.last).toMatchObject({ disclosure: {}, motion: { sensitivity: 65, zones: [] }, byOwners: [] });
  }, 60_000);

  it('are tried on recorded footage without changing anything', async () => {
    const at = (s: number) => new Date(Date.now() + s * 1_000).toISOString();
    let { counts, found }: z.infer<typeof trialSchema> = { counts: [], found: [] };
    const isFound = async () => {
      const tried = await settings('try', '--from', at(-120), '--to', at(0), '--sensitivity', '1,65', ...there());
      if (tried.last) ({ counts, found } = trialSchema.parse(tried.last));
      return found.some(({ by }) => by === 65);
    };
    // The visitor comes in the first seconds of the footage.
    await soon(isFound, 60_000);
    expect(counts.map(({ by }) => by)).toEqual([1, 65, 'in-force']);
    expect(found.some(({ by }) => by === 1)).toBe(false);
    expect((await browser.get('/api/v1/settings')).json).toMatchObject({ byOwners: [] });
  }, 120_000);

  it('name the owners, this key among them', async () => {
    const { owners } = ownerListSchema.parse((await settings('owners', ...there())).last);
    expect(owners.map(({ name }) => name)).toEqual(['Anna’s phone', 'terminal']);
  }, 30_000);

  it.each<[string, string[], string, number]>([
    ['no setting', [], 'usage', 2],
    ['a sensitivity of 101', ['--sensitivity', '101'], 'usage', 2],
    ['half a second', ['--retention', '0.5'], 'usage', 2],
    ['zones in an invalid file', ['--zones', '/dev/null'], 'usage', 2],
    ['an unknown setting', ['--reset', 'ring.bytes'], 'usage', 2],
    ['less footage than an event', ['--retention', '10', '--reset', 'motion.zones'], 'ok', 0],
  ])(
    'answer %s in one line',
    async (_what, words, code, status) => {
      const { stderr, status: ended } = await settings('set', ...words, ...there());
      expect(ended).toBe(status);
      if (code !== 'ok') expect(stderr).toContain(code);
    },
    30_000,
  );
});
