// @module-tag long
// Nothing signed before a restore may act after it, whatever an attacker with an old backup tries.
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeBackup, type Restored, restoreBackup } from '../../device/backup.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { hmacSha256, passphraseKey } from '../../device/base/keys.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { open, seal } from '../../device/base/seal.ts';
import { concatBytes, fromUtf8, utf8 } from '../../device/contract/bytes.ts';
import type { CommandAction } from '../../device/contract/owner-orders.ts';
import { EVENT_FILES } from '../../device/events/event-files.ts';
import { DEVICE_FORMAT } from '../../device/folder-format.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../device/identity.ts';
import { walkLedger } from '../../device/ledger/ledger.ts';
import { makeParty } from '../support/parties.ts';
import { proved } from '../support/proved.ts';
import { FullDisk } from './consent/full-disk.ts';
import { clipFacts, GateRig } from './consent/gate-rig.ts';

const PASSPHRASE = 'correct horse battery';
const disk = new SystemDisk();
const random = new SystemRandom();
/** In place of `passphraseKey`, which is slow on purpose, where a test does not guess passphrases. */
const quickKey: typeof passphraseKey = (passphrase, salt) => hmacSha256(salt, utf8(passphrase));

describe('a device', () => {
  let base: string;
  let folder: string;
  let rig: GateRig;
  let keyOf: typeof passphraseKey;

  beforeEach(async () => {
    keyOf = quickKey;
    base = await mkdtemp(join(tmpdir(), 'doorsill-backup-'));
    folder = join(base, 'porch');
    rig = await (await GateRig.open()).ready();
    await mkdir(folder);
    const secret = rig.cast.device.key.exportSecret();
    await disk.replaceFile(join(folder, 'device.key'), utf8(JSON.stringify({ kind: 'doorsill-device-key', secret })));
    for (const name of ['device.json', 'enrolment.json', 'ring', 'ring.key', 'wrapping.key', 'outbox.key']) {
      await disk.replaceFile(join(folder, name), utf8(`{"of":"${name}"}`));
    }
    await mkdir(join(folder, 'events'));
    for (const name of EVENT_FILES) await disk.replaceFile(join(folder, 'events', name), utf8('somebody was here'));
  });

  afterEach(async () => {
    await rig.close();
    await rm(base, { recursive: true });
  });

  const deps = () => ({ disk, random, clock: rig.clock, keyOf });

  /** Stops the gate, makes a backup, and starts the gate on the same folder again. */
  async function backUp(): Promise<Uint8Array> {
    await rig.gate.stop();
    await cp(rig.folder, join(folder, 'consent'), { recursive: true });
    const backup = await makeBackup(deps(), folder, PASSPHRASE);
    await rig.boot();
    await rig.revocations();
    return backup;
  }

  /** Restores into another folder and lets the gate start on it. */
  async function restore(backup: Uint8Array): Promise<Restored> {
    await rig.gate.stop();
    const fresh = join(base, 'anew');
    const restored = await restoreBackup(deps(), backup, fresh, PASSPHRASE);
    await rm(rig.folder, { recursive: true });
    await cp(join(fresh, 'consent'), rig.folder, { recursive: true });
    await rig.boot();
    await rig.revocations();
    return restored;
  }

  /** The same person pairs once more. */
  const pairAgain = () => rig.gate.pair(rig.cast.owner.key.publicKey, 'Alex');
  const refusals = () => rig.effects.receipts.filter(({ outcome }) => outcome === 'refused').map(({ code }) => code);

  it('is restored with identity, settings and ledger, and without footage, footage keys or past events', async () => {
    keyOf = passphraseKey;
    const restored = await restore(await backUp());
    expect(restored).toMatchObject({ device: rig.cast.device.id, endedGrants: [] });
    const anew = join(base, 'anew');
    expect((await disk.list(anew)).sort()).toEqual([
      'consent',
      'device.json',
      'device.key',
      'enrolment.json',
      'format.json',
    ]);
    expect(await readFile(join(anew, 'device.json'), 'utf8')).toBe('{"of":"device.json"}');
    const types: string[] = [];
    const { id, key } = rig.cast.device;
    await walkLedger(disk, join(anew, 'consent'), { id, key: key.publicKey }, (entry) => types.push(entry.type));
    expect(types).toEqual(['enrolled', 'paired', 'restored']);
    expect(rig.gate.owners()).toEqual([]);
  });

  it('is restored with the owners’ settings of the backup, and refuses their earlier orders', async () => {
    const { cast } = rig;
    const set = (sensitivity: number) =>
      cast.command({ action: 'change-settings', settings: { motion: { sensitivity } } });
    await rig.privately(set(80));
    const backup = await backUp();
    const later = set(90);
    await rig.privately(later);
    await restore(backup);
    await pairAgain();
    expect(rig.gate.settings).toMatchObject({ motion: { sensitivity: 80 }, byOwners: ['motion.sensitivity'] });
    await rig.privately(later);
    expect([rig.gate.settings.motion.sensitivity, refusals()]).toEqual([80, ['consent_before_restore']]);
    // An owner who pairs again changes them, and restores those of device.json.
    await rig.clock.advance(1_000 * 601);
    await rig.privately(cast.command({ action: 'change-settings', settings: { motion: { sensitivity: null } } }));
    expect(rig.gate.settings.byOwners).toEqual([]);
  });

  it('refuses everything signed before the restore, whoever replays it and whoever has paired again', async (test) => {
    const { cast, clock } = rig;
    const backup = await backUp();
    // Decisions after the backup.
    const requestToken = await rig.publish();
    const grantToken = cast.grant(requestToken);
    await rig.send('grant', grantToken);
    expect(rig.effects.made).toHaveLength(1);
    const orders: CommandAction[] = [
      { action: 'privacy', on: false },
      { action: 'forget' },
      { action: 'add-owner', key: makeParty('owner', random).key.publicKey, name: 'Mallory' },
      { action: 'reset-clock-mark' },
    ];
    const commands = orders.map((order) => cast.command(order));
    // Signed by an owner whose clock is as far ahead as is accepted.
    const ahead = cast.grant(requestToken, { iat: cast.nowS() + 299 });
    await clock.advance(1_000);

    await restore(backup);
    await pairAgain();
    await rig.publish(requestToken);
    for (const token of [grantToken, ahead]) await rig.send('grant', token);
    for (const token of commands) await rig.command(token);
    expect(refusals()).toEqual(Array(6).fill('consent_before_restore'));
    expect(rig.effects.made).toEqual([]);
    expect(rig.effects.forgotten).toEqual([]);
    expect(rig.gate.owners()).toHaveLength(1);
    const refused = refusals().length;

    await clock.advance(301_000);
    await rig.revocations();
    await rig.send('grant', cast.grant(requestToken));
    expect(rig.effects.made).toHaveLength(1);
    proved(test, 'Orders from before a restore that are refused after it', `${refused} of ${commands.length + 2}`);
  });

  it('does not continue an unfinished grant of the backup', async () => {
    const { grant } = await rig.granted();
    rig.gate.clipSealed(grant, clipFacts('a'));
    await rig.gate.idle();
    const backup = await backUp();
    const restored = await restore(backup);
    expect(restored.endedGrants).toEqual([grant]);
    expect(rig.gate.unfinishedGrants()).toEqual([]);
    expect([...rig.effects.made, ...rig.effects.resumed]).toEqual([]);
  });

  it('still sends an undelivered revocation to the bridge', async () => {
    const { grant, grantToken } = await rig.granted();
    rig.gate.clipSealed(grant, clipFacts('a'));
    rig.gate.tokenPresented(grant);
    await rig.gate.idle();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    const restored = await restore(await backUp());
    expect(restored.endedGrants).toEqual([]);
    expect(rig.effects.revocations).toMatchObject([{ grant }]);
  });

  it.each(['granted', 'presented', 'delivered'] as const)(
    'keeps a revocation without room in the ledger, of a grant that was %s',
    async (at) => {
      const full = new FullDisk();
      rig.disk = full;
      await rig.reboot();
      await rig.revocations();
      const { grant, grantToken } = await rig.granted();
      if (at !== 'granted') {
        await rig.gate.clipSealed(grant, clipFacts('a'));
        await rig.gate.tokenPresented(grant);
      }
      if (at === 'delivered') {
        const { sha256: clipSha256, bytes: clipBytes, manifestSha256 } = clipFacts('a');
        await rig.gate.delivered(grant, rig.cast.intakeReceipt(grant, { clipSha256, clipBytes, manifestSha256 }));
      }
      const ahead = rig.cast.grant(await rig.publish());
      full.isFull = true;
      await rig.send('revoke', rig.cast.revoke(grantToken));
      await rig.send('revoke', rig.cast.revoke(ahead));
      expect(refusals()).toEqual(['consent_revocation_unrecorded', 'consent_revocation_unrecorded']);
      const backup = await backUp();
      full.isFull = false;
      const restored = await restore(backup);
      expect(restored.endedGrants).toEqual([]);
      expect(rig.effects.revocations.map((one) => one.grant)).toEqual(at === 'granted' ? [] : [grant]);
      expect([...rig.effects.made, ...rig.effects.resumed]).toEqual([]);
      const types: string[] = [];
      const { id, key } = rig.cast.device;
      await walkLedger(disk, rig.folder, { id, key: key.publicKey }, (entry) => types.push(entry.type));
      expect(types.slice(-3)).toEqual(['revoked', 'revoked-ahead', 'restored']);
      expect((await readFile(join(rig.folder, 'revocations.reserve'))).every((byte) => byte === 0)).toBe(true);
    },
  );

  it('refuses orders of an owner who was removed after the backup', async () => {
    const backup = await backUp();
    const other = makeParty('owner', random);
    await rig.gate.pair(other.key.publicKey, 'Sam');
    await rig.command(rig.cast.command({ action: 'remove-owner', key: rig.cast.owner.key.publicKey }, {}, other));
    await restore(backup);
    await rig.command(rig.cast.command({ action: 'press', button: 'front' }));
    expect(rig.effects.presses).toEqual([]);
  });

  it('opens only a complete backup, and only with its passphrase', async () => {
    keyOf = passphraseKey;
    const backup = await backUp();
    const anew = join(base, 'anew');
    const attempt = (bytes: Uint8Array, passphrase = PASSPHRASE) => restoreBackup(deps(), bytes, anew, passphrase);
    await expect(attempt(backup, 'another passphrase')).rejects.toMatchObject({ code: 'backup_unreadable' });
    await expect(makeBackup(deps(), folder, 'too short')).rejects.toMatchObject({ code: 'usage' });
    // Head, salt, nonce, content, tag; each guess costs what scrypt costs.
    for (const at of [0, 8, 12, 30, backup.length >> 1, backup.length - 1]) {
      const altered = backup.slice();
      altered[at] = (altered[at] ?? 0) ^ 1;
      await expect(attempt(altered), `byte ${at}`).rejects.toMatchObject({ code: 'backup_unreadable' });
    }
    await expect(attempt(backup.subarray(0, 20))).rejects.toMatchObject({ code: 'backup_unreadable' });
    expect(await disk.list(anew)).toEqual([]);
    expect(Buffer.from(backup).includes('device.json')).toBe(false);
  });

  it.each(['constructor', 'toString', '../porch/device.json', 'ring', 'consent/ledger.jsonl/x'])(
    'refuses a backup with a file named %s',
    async (name) => {
      const backup = await backUp();
      const head = backup.subarray(0, 25);
      const key = { cipher: 'aes-256-gcm' as const, secret: keyOf(PASSPHRASE, head.subarray(-16)) };
      const bound = concatBytes([utf8('doorsill device backup'), head]);
      const content = JSON.parse(fromUtf8(open(key, backup.subarray(25), bound) ?? new Uint8Array(0)) ?? '');
      content.files[name] = 'AAAA';
      const forged = concatBytes([head, seal(key, utf8(JSON.stringify(content)), bound, random)]);
      await expect(restoreBackup(deps(), forged, join(base, 'anew'), PASSPHRASE)).rejects.toMatchObject({
        code: 'backup_unreadable',
      });
      expect(await disk.list(base)).toEqual(['porch']);
    },
  );

  it('is not restored over another device, nor while the clock is not set', async () => {
    const backup = await backUp();
    await expect(restoreBackup(deps(), backup, folder, PASSPHRASE)).rejects.toMatchObject({
      code: 'data_folder_foreign',
      message: expect.stringContaining('holds the device of this backup already'),
      advice: expect.stringContaining('new or empty folder'),
    });
    const other = join(base, 'other');
    const held = deviceIdOf(await loadOrCreateDeviceKey(disk, random, other));
    await expect(restoreBackup(deps(), backup, other, PASSPHRASE)).rejects.toMatchObject({
      code: 'backup_device_foreign',
      facts: { folder: other, held, device: expect.stringMatching(/^device-/) },
    });
    expect(await disk.list(other)).toEqual(['device.key']);
    rig.clock.setWallUs(0, false);
    await expect(restoreBackup(deps(), backup, join(base, 'anew'), PASSPHRASE)).rejects.toMatchObject({
      code: 'consent_clock_untrusted',
    });
  });

  it('refuses a folder of a newer doorsill and leaves it unchanged', async () => {
    const text = JSON.stringify({ kind: 'doorsill-device', format: DEVICE_FORMAT + 1 });
    await disk.replaceFile(join(folder, 'format.json'), utf8(text));
    await expect(makeBackup(deps(), folder, PASSPHRASE)).rejects.toMatchObject({ code: 'data_newer' });
    expect(await readFile(join(folder, 'format.json'), 'utf8')).toBe(text);
  });
});
