// Owners' orders act in the order in which they were given, whatever a broker does with them, and the safe side wins.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { noOrderYet, orderHeadInput } from '../../../device/contract/owner-orders.ts';
import { textClaim } from '../../support/parties.ts';
import { GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

const privacy = (on: boolean, changes = {}) => rig.cast.command({ action: 'privacy', on }, changes);
const names = () => rig.gate.owners().map(({ name }) => name);
/** The head after an accepted order: the hash of the head before it and the order's exact bytes. */
const nextHead = (before: string, token: string) => sha256Hex(orderHeadInput(before, token));
const refusal = () => rig.effects.last().code;

describe('two orders of one second that a broker swaps', () => {
  it('end with privacy on, when that was the last order', async () => {
    const [off, on] = [privacy(false), privacy(true)];
    await rig.command(on);
    await rig.command(off);
    expect([rig.gate.privacyOn, refusal()]).toEqual([true, 'consent_order_stale']);
    await rig.reboot();
    await rig.command(off);
    expect([rig.gate.privacyOn, refusal()]).toEqual([true, 'consent_order_stale']);
  });

  it('leave an owner removed who was added and removed', async () => {
    const { key } = otherCast(rig).owner;
    const add = rig.cast.command({ action: 'add-owner', key: key.publicKey, name: 'Sam' });
    const remove = rig.cast.command({ action: 'remove-owner', key: key.publicKey });
    await rig.command(remove);
    expect(refusal()).toBe('owner_unknown');
    await rig.reboot();
    for (const token of [add, remove, add]) await rig.command(token);
    expect(names()).toEqual(['Alex']);
    expect(rig.effects.receipts.map(({ code }) => code)).toEqual([
      'consent_order_stale',
      'owner_unknown',
      'consent_order_stale',
    ]);
  });

  it('leave a home out of Search Party, when that was the last order', async () => {
    const [on, off] = [true, false].map((word) => rig.cast.command({ action: 'search-party', on: word }));
    await rig.command(off ?? '');
    await rig.command(on ?? '');
    expect([rig.gate.searchPartyOn, refusal()]).toEqual([false, 'consent_order_stale']);
  });
});

describe('an order that names the last accepted one', () => {
  it('is refused when it names none, as orders of the former contract do', async () => {
    rig.cast.lastOrder = undefined;
    await rig.command(privacy(false));
    await rig.command(rig.cast.command({ action: 'forget' }));
    await rig.command(rig.cast.command({ action: 'reset-clock-mark' }));
    expect(rig.effects.receipts.map(({ code }) => code)).toEqual(Array(3).fill('consent_order_stale'));
    expect([rig.effects.privacies, rig.effects.forgotten]).toEqual([[], []]);
  });

  it('names any owner’s order: command, grant, denial or revocation', async () => {
    expect(rig.gate.lastOrder).toBe(sha256Hex(noOrderYet(rig.cast.device.id)));
    let head = rig.gate.lastOrder;
    const { requestToken, grantToken } = await rig.granted();
    head = nextHead(head, grantToken);
    expect(rig.gate.lastOrder).toBe(head);
    const stale = privacy(false);
    for (const [action, token] of [
      ['revoke', rig.cast.revoke(grantToken)],
      ['deny', rig.cast.denial(requestToken)],
    ] as const) {
      await rig.send(action, token);
      head = nextHead(head, token);
      expect(rig.gate.lastOrder).toBe(head);
    }
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const hers = rig.cast.command({ action: 'privacy', on: true }, {}, sam);
    await rig.command(hers);
    await rig.reboot();
    expect(rig.gate.lastOrder).toBe(nextHead(head, hers));
    await rig.command(stale);
    expect([rig.gate.privacyOn, refusal()]).toEqual([true, 'consent_order_stale']);
    await rig.command(privacy(false));
    expect(rig.gate.privacyOn).toBe(false);
  });

  it('stays valid after refusals, presses and repeats', async () => {
    const off = privacy(false);
    await rig.command(off);
    const { lastOrder } = rig.gate;
    await rig.command(rig.cast.command({ action: 'press', button: 'front' }));
    await rig.command(rig.cast.command({ action: 'add-owner', key: rig.cast.owner.key.publicKey, name: 'Again' }));
    await rig.command(off);
    expect(rig.gate.lastOrder).toBe(lastOrder);
    expect(rig.effects.last().outcome).toBe('command-done');
  });

  it('is answered as done when its bytes arrive again because the receipt was lost, whatever came after it', async () => {
    const off = privacy(false);
    await rig.command(off);
    await rig.command(privacy(true));
    await rig.command(off);
    expect(rig.effects.last()).toMatchObject({ outcome: 'command-done', answers: textClaim(off, 'jti') });
    expect([rig.gate.privacyOn, rig.effects.privacies]).toEqual([true, [false, true]]);
  });

  it('lets one of two simultaneous owners win, and the other sign again', async () => {
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const [first, second] = [privacy(false), rig.cast.command({ action: 'forget' }, {}, sam)];
    await Promise.all([rig.command(first), rig.command(second)]);
    expect(refusal()).toBe('consent_order_stale');
    expect(rig.effects.forgotten).toEqual([]);
    await rig.command(rig.cast.command({ action: 'forget' }, {}, sam));
    expect(rig.effects.forgotten).toEqual([undefined]);
  });
});

it('an order that was tricked into naming an unaccepted safe one is dead after any other order', async () => {
  const sam = otherCast(rig).owner;
  await rig.gate.pair(sam.key.publicKey, 'Sam');
  // The broker holds Sam's order back and tells Alex's client, in the unsigned state, that it was the last one.
  const heldBack = rig.cast.command({ action: 'privacy', on: true }, {}, sam);
  const seeing = [nextHead(rig.gate.lastOrder, heldBack), sha256Hex(heldBack)].map((after) =>
    privacy(false, { after }),
  );
  await rig.command(privacy(true));
  await rig.command(heldBack);
  for (const token of seeing) await rig.command(token);
  expect([rig.gate.privacyOn, refusal()]).toEqual([true, 'consent_order_stale']);
});

describe('the safe side', () => {
  it('needs to name nothing: privacy on is carried out, by whatever clock it was signed', async () => {
    const sam = otherCast(rig).owner;
    await rig.gate.pair(sam.key.publicKey, 'Sam');
    const ahead = rig.cast.nowS() + 200;
    await rig.command(rig.cast.command({ action: 'privacy', on: false }, { iat: ahead }, sam));
    rig.cast.lastOrder = undefined;
    await rig.command(privacy(true));
    expect([rig.gate.privacyOn, rig.effects.last().outcome]).toEqual([true, 'command-done']);
  });

  it('wins when a broker held a removal back until that owner was added again: once, while the order lives', async () => {
    const sam = otherCast(rig).owner;
    const key = sam.key.publicKey;
    await rig.gate.pair(key, 'Sam');
    const [heldBack, old] = [1, 2].map(() => rig.cast.command({ action: 'remove-owner', key }));
    await rig.command(rig.cast.command({ action: 'remove-owner', key }));
    const add = () => rig.cast.command({ action: 'add-owner', key, name: 'Sam' });
    await rig.command(add());
    await rig.command(heldBack ?? '');
    expect(names()).toEqual(['Alex']);
    await rig.command(add());
    await rig.command(heldBack ?? '');
    expect(names()).toEqual(['Alex', 'Sam']);
    await rig.clock.advance(601_000);
    await rig.command(old ?? '');
    expect([names(), refusal()]).toEqual([['Alex', 'Sam'], 'token_expired']);
  });

  it('does not include a removal that a former owner signed before their own removal', async () => {
    const sam = otherCast(rig).owner;
    const { publicKey: key } = sam.key;
    await rig.gate.pair(key, 'Sam');
    const kept = rig.cast.command({ action: 'remove-owner', key: rig.cast.owner.key.publicKey }, {}, sam);
    await rig.command(rig.cast.command({ action: 'remove-owner', key }));
    await rig.command(rig.cast.command({ action: 'add-owner', key, name: 'Sam' }));
    await rig.command(kept);
    expect([names(), refusal()]).toEqual([['Alex', 'Sam'], 'consent_too_old']);
  });
});

describe('an order to forget that a broker holds back', () => {
  it('destroys nothing recorded after it was signed, and the receipt says so', async () => {
    const forget = rig.cast.command({ action: 'forget' });
    const signedUs = rig.cast.nowS() * 1_000_000 + 1_000_000;
    await rig.clock.advance(300_000);
    await rig.command(forget);
    expect(rig.effects.forgotten).toEqual([{ startUs: 0, endUs: signedUs }]);
    expect(rig.effects.last()).toMatchObject({ outcome: 'command-done', detail: expect.stringContaining('was kept') });
  });

  it('does so too when its window reaches beyond the signing, and is refused when all of the window is later', async () => {
    const nowUs = rig.cast.nowS() * 1_000_000;
    const window = { startUs: nowUs - 60_000_000, endUs: nowUs + 60_000_000 };
    const early = rig.cast.command({ action: 'forget', window });
    await rig.clock.advance(120_000);
    await rig.command(early);
    expect(rig.effects.forgotten).toEqual([{ startUs: window.startUs, endUs: nowUs + 1_000_000 }]);
    expect(rig.effects.last().detail).toContain('was kept');
    const ahead = { startUs: nowUs + 500_000_000, endUs: nowUs + 600_000_000 };
    await rig.command(rig.cast.command({ action: 'forget', window: ahead }));
    expect(refusal()).toBe('consent_window_future');
  });

  it('destroys everything when it arrives at once, as its signer expects', async () => {
    await rig.command(rig.cast.command({ action: 'forget' }));
    expect(rig.effects.forgotten).toEqual([undefined]);
    expect(rig.effects.last().detail).toBeUndefined();
  });

  it('has no effect once another order was accepted', async () => {
    const forget = rig.cast.command({ action: 'forget' });
    await rig.granted();
    await rig.command(forget);
    expect([rig.effects.forgotten, refusal()]).toEqual([[], 'consent_order_stale']);
  });
});
