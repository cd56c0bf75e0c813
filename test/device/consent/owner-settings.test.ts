import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandAction } from '../../../device/contract/owner-orders.ts';
import type { SettingsChange } from '../../../device/contract/owner-settings.ts';
import { claimsOf } from '../../support/parties.ts';
import { FullDisk } from './full-disk.ts';
import { GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

const change = (settings: SettingsChange): CommandAction => ({ action: 'change-settings', settings });
/** Gives an order over the device's own server; returns its receipt. */
async function order(settings: SettingsChange, changes = {}): Promise<string> {
  await rig.privately(rig.cast.command(change(settings), changes));
  return outcome();
}
const outcome = () => rig.effects.last().code ?? rig.effects.last().outcome;
const zone = (name: string) => ({ name, zone: { left: 0, top: 0, width: 5_000, height: 5_000 } });
/** Sixteen zones with the maximum number of corners and the longest names. */
function longZones() {
  const corners = Array.from({ length: 32 }, () => ({ x: 10_000, y: 10_000 }));
  return Array.from({ length: 16 }, (_, at) => ({ name: `${at}-`.padEnd(63, 'z'), zone: { corners } }));
}

const BASE = {
  disclosure: { name: 'A. Resident', address: '1 Elm Street', email: 'home@example.org' },
  motion: { enabled: true, sensitivity: 50, zones: [] },
  ring: { retentionS: 86_400, retentionSMin: 10, bytes: 268_435_456 },
  events: { keepDays: 30 },
};

describe('settings', () => {
  it('are those of device.json until an owner orders otherwise', () => {
    expect(rig.gate.settings).toEqual({ ...BASE, byOwners: [] });
  });

  it('change by an owner’s order, in the ledger first, and last over restarts', async () => {
    const all: SettingsChange = {
      disclosure: { phone: '+1 555 0100', email: '' },
      motion: { sensitivity: 80, zones: [zone('path')] },
      ring: { retentionS: 3_600 },
      events: { keepDays: 0 },
    };
    expect(await order(all)).toBe('command-done');
    const inForce = {
      disclosure: { name: 'A. Resident', address: '1 Elm Street', phone: '+1 555 0100' },
      motion: { enabled: true, sensitivity: 80, zones: [zone('path')] },
      ring: { ...BASE.ring, retentionS: 3_600 },
      events: { keepDays: 0 },
      byOwners: [
        ...['disclosure.email', 'disclosure.phone', 'motion.sensitivity', 'motion.zones'],
        ...['ring.retentionS', 'events.keepDays'],
      ],
    };
    expect(rig.gate.settings).toEqual(inForce);
    expect(rig.effects.settled).toEqual([inForce]);
    expect(rig.effects.order).toEqual(['settings', 'receipt command-done']);
    const before = rig.gate.lastOrder;
    await rig.reboot();
    expect([rig.gate.settings, rig.gate.lastOrder]).toEqual([inForce, before]);
  });

  it('are known as soon as the ledger is read, before anything else happens', async () => {
    await order({ ring: { retentionS: 600 } });
    const gate = await rig.opened();
    expect(gate.settings.ring.retentionS).toBe(600);
    expect([rig.effects.receipts, rig.effects.tampers]).toEqual([[], []]);
  });

  it('are separate: an address is not a name, e-mail address or telephone number', async () => {
    for (const [key, value] of Object.entries({ name: 'B', address: '2 Oak', email: 'b@b.example', phone: '555' })) {
      await order({ disclosure: { [key]: value } });
      expect(rig.gate.settings.disclosure).toMatchObject({ [key]: value });
    }
    expect(rig.gate.settings.disclosure).toEqual({ name: 'B', address: '2 Oak', email: 'b@b.example', phone: '555' });
  });

  it('go back to device.json by null, one by one', async () => {
    await order({ disclosure: { name: 'B' }, motion: { sensitivity: 90 } });
    expect(await order({ motion: { sensitivity: null } })).toBe('command-done');
    expect(rig.gate.settings).toMatchObject({ disclosure: { name: 'B' }, motion: { sensitivity: 50 } });
    expect(rig.gate.settings.byOwners).toEqual(['disclosure.name']);
    await order({ disclosure: { name: null } });
    expect(rig.gate.settings).toEqual({ ...BASE, byOwners: [] });
  });

  it('follow a changed device.json where no owner ordered otherwise', async () => {
    await order({ motion: { sensitivity: 90 } });
    rig.settings = { ...rig.settings, motion: { enabled: false, sensitivity: 10, zones: [zone('door')] } };
    await rig.reboot();
    expect(rig.gate.settings.motion).toEqual({ enabled: false, sensitivity: 90, zones: [zone('door')] });
  });

  it('never keep footage for less than an event lasts, even if device.json made events longer since', async () => {
    await order({ ring: { retentionS: 12 } });
    rig.settings = { ...rig.settings, ring: { ...rig.settings.ring, retentionSMin: 60 } };
    await rig.reboot();
    expect(rig.gate.settings.ring.retentionS).toBe(60);
  });

  it('stay after a restore from a backup, though no order from before it acts again', async () => {
    const token = rig.cast.command(change({ motion: { sensitivity: 90 } }));
    await rig.privately(token);
    await order({ motion: { sensitivity: 20 } });
    await rig.restored();
    expect(rig.gate.settings.motion.sensitivity).toBe(20);
    await rig.privately(token);
    expect([outcome(), rig.gate.settings.motion.sensitivity]).toEqual(['consent_before_restore', 20]);
  });

  it('decide which values a grant may disclose', async () => {
    await order({ disclosure: { email: '' } });
    const requestToken = await rig.publish();
    await rig.send('grant', rig.cast.grant(requestToken, { disclose: ['email'] }));
    expect(outcome()).toBe('consent_disclosure_missing');
    await order({ disclosure: { email: 'new@example.org' } });
    await rig.send('grant', rig.cast.grant(requestToken, { disclose: ['email'] }));
    expect(outcome()).toBe('granted');
  });
});

describe('an order to change settings', () => {
  const wish: SettingsChange = { motion: { sensitivity: 90 } };

  it('is refused when a broker delivered it, and nothing changes', async () => {
    const token = rig.cast.command(change(wish));
    await rig.command(token);
    expect([outcome(), rig.gate.settings.byOwners]).toEqual(['settings_over_broker', []]);
    // Also when it was carried out before, over the device's own server.
    await rig.privately(token);
    expect(outcome()).toBe('command-done');
    await rig.command(token);
    expect(outcome()).toBe('settings_over_broker');
  });

  it('has no effect unless an owner signed it', async () => {
    const { owner } = otherCast(rig);
    await rig.privately(rig.cast.command(change(wish), {}, owner));
    expect(rig.gate.unbelievedCounts()).toEqual({ token_unknown_signer: 1 });
    const [head = '', body = '', signature = ''] = rig.cast.command(change(wish)).split('.');
    const forged = Buffer.from(body, 'base64url').toString().replace('"sensitivity":90', '"sensitivity":91');
    await rig.privately([head, Buffer.from(forged).toString('base64url'), signature].join('.'));
    expect([rig.gate.settings.byOwners, rig.effects.settled]).toEqual([[], []]);
  });

  it('acts only on the state that its signer knew', async () => {
    const early = rig.cast.command(change(wish));
    await order({ motion: { sensitivity: 30 } });
    await rig.privately(early);
    expect([outcome(), rig.gate.settings.motion.sensitivity]).toEqual(['consent_order_stale', 30]);
    const unnamed = rig.cast.command(change(wish), { after: undefined });
    await rig.privately(unnamed);
    expect([outcome(), rig.gate.settings.motion.sensitivity]).toEqual(['consent_order_stale', 30]);
  });

  it('acts once, however often it arrives', async () => {
    const token = rig.cast.command(change(wish));
    await rig.privately(token);
    await order({ motion: { sensitivity: 30 } });
    await rig.privately(token);
    expect([outcome(), rig.gate.settings.motion.sensitivity]).toEqual(['command-done', 30]);
    await rig.reboot();
    await rig.privately(token);
    expect(rig.gate.settings.motion.sensitivity).toBe(30);
    const { jti } = claimsOf(token);
    expect(await order({ motion: { sensitivity: 99 } }, { jti })).toBe('consent_replayed');
  });

  it('has no effect after its signer was removed', async () => {
    const { owner } = otherCast(rig);
    await rig.command(rig.cast.command({ action: 'add-owner', key: owner.key.publicKey, name: 'Sam' }));
    const token = rig.cast.command(change(wish), {}, owner);
    await rig.command(rig.cast.command({ action: 'remove-owner', key: owner.key.publicKey }));
    await rig.privately(token);
    expect(rig.gate.settings.byOwners).toEqual([]);
  });

  it('may keep footage for as long as an event lasts, to the second', async () => {
    rig.settings = { ...rig.settings, ring: { ...rig.settings.ring, retentionSMin: 12 } };
    await rig.reboot();
    expect(await order({ ring: { retentionS: 12 } })).toBe('command-done');
  });

  it('resets its own retention, however short an event’s rolls are', async () => {
    expect(await order({ ring: { retentionS: 3_600 } })).toBe('command-done');
    expect(await order({ ring: { retentionS: null } })).toBe('command-done');
    expect(rig.gate.settings.ring.retentionS).toBe(BASE.ring.retentionS);
  });

  it.each<[string, SettingsChange, string, string]>([
    ['footage kept for less than an event', { ring: { retentionS: 11 } }, 'settings_retention_short', '12 s'],
    [
      'two zones of one name',
      { motion: { zones: [zone('a'), zone('b'), zone('b')] } },
      'settings_zone_twice',
      'called b',
    ],
  ])('is refused as a whole for %s', async (_what, wrong, code, named) => {
    rig.settings = { ...rig.settings, ring: { ...rig.settings.ring, retentionSMin: 12 } };
    await rig.reboot();
    expect(await order({ disclosure: { name: 'B' }, motion: { sensitivity: 90 }, ...wrong })).toBe(code);
    expect(rig.effects.last().detail).toContain(named);
    expect([rig.gate.settings.byOwners, rig.effects.settled]).toEqual([[], []]);
  });

  it.each<[string, unknown]>([
    ['no setting', {}],
    ['an empty part', { motion: {} }],
    ['a setting that owners may not change', { console: { listen: 'off' } }],
    ['a part of another setting', { ring: { bytes: 1 } }],
    ['the switch of motion', { motion: { enabled: false } }],
    ['a sensitivity of 0', { motion: { sensitivity: 0 } }],
    ['seventeen zones', { motion: { zones: Array.from({ length: 17 }, (_, at) => zone(`z${at}`)) } }],
    ['a zone outside', { motion: { zones: [{ name: 'a', zone: { left: 9_000, top: 0, width: 2_000, height: 1 } }] } }],
    ['an address of 301 letters', { disclosure: { address: 'a'.repeat(301) } }],
    ['an e-mail address of two letters', { disclosure: { email: 'a@' } }],
    ['an unknown fact', { disclosure: { birthday: '1.1.' } }],
    ['nine seconds of footage', { ring: { retentionS: 9 } }],
    ['half a day of events', { events: { keepDays: 0.5 } }],
  ])('says nothing that the device takes with %s', async (_what, settings) => {
    await rig.privately(rig.cast.command({ action: 'change-settings', settings } as CommandAction));
    expect([rig.gate.settings.byOwners, rig.effects.receipts]).toEqual([[], []]);
  });

  it('has no effect while it cannot be recorded, and does once it can', async () => {
    const full = new FullDisk();
    rig.disk = full;
    await rig.reboot();
    full.isFull = true;
    expect(await order(wish)).toBe('consent_storage_failed');
    expect([rig.gate.settings.byOwners, rig.effects.settled]).toEqual([[], []]);
    full.isFull = false;
    expect(await order(wish)).toBe('command-done');
  });

  it('of the longest kind is recorded and read again', async () => {
    // No letter is longer than this one as JSON.
    const value = (letters: number) => '\u0001'.repeat(letters);
    const disclosure = { name: value(200), address: value(300), email: value(254), phone: value(40) };
    expect(await order({ motion: { zones: longZones() }, disclosure })).toBe('command-done');
    await rig.reboot();
    expect(rig.gate.settings).toMatchObject({ motion: { zones: longZones() }, disclosure });
  });
});

describe('a damaged ledger', () => {
  it('leaves the settings of device.json in force, and accepts no order', async () => {
    await order({ disclosure: { name: 'Berta' }, ring: { retentionS: 600 } });
    // Read before the damage is found.
    await order({ motion: { sensitivity: 33 } });
    await rig.gate.stop();
    const path = join(rig.folder, 'ledger.jsonl');
    const text = await readFile(path, 'utf8');
    await rig.disk.replaceFile(path, Buffer.from(text.replace('"sensitivity":33', '"sensitivity":34')));
    await rig.boot();
    expect(rig.gate.settings).toEqual({ ...BASE, byOwners: [] });
    expect(await order({ motion: { sensitivity: 90 } })).toBe('consent_ledger_damaged');
    expect(rig.effects.settled).toEqual([]);
    expect(rig.effects.tampers).toEqual(['ledger']);
  });
});

describe('the receipt of an order', () => {
  it('tells that it was carried out, and none of the values', async () => {
    await order({ disclosure: { name: 'Berta Secret', phone: '+1 555 0199' } });
    const said = JSON.stringify([rig.effects.receipts, rig.effects.notices]);
    expect(rig.effects.last()).toMatchObject({ outcome: 'command-done' });
    for (const value of ['Berta', '0199', 'disclosure', 'settings']) expect(said).not.toContain(value);
  });
});
