import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../../device/contract/errors.ts';
import { Ledger } from '../../../device/ledger/ledger.ts';
import type { LedgerBody } from '../../../device/ledger/ledger-entry.ts';
import { FullDisk } from './full-disk.ts';
import { clipFacts, GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(async () => {
  await rig.close();
});

describe('a command', () => {
  it('to press rings once, however often the broker delivers it, and leaves nothing in the ledger', async () => {
    const before = rig.gate.head;
    const token = rig.cast.command({ action: 'press', button: 'front' });
    await rig.command(token);
    await rig.command(token);
    expect(rig.effects.presses).toEqual(['front']);
    expect(rig.effects.receipts.map((receipt) => receipt.outcome)).toEqual(['command-done', 'command-done']);
    expect(rig.gate.head).toEqual(before);
  });

  it('to press from before this boot is too old, so that none can be replayed after a restart', async () => {
    const token = rig.cast.command({ action: 'press', button: 'front' });
    await rig.command(token);
    await rig.clock.advance(2_000);
    await rig.reboot();
    await rig.command(token);
    expect(rig.effects.presses).toEqual([]);
    expect(rig.effects.last().code).toBe('consent_too_old');
  });

  it('to set privacy lasts over a restart and is not carried out twice', async () => {
    const on = rig.cast.command({ action: 'privacy', on: true });
    await rig.command(on);
    await rig.command(rig.cast.command({ action: 'privacy', on: false }));
    await rig.command(on);
    expect(rig.effects.privacies).toEqual([true, false]);
    await rig.reboot();
    expect(rig.gate.privacyOn).toBe(false);
    await rig.command(on);
    expect(rig.effects.privacies).toEqual([]);
  });

  it('to end privacy ends what an unsigned message turned on, which is recorded but not an order', async () => {
    const before = rig.gate.lastOrder;
    await Promise.all([rig.gate.turnPrivacyOn(), rig.gate.turnPrivacyOn()]);
    const { entries } = rig.gate.head;
    await rig.gate.turnPrivacyOn();
    expect([rig.effects.privacies, rig.gate.head.entries, rig.gate.lastOrder]).toEqual([[true], entries, before]);
    await rig.reboot();
    expect(rig.gate.privacyOn).toBe(true);
    await rig.command(rig.cast.command({ action: 'privacy', on: false }));
    expect([rig.gate.privacyOn, rig.effects.privacies]).toEqual([false, [false]]);
  });

  it('to forget is carried out after a crash that came before it was done', async () => {
    rig.effects.forgetFails = true;
    const window = rig.cast.window();
    await rig.command(rig.cast.command({ action: 'forget', window }));
    expect(rig.effects.last()).toMatchObject({
      ...{ outcome: 'refused', code: 'ring_write_failed' },
      detail: expect.stringMatching(/at the ring .*forget failed/),
    });
    await rig.reboot();
    expect(rig.effects.forgotten).toEqual([window]);
    await rig.reboot();
    expect(rig.effects.forgotten).toEqual([]);
  });

  it('to forget that is repeated is carried out if it was not done', async () => {
    rig.effects.forgetFails = true;
    const token = rig.cast.command({ action: 'forget' });
    await rig.command(token);
    rig.effects.forgetFails = false;
    await rig.command(token);
    await rig.command(token);
    expect(rig.effects.forgotten).toEqual([undefined]);
    expect(rig.effects.last().outcome).toBe('command-done');
  });

  it('to announce publishes the open requests and the state of recent ones again', async () => {
    await rig.granted();
    await rig.publish();
    await rig.clock.advance(1_000);
    const before = rig.effects.notices.length;
    rig.effects.receipts.length = 0;
    await rig.command(rig.cast.command({ action: 'announce' }));
    expect(rig.effects.notices.length).toBe(before + 1);
    expect(rig.effects.receipts.map((receipt) => receipt.outcome)).toEqual(['granted', 'command-done']);
  });

  it('adds an owner who can grant, and removes one who then cannot', async () => {
    const { owner } = otherCast(rig);
    await rig.command(rig.cast.command({ action: 'add-owner', key: owner.key.publicKey, name: 'Sam' }));
    await rig.reboot();
    await rig.revocations();
    const request = await rig.publish();
    await rig.send('grant', rig.cast.grant(request, {}, owner));
    expect(rig.effects.last().outcome).toBe('granted');
    await rig.command(rig.cast.command({ action: 'remove-owner', key: owner.key.publicKey }));
    expect(rig.effects.made[0]?.signal.aborted).toBe(true);
    await rig.send('grant', rig.cast.grant(request, {}, owner));
    expect(rig.gate.unbelievedCounts()).toEqual({ token_unknown_signer: 1 });
  });

  it('lets the device know that there were other owners, also after a restart', async () => {
    const { owner } = otherCast(rig);
    const key = owner.key.publicKey;
    await rig.command(rig.cast.command({ action: 'add-owner', key, name: 'Sam' }));
    expect(rig.gate.hadOtherOwners).toBe(false);
    await rig.command(rig.cast.command({ action: 'remove-owner', key }));
    expect(rig.gate.hadOtherOwners).toBe(true);
    await rig.reboot();
    expect(rig.gate.hadOtherOwners).toBe(true);
  });

  it('counts owners from before a restore as possible former owners', async () => {
    expect(rig.gate.hadOtherOwners).toBe(false);
    await rig.restored();
    expect(rig.gate.hadOtherOwners).toBe(true);
  });

  it('adds no owner with a key under which anyone can sign', async () => {
    const key = `AQ${'A'.repeat(41)}`;
    await rig.command(rig.cast.command({ action: 'add-owner', key, name: 'Nobody' }));
    expect(rig.effects.last().code).toBe('pairing_refused');
  });

  it('resets the clock mark, and grants go on', async () => {
    await rig.clock.advance(3_600_000);
    await rig.gate.idle();
    rig.clock.setWallUs(rig.clock.wallUs() - 3_600_000_000);
    expect(rig.gate.clockTrusted).toBe(false);
    await rig.command(rig.cast.command({ action: 'reset-clock-mark' }));
    expect(rig.gate.clockTrusted).toBe(true);
    await rig.reboot();
    expect(rig.gate.clockTrusted).toBe(true);
    await rig.revocations();
    await rig.granted();
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('resets the clock mark also when a crash came before the mark was stored', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    await rig.clock.advance(3_600_000);
    await rig.gate.idle();
    rig.clock.setWallUs(rig.clock.wallUs() - 3_600_000_000);
    disk.stuckFile = 'marks.json';
    await rig.command(rig.cast.command({ action: 'reset-clock-mark' }));
    disk.stuckFile = null;
    await rig.reboot();
    expect(rig.gate.clockTrusted).toBe(true);
  });
});

describe('a press', () => {
  const press = (changes = {}) => rig.cast.command({ action: 'press', button: 'front' }, changes);

  it('of an unknown button is refused, with the names of the known ones', async () => {
    rig.otherwise = { buttons: ['front', 'garden'] };
    await rig.reboot();
    await rig.command(rig.cast.command({ action: 'press', button: 'back' }));
    expect(rig.effects.last()).toMatchObject({
      code: 'button_unknown',
      detail: expect.stringContaining('front, garden'),
    });
    expect(rig.effects.presses).toEqual([]);
  });

  it('under the id of another is refused', async () => {
    await rig.command(press({ jti: 'command-1' }));
    await rig.command(rig.cast.command({ action: 'announce' }, { jti: 'command-1' }));
    expect(rig.effects.last().code).toBe('consent_replayed');
  });

  it('is one of 256 within a minute; there is room again after a minute', async () => {
    for (let count = 0; count < 256; count += 1) await rig.command(press());
    await rig.command(press());
    expect([rig.effects.presses.length, rig.effects.last().code]).toEqual([256, 'consent_too_many']);
    await rig.clock.advance(60_000);
    await rig.command(press());
    expect(rig.effects.last().code).toBe('consent_too_many');
    await rig.clock.advance(1_000);
    await rig.command(press());
    expect([rig.effects.presses.length, rig.effects.last().outcome]).toEqual([257, 'command-done']);
  });

  it('from before this boot is recognised by a clock that was corrected meanwhile', async () => {
    rig.clock.setWallUs(1_000_000_000_000, false);
    await rig.reboot();
    await rig.clock.advance(5_000);
    rig.clock.setWallUs(Date.UTC(2027, 0, 1) * 1_000);
    await rig.command(press({ iat: rig.cast.nowS() - 6 }));
    expect(rig.effects.last().code).toBe('consent_too_old');
    await rig.command(press({ iat: rig.cast.nowS() - 5 }));
    expect(rig.effects.presses).toEqual(['front']);
  });
});

describe('the clock mark', () => {
  it('is not reset while the clock is not set', async () => {
    rig.clock.setWallUs(rig.clock.wallUs(), false);
    await rig.command(rig.cast.command({ action: 'reset-clock-mark' }));
    expect([rig.effects.last().code, rig.gate.clockTrusted]).toEqual(['consent_clock_untrusted', false]);
  });
});

describe('forgetting', () => {
  it('fails with the ring’s own failure, where it has one', async () => {
    const said = failure('ring_write_failed', { path: '/ring', detail: 'EROFS' });
    rig.effects.forget = () => Promise.reject(said);
    await rig.command(rig.cast.command({ action: 'forget' }));
    expect(rig.effects.last()).toMatchObject({ code: 'ring_write_failed', detail: expect.stringContaining('EROFS') });
  });

  it('that still fails at the next upkeep is retried later, and holds nothing else up', async () => {
    rig.effects.forgetFails = true;
    await rig.command(rig.cast.command({ action: 'forget' }));
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(rig.effects.forgotten).toEqual([]);
    rig.effects.forgetFails = false;
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(rig.effects.forgotten).toHaveLength(1);
  });

  it('of a past window is complete, however late the order arrives', async () => {
    const window = rig.cast.window();
    const token = rig.cast.command({ action: 'forget', window });
    await rig.clock.advance(300_000);
    await rig.command(token);
    expect(rig.effects.forgotten).toEqual([window]);
    expect(rig.effects.last().detail).toBeUndefined();
  });

  it('of a window that ends with the second of signing is complete, too', async () => {
    const nowS = rig.cast.nowS();
    const window = { startUs: (nowS - 60) * 1_000_000, endUs: (nowS + 1) * 1_000_000 };
    const token = rig.cast.command({ action: 'forget', window });
    await rig.clock.advance(60_000);
    await rig.command(token);
    expect([rig.effects.forgotten, rig.effects.last().detail]).toEqual([[window], undefined]);
  });

  it('of a window without a past microsecond is refused', async () => {
    const nowUs = rig.clock.wallUs();
    await rig.command(rig.cast.command({ action: 'forget', window: { startUs: nowUs, endUs: nowUs + 9 } }));
    expect(rig.effects.last().code).toBe('consent_window_future');
    await rig.command(rig.cast.command({ action: 'forget', window: { startUs: nowUs - 1, endUs: nowUs + 9 } }));
    expect(rig.effects.forgotten).toEqual([{ startUs: nowUs - 1, endUs: nowUs }]);
  });
});

describe('an owner', () => {
  it('cannot be added twice or beyond the limit, nor be the last one and be removed', async () => {
    rig.limits = { ownersMax: 1 };
    await rig.reboot();
    const { publicKey: own } = rig.cast.owner.key;
    const { publicKey: key } = otherCast(rig).owner.key;
    for (const [order, code] of [
      [{ action: 'add-owner', key: own, name: 'Again' }, 'owner_known'],
      [{ action: 'add-owner', key, name: 'Sam' }, 'owner_too_many'],
      [{ action: 'remove-owner', key: own }, 'owner_last'],
    ] as const) {
      await rig.command(rig.cast.command(order));
      expect(rig.effects.last().code).toBe(code);
    }
    expect(rig.gate.owners().map(({ name }) => name)).toEqual(['Alex']);
  });

  it('is not removed when there is no other, and each removal of a non-owner gets the same answer', async () => {
    const key = otherCast(rig).owner.key.publicKey;
    const token = rig.cast.command({ action: 'remove-owner', key });
    const { entries } = rig.gate.head;
    for (let times = 0; times < 2; times += 1) {
      await rig.command(token);
      expect([rig.effects.last().code, rig.gate.head.entries]).toEqual(['owner_unknown', entries + 1]);
    }
    await rig.command(rig.cast.command({ action: 'add-owner', key, name: 'Sam' }));
    expect(rig.gate.owners().map(({ name }) => name)).toEqual(['Alex', 'Sam']);
  });
});

describe('on a full disk', () => {
  it('a grant does not count, and does when it is sent again once there is room', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    await rig.revocations();
    const grantToken = rig.cast.grant(await rig.publish());
    disk.isFull = true;
    await rig.send('grant', grantToken);
    expect(rig.effects.last().code).toBe('consent_storage_failed');
    expect(rig.effects.made).toEqual([]);
    disk.isFull = false;
    await rig.send('grant', grantToken);
    expect(rig.effects.last().outcome).toBe('granted');
    expect(rig.effects.made).toHaveLength(1);
  });

  it('a revocation stops the upload and reaches the bridge nevertheless, and is recorded once there is room', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    await rig.revocations();
    const { grant, grantToken } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    await rig.gate.tokenPresented(grant);
    disk.isFull = true;
    const token = rig.cast.revoke(grantToken);
    await rig.send('revoke', token);
    expect(rig.effects.made[0]?.signal.aborted).toBe(true);
    expect(rig.effects.last().code).toBe('consent_revocation_unrecorded');
    expect(rig.effects.revocations).toEqual([{ grant, token }]);
    disk.isFull = false;
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(rig.effects.last()).toMatchObject({ outcome: 'revoked', grant });
    await rig.reboot();
    expect(rig.effects.resumed).toEqual([]);
    expect(rig.effects.revocations).toEqual([{ grant, token }]);
  });
});

describe('an owner who was removed and added again', () => {
  it('is not bound by a grant or order that a broker kept from before', async () => {
    const { cast } = rig;
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const requestToken = await rig.publish();
    const kept = cast.grant(requestToken, {}, sam);
    // Up to exactly five minutes after the removal.
    const ahead = cast.grant(requestToken, { iat: cast.nowS() + 301 }, sam);
    const forget = cast.command({ action: 'forget' }, {}, sam);
    const hide = cast.command({ action: 'privacy', on: true }, {}, sam);
    await rig.clock.advance(1_000);
    await rig.command(cast.command({ action: 'remove-owner', key: sam.key.publicKey }));
    await rig.command(cast.command({ action: 'add-owner', key: sam.key.publicKey, name: 'Sam' }));
    await rig.reboot();
    await rig.revocations();
    await rig.publish(requestToken);
    for (const token of [kept, ahead]) {
      await rig.send('grant', token);
      expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_too_old' });
    }
    await rig.command(forget);
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_too_old' });
    expect([...rig.effects.made, ...rig.effects.forgotten]).toEqual([]);
    // A denial is safe whenever it was signed.
    await rig.command(hide);
    expect(rig.gate.privacyOn).toBe(true);
    await rig.clock.advance(301_000);
    await rig.revocations();
    await rig.send('grant', cast.grant(requestToken, {}, sam));
    expect(rig.effects.made).toHaveLength(1);
  });

  it('is heard five minutes after the reset if the removal was dated by a clock that was ahead and was reset', async () => {
    const { cast } = rig;
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const rightUs = rig.clock.wallUs();
    rig.clock.setWallUs(rightUs + 90 * 86_400_000_000);
    await rig.command(cast.command({ action: 'remove-owner', key: sam.key.publicKey }));
    await rig.command(cast.command({ action: 'add-owner', key: sam.key.publicKey, name: 'Sam' }));
    rig.clock.setWallUs(rightUs + 1_000_000);
    await rig.command(cast.command({ action: 'reset-clock-mark' }));
    const requestToken = await rig.publish();
    await rig.send('grant', cast.grant(requestToken, {}, sam));
    expect(rig.effects.last().code).toBe('consent_too_old');
    await rig.clock.advance(302_000);
    await rig.revocations();
    await rig.send('grant', cast.grant(requestToken, {}, sam));
    expect(rig.effects.made).toHaveLength(1);
  });
});

describe('a damaged ledger', () => {
  it('is a tamper event; the button still works, and no decision is made', async () => {
    const { grantToken } = await rig.granted();
    await rig.gate.stop();
    const path = `${rig.folder}/ledger.jsonl`;
    await writeFile(path, (await readFile(path, 'utf8')).replace('"type":"granted"', '"type":"denied"'));
    await rig.boot();
    expect(rig.effects.tampers).toEqual(['ledger']);
    expect(rig.effects.made).toEqual([]);
    // The owner's last order may have been privacy on.
    expect(rig.gate.privacyOn).toBe(true);
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(rig.effects.last().code).toBe('consent_ledger_damaged');
    await rig.command(rig.cast.command({ action: 'press', button: 'front' }));
    expect(rig.effects.presses).toEqual(['front']);
    await expect(rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Eve')).rejects.toMatchObject({
      code: 'consent_ledger_damaged',
    });
  });

  it.each<[string, (request: string) => LedgerBody]>([
    ['an effect without a decision', (request) => ({ type: 'token-presented', body: { request, grant: 'grant-1' } })],
    [
      'a grant that no owner signed',
      (request) => {
        const requestToken = rig.cast.request({ jti: request });
        const grantToken = rig.cast.grant(requestToken, { jti: 'grant-1' }, otherCast(rig).owner);
        const tokens = { grantToken, requestToken, credentialToken: rig.cast.credential() };
        return { type: 'granted', body: { request, grant: 'grant-1', ...tokens, pairingToken: rig.cast.pairing() } };
      },
    ],
    [
      'a grant of a request that the agency did not sign',
      (request) => {
        const requestToken = rig.cast.request({ jti: request }, otherCast(rig).agency);
        const grantToken = rig.cast.grant(requestToken, { jti: 'grant-1' });
        const tokens = { grantToken, requestToken, credentialToken: rig.cast.credential() };
        return { type: 'granted', body: { request, grant: 'grant-1', ...tokens, pairingToken: rig.cast.pairing() } };
      },
    ],
  ])('is one with %s, though its chain and signature are right', async (_what, said) => {
    await rig.gate.stop();
    const { clock, disk, folder, cast } = rig;
    const ledger = new Ledger({ disk, clock, folder, device: cast.device, boot: 'boot-x' });
    await ledger.start(() => undefined);
    await ledger.append(said('request-1'));
    await ledger.stop();
    await rig.boot();
    expect(rig.gate.damaged).toMatch(/^entry \d+: /);
    expect(rig.effects.made).toEqual([]);
  });

  it.each(['ledger.jsonl', 'ledger-head.json', 'marks.json'])(
    'is treated like one whose %s cannot be read: no tamper event, no decision, and everything again in the next boot',
    async (file) => {
      const { grant } = await rig.granted();
      const disk = new FullDisk();
      rig.disk = disk;
      for (const code of ['EIO', 'EMFILE']) {
        disk.unreadable = { file, code };
        await rig.reboot();
        expect(rig.gate.damaged).toContain(code);
        expect(rig.effects.tampers).toEqual([]);
        expect(rig.effects.made).toEqual([]);
        expect(rig.gate.privacyOn).toBe(file !== 'marks.json');
        await rig.command(rig.cast.command({ action: 'press', button: 'front' }));
        disk.unreadable = null;
      }
      await rig.reboot();
      expect(rig.gate.damaged).toBeNull();
      expect(rig.effects.made.map((live) => live.id)).toEqual([grant]);
    },
  );

  it('is also one with a marks file that does not hold marks', async () => {
    await rig.gate.stop();
    await writeFile(`${rig.folder}/marks.json`, '{}');
    await rig.boot();
    expect(rig.gate.damaged).not.toBeNull();
  });
});
