// An owner's orders while the board's clock is not set: restricting orders, once and only if no older than the device's latest known time;
// the end of privacy on the device's own server; nothing else. A broker that kept orders gains nothing.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Command, CommandAction } from '../../../device/contract/owner-orders.ts';
import type { Party } from '../../support/parties.ts';
import { GateRig, otherCast } from './gate-rig.ts';

const HOUR_S = 3_600;
const ON: CommandAction = { action: 'privacy', on: true };
const OFF: CommandAction = { action: 'privacy', on: false };

let rig: GateRig;
/** The latest second that the device knew before its power failed. */
let failedS: number;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
  failedS = rig.cast.nowS();
});
afterEach(() => rig.close());

/** Its power fails, and it starts in 1970; `powerFails` again keeps that. */
async function powerFails(): Promise<void> {
  await rig.gate.stop();
  rig.clock.setWallUs(20_000_000, false);
  await rig.boot();
}

/** An order signed this many seconds after the power failed, by its owner's clock. */
const signed = (command: CommandAction, afterS: number, changes: Partial<Command> = {}, by?: Party) =>
  rig.cast.command(command, { iat: failedS + afterS, exp: failedS + afterS + 600, ...changes }, by);
const told = () => [rig.effects.last().outcome, rig.effects.last().code];
const DONE = ['command-done', undefined];
const EARLY = ['refused', 'consent_not_yet_valid'];

describe('a board whose clock shows 1970', () => {
  it.each<[string, CommandAction]>([
    ['turns privacy on', ON],
    ['leaves Search Party', { action: 'search-party', on: false }],
    ['removes a viewer', { action: 'remove-viewer', viewer: 'viewer-sitter' }],
  ])('%s at its owner’s order, also when the order is months younger than what it knows', async (_what, command) => {
    await powerFails();
    await rig.command(signed(command, 90 * 24 * HOUR_S));
    expect(told()).toEqual(DONE);
  });

  it('keeps privacy on over a restart, and when the clock is set', async () => {
    await powerFails();
    const on = signed(ON, HOUR_S);
    await rig.command(on);
    expect([rig.gate.privacyOn, rig.effects.privacies]).toEqual([true, [true]]);
    await powerFails();
    expect(rig.gate.privacyOn).toBe(true);
    rig.clock.setWallUs((failedS + 2 * HOUR_S) * 1_000_000);
    await rig.command(rig.cast.command(OFF));
    await rig.command(on);
    expect([rig.gate.privacyOn, rig.effects.privacies]).toEqual([false, [false]]);
  });

  it('refuses orders that a broker has kept since before its power failed', async () => {
    await powerFails();
    // The owner's clock may be slower by the usual difference.
    await rig.command(signed(ON, -301));
    expect(told()).toEqual(EARLY);
    await rig.command(signed(ON, -300, { exp: failedS }));
    expect(told()).toEqual(EARLY);
    await rig.command(signed(ON, -300, { exp: failedS + 1 }));
    expect(told()).toEqual(DONE);
  });

  it('knows the time of its last decision, and the last one that it saved', async () => {
    await rig.clock.advance(10 * 60_000);
    await rig.gate.idle();
    await rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Sam');
    await rig.clock.advance(60_000);
    await powerFails();
    await rig.command(signed(ON, 299));
    expect(told()).toEqual(EARLY);
    await rig.command(signed(ON, 301));
    expect(told()).toEqual(DONE);
  });

  it('refuses an order of the same outage that a broker kept until its owner had given another, after a restart, too', async () => {
    await powerFails();
    const [first, again] = [signed(ON, HOUR_S), signed(ON, HOUR_S + 20)];
    await rig.command(again);
    await rig.privately(signed(OFF, HOUR_S + 60));
    await rig.command(first);
    expect([...told(), rig.gate.privacyOn]).toEqual([...EARLY, false]);
    await powerFails();
    await rig.command(first);
    expect([...told(), rig.gate.privacyOn]).toEqual([...EARLY, false]);
  });

  it('judges by each signer’s own orders: one owner’s clock that is ahead does not lock another owner out', async () => {
    const { owner } = otherCast(rig);
    await rig.gate.pair(owner.key.publicKey, 'Sam');
    await powerFails();
    await rig.command(signed(ON, 20 * 365 * 24 * HOUR_S, {}, owner));
    await rig.command(signed(ON, HOUR_S));
    expect(told()).toEqual(DONE);
  });

  it('ends privacy on its own server alone, by an order that names the last one', async () => {
    await powerFails();
    const stale = signed(OFF, HOUR_S);
    await rig.command(signed(ON, HOUR_S));
    await rig.command(signed(OFF, HOUR_S + 1));
    expect([...told(), rig.gate.privacyOn]).toEqual([...EARLY, true]);
    await rig.privately(stale);
    expect([...told(), rig.gate.privacyOn]).toEqual(['refused', 'consent_order_stale', true]);
    await rig.privately(signed(OFF, HOUR_S + 2));
    expect([...told(), rig.gate.privacyOn]).toEqual([...DONE, false]);
  });

  it.each<[string, CommandAction]>([
    ['a press', { action: 'press', button: 'front' }],
    ['an announcement', { action: 'announce' }],
    ['an order to forget', { action: 'forget' }],
    ['the clock mark', { action: 'reset-clock-mark' }],
    [
      'a new viewer',
      { action: 'add-viewer', viewer: 'viewer-a', name: 'A', tokenSha256: 'a'.repeat(64), rights: ['live'] },
    ],
    ['Search Party', { action: 'search-party', on: true }],
    ['other settings', { action: 'change-settings', settings: { events: { keepDays: 9 } } }],
  ])('refuses %s, on its own server, too', async (_what, command) => {
    await powerFails();
    await rig.command(signed(command, HOUR_S));
    expect(rig.effects.last().outcome).toBe('refused');
    await rig.privately(signed(command, HOUR_S));
    expect(told()).toEqual(EARLY);
  });

  it('refuses to add or remove an owner, on its own server, too', async () => {
    const { owner } = otherCast(rig);
    const { publicKey: key } = owner.key;
    await rig.gate.pair(key, 'Sam');
    await powerFails();
    const other = otherCast(rig).owner.key.publicKey;
    for (const command of [
      { action: 'remove-owner', key } as const,
      { action: 'add-owner', key: other, name: 'X' } as const,
    ]) {
      await rig.command(signed(command, HOUR_S));
      expect(told()).toEqual(EARLY);
      await rig.privately(signed(command, HOUR_S));
      expect(told()).toEqual(EARLY);
    }
    expect(rig.gate.owners()).toHaveLength(2);
  });

  it('accepts no grant, and nothing from a non-owner', async () => {
    const request = await rig.publish();
    await powerFails();
    await rig.send('grant', rig.cast.grant(request, { iat: failedS + 5, exp: failedS + 605 }));
    await rig.command(signed(ON, HOUR_S, {}, otherCast(rig).owner));
    expect([rig.effects.made, rig.effects.privacies]).toEqual([[], []]);
    expect(rig.gate.unbelievedCounts()).toEqual({ token_unknown_signer: 1 });
  });
});

describe('a board whose clock was set back', () => {
  it('turns privacy on at a present order, not at one that was kept', async () => {
    // The mark is saved after ten minutes, and continues in memory.
    for (const minutes of [11, 5]) {
      await rig.clock.advance(minutes * 60_000);
      await rig.gate.idle();
    }
    rig.clock.setWallUs((failedS - 24 * HOUR_S) * 1_000_000);
    expect(rig.gate.clockTrusted).toBe(false);
    await rig.command(signed(ON, 16 * 60 - 301));
    expect(told()).toEqual(EARLY);
    await rig.command(signed(ON, 16 * 60 - 200));
    expect(told()).toEqual(DONE);
  });

  it('refuses an order that has expired by its clock, which is behind', async () => {
    rig.clock.setWallUs((failedS - 60) * 1_000_000);
    expect(rig.gate.clockTrusted).toBe(false);
    await rig.command(signed(ON, -120, { exp: failedS - 70 }));
    expect(told()).toEqual(['refused', 'token_expired']);
  });
});

describe('a board whose clock is trusted', () => {
  it('refuses an order of the future, as always', async () => {
    await rig.command(signed(ON, 301));
    await rig.privately(signed(OFF, 301));
    expect([told(), rig.effects.privacies]).toEqual([EARLY, []]);
  });
});
