// Owners' orders in rare situations: closed requests, two owners at once, failing disks, and bugs, which are never taken for refusals.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RevocationReserve } from '../../../device/ledger/revocation-reserve.ts';
import { textClaim } from '../../support/parties.ts';
import { FullDisk } from './full-disk.ts';
import { clipFacts, Effects, GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
let disk: FullDisk;
beforeEach(async () => {
  rig = await GateRig.open();
  disk = new FullDisk();
  rig.disk = disk;
  await rig.ready();
});
afterEach(() => rig.close());

const outcome = () => rig.effects.last().code ?? rig.effects.last().outcome;

/** A grant whose clip the bridge has. */
async function delivered() {
  const made = await rig.granted();
  const clip = clipFacts('a');
  await rig.gate.clipSealed(made.grant, clip);
  await rig.gate.tokenPresented(made.grant);
  const facts = { clipSha256: clip.sha256, clipBytes: clip.bytes, manifestSha256: clip.manifestSha256 };
  await rig.gate.delivered(made.grant, rig.cast.intakeReceipt(made.grant, facts));
  return made;
}

describe('once the request is no longer open', () => {
  it('the same grant again is answered with its state', async () => {
    const { grantToken, grant } = await delivered();
    await rig.reboot();
    await rig.send('grant', grantToken);
    expect(rig.effects.last()).toMatchObject({ outcome: 'sent', grant, answers: grant });
    expect(rig.effects.made).toEqual([]);
  });

  it('the same denial again is answered, and another grant refused', async () => {
    const requestToken = await rig.publish();
    const denial = rig.cast.denial(requestToken);
    await rig.send('deny', denial);
    const { entries } = rig.gate.head;
    await rig.reboot();
    await rig.send('deny', denial);
    expect(rig.effects.last()).toMatchObject({ outcome: 'denied', answers: textClaim(denial, 'jti') });
    expect(rig.gate.head.entries).toBe(entries);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('consent_denied_before');
  });

  it('a new grant after a revocation is refused: the request is unknown, or cancelled', async () => {
    const { requestToken, grantToken } = await rig.granted();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.reboot();
    await rig.revocations();
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('consent_request_unknown');
    await rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(requestToken, 'jti')] }));
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('consent_request_cancelled');
    expect(rig.effects.made).toEqual([]);
  });

  it('a denial after a revocation is refused in the same way, and so is one of other bytes', async () => {
    const { requestToken, grantToken } = await rig.granted();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.send('deny', rig.cast.denial(requestToken, { requestSha256: 'a'.repeat(64) }));
    expect(outcome()).toBe('consent_request_changed');
    await rig.reboot();
    await rig.send('deny', rig.cast.denial(requestToken));
    expect(outcome()).toBe('consent_request_unknown');
    await rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(requestToken, 'jti')] }));
    await rig.send('deny', rig.cast.denial(requestToken));
    expect(outcome()).toBe('consent_request_cancelled');
  });
});

describe('a grant', () => {
  it('that was signed before the last order on its request is refused, and one of the same second is not', async () => {
    const { requestToken, grantToken } = await rig.granted();
    const kept = rig.cast.grant(requestToken, { iat: rig.cast.nowS() - 1 });
    const atOnce = rig.cast.grant(requestToken);
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.send('grant', kept);
    expect(outcome()).toBe('consent_too_old');
    await rig.send('grant', atOnce);
    expect(outcome()).toBe('granted');
  });

  it('that was signed before a revocation that came ahead of another grant is refused, too', async () => {
    const requestToken = await rig.publish();
    const kept = rig.cast.grant(requestToken);
    await rig.clock.advance(2_000);
    await rig.send('revoke', rig.cast.revoke(rig.cast.grant(requestToken)));
    await rig.reboot();
    await rig.revocations();
    await rig.publish(requestToken);
    await rig.send('grant', kept);
    expect(outcome()).toBe('consent_too_old');
  });

  it('counts as unfinished until it ends: one beyond the limit is refused, and then accepted', async () => {
    rig.limits = { grantsMax: 2 };
    await rig.reboot();
    await rig.revocations();
    const first = await rig.granted();
    await rig.granted();
    const requestToken = await rig.publish();
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('consent_too_many');
    await rig.send('revoke', rig.cast.revoke(first.grantToken));
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('granted');
  });

  it('of an owner who is removed while it is queued is refused', async () => {
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const requestToken = await rig.publish();
    const removal = rig.cast.command({ action: 'remove-owner', key: sam.key.publicKey });
    await Promise.all([rig.command(removal), rig.send('grant', rig.cast.grant(requestToken, {}, sam))]);
    expect(outcome()).toBe('owner_unknown');
    expect(rig.effects.made).toEqual([]);
  });
});

describe('a denial', () => {
  it('at a device with an untrusted clock is accepted, whenever it was signed', async () => {
    const requestToken = await rig.publish();
    rig.clock.setWallUs(rig.clock.wallUs() - 3_600_000_000);
    await rig.send('deny', rig.cast.denial(requestToken, { iat: rig.cast.nowS() + 3_600 }));
    expect(outcome()).toBe('denied');
    const other = await rig.publish();
    await rig.send('deny', rig.cast.denial(other, { exp: rig.cast.nowS() - 3_600 }));
    expect(outcome()).toBe('denied');
  });

  it.each([
    ['from the future', 'consent_not_yet_valid', { iat: 301 }],
    ['of yesterday', 'consent_too_old', { iat: -24 * 3_600 - 1 }],
    ['that has expired', 'token_expired', { iat: -20, exp: 0 }],
  ])('%s is refused by a clock that is trusted', async (_what, code, { iat, ...rest }) => {
    const requestToken = await rig.publish();
    const nowS = rig.cast.nowS();
    const exp = 'exp' in rest ? { exp: nowS } : {};
    await rig.send('deny', rig.cast.denial(requestToken, { iat: nowS + iat, ...exp }));
    expect(outcome()).toBe(code);
  });

  it('of a request that was never published is refused', async () => {
    await rig.send('deny', rig.cast.denial(rig.cast.request()));
    expect(outcome()).toBe('consent_request_unknown');
  });
});

describe('a refusal', () => {
  it('names the order that it answers, that order’s subject and the reason, and has no other field', async () => {
    const requestToken = rig.cast.request();
    const request = textClaim(requestToken, 'jti');
    const grantToken = rig.cast.grant(requestToken);
    const grant = textClaim(grantToken, 'jti');
    const orders = { grant: grantToken, deny: rig.cast.denial(requestToken), revoke: rig.cast.revoke(grantToken) };
    for (const [action, token] of Object.entries(orders)) await rig.send(action as keyof typeof orders, token);
    const command = rig.cast.command({ action: 'privacy', on: false }, { after: 'a'.repeat(64) });
    await rig.command(command);
    const refused = (token: string, code: string, about: object) => ({
      ...{ outcome: 'refused', answers: textClaim(token, 'jti'), code, detail: expect.stringMatching(/\w/), ...about },
    });
    expect(rig.effects.receipts).toStrictEqual([
      refused(grantToken, 'consent_request_unknown', { request, grant }),
      refused(orders.deny, 'consent_request_unknown', { request }),
      refused(orders.revoke, 'consent_nothing_to_revoke', { request, grant }),
      refused(command, 'consent_order_stale', {}),
    ]);
  });
});

describe('what was signed before a restore', () => {
  it('releases nothing and removes no owner; orders that are safe at any time are carried out', async () => {
    const { cast } = rig;
    const sam = otherCast(rig).owner;
    const { grantToken, grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    await rig.gate.tokenPresented(grant);
    const requestToken = await rig.publish();
    const yes = cast.grant(requestToken);
    const no = cast.denial(requestToken);
    const back = cast.revoke(grantToken);
    const removal = cast.command({ action: 'remove-owner', key: sam.key.publicKey });
    const hide = cast.command({ action: 'privacy', on: true });
    await rig.restored();
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    await rig.publish(requestToken);
    const become = async (token: string, work: (token: string) => Promise<void>) => {
      await work(token);
      return outcome();
    };
    expect(await become(yes, (token) => rig.send('grant', token))).toBe('consent_before_restore');
    expect(await become(removal, (token) => rig.command(token))).toBe('consent_before_restore');
    expect(await become(no, (token) => rig.send('deny', token))).toBe('denied');
    expect(await become(back, (token) => rig.send('revoke', token))).toBe('revoked');
    expect(await become(hide, (token) => rig.command(token))).toBe('command-done');
    expect(rig.gate.owners().map(({ name }) => name)).toEqual(['Alex', 'Sam']);
  });
});

describe('an id that was used before', () => {
  it('cannot name another denial, grant or revocation', async () => {
    const [first, second] = [await rig.publish(), await rig.publish()];
    const denial = rig.cast.denial(first);
    const jti = textClaim(denial, 'jti');
    await rig.send('deny', denial);
    for (const [action, token] of [
      ['deny', rig.cast.denial(second, { jti })],
      ['grant', rig.cast.grant(second, { jti })],
      ['revoke', rig.cast.revoke(rig.cast.grant(second), { jti })],
    ] as const) {
      await rig.send(action, token);
      expect(outcome()).toBe('consent_replayed');
    }
  });
});

describe('a request that the bridge cancelled', () => {
  const cancel = (requestToken: string) =>
    rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(requestToken, 'jti')] }));

  it('can no longer be denied, and the receipt says so', async () => {
    const requestToken = await rig.publish();
    await cancel(requestToken);
    await rig.send('deny', rig.cast.denial(requestToken));
    expect(outcome()).toBe('consent_request_cancelled');
  });

  it('and that an owner had denied before is refused as denied', async () => {
    const requestToken = await rig.publish();
    await rig.send('deny', rig.cast.denial(requestToken));
    await cancel(requestToken);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('consent_denied_before');
  });
});

it('counts an order that the broker kept as retained, and does not answer it', async () => {
  const requestToken = await rig.publish();
  const topic = rig.topics.consent(rig.cast.device.id, textClaim(requestToken, 'jti'), 'grant');
  await rig.deliver(topic, rig.cast.grant(requestToken), true);
  expect([rig.gate.unbelievedCounts(), rig.effects.receipts]).toEqual([{ message_retained: 1 }, []]);
});

describe('a revocation', () => {
  it('that was stored is answered once, and not again by upkeep', async () => {
    const { grantToken } = await rig.granted();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(rig.effects.receipts.map((one) => one.outcome)).toEqual(['granted', 'revoked']);
  });

  it('that could not be stored is carried out at once when it arrives again and can be', async () => {
    const token = rig.cast.revoke((await rig.granted()).grantToken);
    disk.isFull = true;
    await rig.send('revoke', token);
    expect(outcome()).toBe('consent_revocation_unrecorded');
    disk.isFull = false;
    await rig.send('revoke', token);
    expect(outcome()).toBe('revoked');
  });

  it('that could not be stored is stored later, also when one of other bytes arrived just before it', async () => {
    const { grantToken } = await rig.granted();
    disk.isFull = true;
    const wrong = rig.cast.revoke(grantToken, { grantSha256: 'a'.repeat(64) });
    await Promise.all([wrong, rig.cast.revoke(grantToken)].map((token) => rig.send('revoke', token)));
    disk.isFull = false;
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect([outcome(), rig.gate.unfinishedGrants()]).toEqual(['revoked', []]);
  });

  it('of other bytes under the grant’s id ends nothing, also while the queue is busy', async () => {
    const { grantToken } = await rig.granted();
    const wrong = rig.cast.revoke(grantToken, { grantSha256: 'a'.repeat(64) });
    const pairing = rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Sam');
    const sending = rig.send('revoke', wrong);
    expect(rig.effects.made[0]?.signal.aborted).toBe(false);
    await Promise.all([pairing, sending]);
    expect(outcome()).toBe('consent_nothing_to_revoke');
    expect(rig.effects.made[0]?.signal.aborted).toBe(false);
  });

  it('of an owner who is removed while it is queued is carried out: it is always safe', async () => {
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const { grantToken } = await rig.granted();
    const removal = rig.cast.command({ action: 'remove-owner', key: sam.key.publicKey });
    await Promise.all([rig.command(removal), rig.send('revoke', rig.cast.revoke(grantToken, {}, sam))]);
    expect(outcome()).toBe('revoked');
  });

  it('of a clip that was not made yet removes all of it even when it cannot be recorded', async () => {
    const { grantToken, grant } = await rig.granted();
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect([rig.effects.removed, rig.effects.revocations]).toEqual([[grant], []]);
    disk.isFull = false;
  });

  it('of a clip that is being sent removes it and goes to its own bridge even when it cannot be recorded', async () => {
    const { grantToken, grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    await rig.gate.tokenPresented(grant);
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect([rig.effects.removed, rig.effects.addressees]).toEqual([[grant], [rig.cast.bridge.id]]);
    disk.isFull = false;
  });

  it('that names another request than its grant’s ends nothing', async () => {
    const { grantToken } = await rig.granted();
    const other = textClaim(await rig.publish(), 'jti');
    const { entries } = rig.gate.head;
    await rig.send('revoke', rig.cast.revoke(grantToken, { request: other }));
    expect([outcome(), rig.gate.head.entries]).toEqual(['consent_nothing_to_revoke', entries]);
    expect(rig.effects.made[0]?.signal.aborted).toBe(false);
  });

  it('that arrives twice ahead of its grant is recorded once', async () => {
    const grantToken = rig.cast.grant(await rig.publish());
    const token = rig.cast.revoke(grantToken);
    const { entries } = rig.gate.head;
    for (let times = 0; times < 2; times += 1) {
      await rig.send('revoke', token);
      expect([outcome(), rig.gate.head.entries]).toEqual(['consent_nothing_to_revoke', entries + 1]);
    }
  });

  it('that no owner signed is ignored, even if the reserve holds it', async () => {
    const { grantToken, grant } = await rig.granted();
    await rig.gate.stop();
    const reserve = new RevocationReserve(disk, rig.folder);
    await reserve.start();
    expect(await reserve.keep(rig.cast.revoke(grantToken, {}, otherCast(rig).owner))).toBe(true);
    await reserve.stop();
    await rig.boot();
    expect(rig.effects.made.map(({ id }) => id)).toEqual([grant]);
  });

  it('by two owners at once is one: both are answered, and it is sent to the bridge once', async () => {
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const { grantToken, grant } = await delivered();
    const both = [rig.cast.revoke(grantToken), rig.cast.revoke(grantToken, {}, sam)];
    await Promise.all(both.map((token) => rig.send('revoke', token)));
    const answered = rig.effects.receipts.filter((one) => one.outcome === 'revoked').map(({ answers }) => answers);
    expect(answered).toEqual(both.map((token) => textClaim(token, 'jti')));
    expect(rig.effects.revocations.map((one) => one.grant)).toEqual([grant]);
  });

  it('of a delivered clip goes to the bridge even when it cannot be recorded', async () => {
    const { grantToken, grant } = await delivered();
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(outcome()).toBe('consent_revocation_unrecorded');
    expect(rig.effects.revocations.map((one) => one.grant)).toEqual([grant]);
    // The clip is no longer here.
    expect(rig.effects.removed).toEqual([grant]);
    disk.isFull = false;
  });

  it('of a clip that was never sent is not sent to the bridge when it cannot be recorded, and the clip is removed', async () => {
    const { grantToken, grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect([rig.effects.revocations, rig.effects.removed]).toEqual([[], [grant]]);
    disk.isFull = false;
  });

  it('that does not fit into the reserve either is in force for this boot, and its owner is told that it is not stored', async () => {
    await rig.gate.stop();
    await rm(join(rig.folder, 'revocations.reserve'));
    disk.isFull = true;
    await rig.boot();
    disk.isFull = false;
    await rig.revocations();
    const { grantToken } = await rig.granted();
    const requestToken = await rig.publish();
    const unseen = rig.cast.grant(requestToken);
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(outcome()).toBe('consent_storage_failed');
    expect(rig.effects.made[0]?.signal.aborted).toBe(true);
    await rig.send('revoke', rig.cast.revoke(unseen));
    expect(outcome()).toBe('consent_storage_failed');
    disk.isFull = false;
    await rig.send('grant', unseen);
    expect(outcome()).toBe('consent_revoked_before');
    const { entries } = rig.gate.head;
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    // A revocation ahead of its grant is not retried: its owner was told that it is not stored.
    expect([rig.gate.unfinishedGrants(), rig.gate.head.entries]).toEqual([[], entries + 1]);
  });

  it('that arrives again while many wait is not queued again, and is in force nevertheless', async () => {
    rig.limits = { waitingMax: 1 };
    await rig.reboot();
    await rig.revocations();
    const { grantToken } = await rig.granted();
    const token = rig.cast.revoke(grantToken);
    await Promise.all([rig.send('revoke', token), rig.send('revoke', token), rig.send('revoke', token)]);
    expect(rig.effects.receipts.map((one) => one.outcome)).toEqual(['granted', 'revoked']);
    expect(rig.effects.made[0]?.signal.aborted).toBe(true);
  });
});

describe('a bug in the effects of an order', () => {
  const bug = () => {
    rig.effects.onReceipt = () => {
      throw new Error('a bug');
    };
  };

  it('is thrown, and is not a refusal', async () => {
    bug();
    const before = rig.effects.receipts.length;
    await expect(rig.command(rig.cast.command({ action: 'press', button: 'front' }))).rejects.toThrow(/^a bug$/);
    expect(rig.effects.receipts.slice(before).map((one) => one.outcome)).toEqual(['command-done']);
  });

  it('is thrown, too, where a grant ends', async () => {
    await rig.granted();
    bug();
    const { bridge, registry } = otherCast(rig);
    const pins = { bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey };
    await expect(rig.gate.enrol(pins)).rejects.toThrow('a bug');
  });

  it('is thrown, too, where footage is forgotten', async () => {
    rig.effects.forgetFails = true;
    await rig.command(rig.cast.command({ action: 'forget' }));
    await rig.gate.stop();
    const lying = Object.assign(new Effects(), { forget: async () => -1 });
    await expect(rig.boot(lying)).rejects.toThrow('assertion failed');
    await rig.reboot();
    expect(rig.effects.forgotten).toEqual([undefined]);
  });
});
