import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { Viewers } from '../../../device/consent/viewers.ts';
import { type Viewer, ViewRight } from '../../../device/contract/console-messages.ts';
import type { CommandAction } from '../../../device/contract/owner-orders.ts';
import { LEDGER_RESERVE_BYTES, Ledger } from '../../../device/ledger/ledger.ts';
import { claimsOf } from '../../support/parties.ts';
import { FullDisk } from './full-disk.ts';
import { GateRig, otherCast } from './gate-rig.ts';

const TOKEN = 'A'.repeat(22);

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

const TABLET: Viewer = {
  viewer: 'tablet',
  name: 'Kitchen',
  rights: [...ViewRight.options],
  tokenSha256: sha256Hex(TOKEN),
};
const add = (changes: Partial<Viewer> = {}): CommandAction => ({ action: 'add-viewer', ...TABLET, ...changes });
const remove = (viewer = 'tablet'): CommandAction => ({ action: 'remove-viewer', viewer });
/** Gives an order; returns its receipt. */
async function order(action: CommandAction, changes = {}): Promise<string> {
  await rig.command(rig.cast.command(action, changes));
  return outcome();
}
const outcome = () => rig.effects.last().code ?? rig.effects.last().outcome;
const ids = () => rig.gate.viewers().map(({ viewer }) => viewer);

describe('a viewer', () => {
  it('is added by an owner’s order and removed by another, over restarts too', async () => {
    expect(await order(add())).toBe('command-done');
    expect(rig.gate.viewer('tablet')).toEqual(TABLET);
    await rig.reboot();
    expect(rig.gate.viewers()).toEqual([TABLET]);
    expect(await order(remove())).toBe('command-done');
    expect([rig.gate.viewer('tablet'), rig.gate.viewers()]).toEqual([null, []]);
    await rig.reboot();
    expect(rig.gate.viewers()).toEqual([]);
  });

  it('is added by nobody but an owner', async () => {
    const { owner } = otherCast(rig);
    await rig.command(rig.cast.command(add(), {}, owner));
    expect([ids(), rig.gate.unbelievedCounts()]).toEqual([[], { token_unknown_signer: 1 }]);
  });

  it('is not added twice under one name, nor changed by that', async () => {
    await order(add());
    expect(await order(add({ rights: ['live'], tokenSha256: sha256Hex('other') }))).toBe('viewer_known');
    expect(rig.gate.viewers()).toEqual([TABLET]);
  });

  it('is one of thirty-two at most; a removal makes room', async () => {
    for (let number = 0; number < 32; number += 1) {
      expect(await order(add({ viewer: `viewer-${number}` }))).toBe('command-done');
    }
    expect(await order(add())).toBe('viewer_too_many');
    expect(rig.effects.last().detail).toContain('32');
    await order(remove('viewer-7'));
    expect(await order(add())).toBe('command-done');
  });

  it.each<[string, Partial<Viewer>]>([
    ['no right', { rights: [] }],
    ['a right that there is not', { rights: ['admin' as never] }],
    ['a right too many', { rights: ['live', 'live', 'live', 'live'] }],
    ['a token in place of its hash', { tokenSha256: TOKEN }],
    ['no name', { name: '' }],
    ['a name that is a path', { viewer: '../owner' }],
    ['an end before time began', { expiresS: -1 }],
    ['an unknown field', { owner: true } as never],
  ])('is not let in with %s', async (_what, changes) => {
    await rig.command(rig.cast.command(add(changes)));
    expect([ids(), rig.effects.receipts]).toEqual([[], []]);
  });

  it('may view until its expiry, and not longer', async () => {
    const nowS = rig.cast.nowS();
    await order(add({ expiresS: nowS + 60 }));
    await rig.clock.advance(59_999);
    expect(rig.gate.viewer('tablet')).not.toBeNull();
    await rig.clock.advance(1);
    expect(rig.gate.viewer('tablet')).toBeNull();
  });

  it('with an expiry may not view while the clock is untrusted; one without may', async () => {
    await order(add({ expiresS: rig.cast.nowS() + 7_200 }));
    await order(add({ viewer: 'guest' }));
    await rig.clock.advance(3_600_000);
    await rig.gate.idle();
    rig.clock.setWallUs(rig.clock.wallUs() - 3_000_000_000);
    expect(rig.gate.clockTrusted).toBe(false);
    expect([rig.gate.viewer('tablet'), rig.gate.viewer('guest')?.viewer]).toEqual([null, 'guest']);
  });

  it('is removed with the owner who added it, and not with another', async () => {
    const { owner } = otherCast(rig);
    await order({ action: 'add-owner', key: owner.key.publicKey, name: 'Sam' });
    await rig.command(rig.cast.command(add({ viewer: 'of-sam' }), {}, owner));
    await order(add());
    expect(ids()).toEqual(['of-sam', 'tablet']);
    await order({ action: 'remove-owner', key: owner.key.publicKey });
    expect([ids(), rig.gate.viewer('of-sam')]).toEqual([['tablet'], null]);
    await rig.reboot();
    expect(ids()).toEqual(['tablet']);
  });

  it('does not exist while the ledger is damaged', async () => {
    await order(add());
    await rig.gate.stop();
    const path = join(rig.folder, 'ledger.jsonl');
    const text = await readFile(path, 'utf8');
    await rig.disk.replaceFile(path, Buffer.from(text.replace('Kitchen', 'Kotchen')));
    await rig.boot();
    expect([rig.gate.damaged === null, rig.gate.viewer('tablet')]).toEqual([false, null]);
  });

  it('is removed by a restore from a backup, and the order that added it acts no more', async () => {
    const token = rig.cast.command(add());
    await rig.command(token);
    await rig.restored();
    expect(ids()).toEqual([]);
    await rig.command(token);
    expect([ids(), outcome()]).toEqual([[], 'consent_before_restore']);
    await rig.reboot();
    expect(ids()).toEqual([]);
  });
});

describe('orders about a viewer that a broker reorders', () => {
  it('add nobody after the removal came first', async () => {
    const [adding, removing] = [rig.cast.command(add()), rig.cast.command(remove())];
    await rig.command(removing);
    await rig.command(adding);
    expect([ids(), outcome()]).toEqual([[], 'consent_order_stale']);
    await rig.reboot();
    await rig.command(adding);
    expect([ids(), outcome()]).toEqual([[], 'consent_order_stale']);
  });

  it('add nobody again when they are repeated after the removal', async () => {
    const adding = rig.cast.command(add());
    await rig.command(adding);
    await order(remove());
    await rig.command(adding);
    await rig.reboot();
    await rig.command(adding);
    expect(ids()).toEqual([]);
  });

  it('remove nobody who was added again, when the removal is repeated', async () => {
    await order(add());
    const removing = rig.cast.command(remove());
    await rig.command(removing);
    await order(add({ tokenSha256: sha256Hex('new') }));
    await rig.command(removing);
    expect(ids()).toEqual(['tablet']);
  });

  it('add nobody when they use another order’s id with other bytes', async () => {
    const adding = rig.cast.command(add());
    await rig.command(adding);
    await order(remove());
    const { jti } = claimsOf(adding);
    expect(await order(add({ viewer: 'guest' }), { jti })).toBe('consent_replayed');
    expect(ids()).toEqual([]);
  });

  it('add nobody when they are retained by the broker, or too old', async () => {
    const adding = rig.cast.command(add());
    await rig.deliver(rig.topics.command(rig.cast.device.id), adding, true);
    await rig.clock.advance(11 * 60_000);
    await rig.command(adding);
    expect(ids()).toEqual([]);
  });
});

it('a viewer whose order names no signer is not removed with an owner', () => {
  const viewers = new Viewers();
  const place = { sequence: 0, previousHash: '', boot: 'boot', atUs: 0 };
  viewers.apply({ ...place, type: 'viewer-added', body: { jti: 'command-1', token: 'no token', ...TABLET } });
  viewers.ownerRemoved(rig.cast.owner.key.publicKey);
  expect([viewers.size, viewers.has('tablet'), viewers.list()]).toEqual([1, true, [TABLET]]);
  viewers.ownerRemoved('');
  expect([viewers.size, viewers.has('tablet')]).toEqual([0, false]);
});

describe('the data about a viewer that leave the device', () => {
  it('hold no token, and the ledger holds only its hash', async () => {
    const adding = rig.cast.command(add());
    await rig.command(adding);
    const ledger = await readFile(join(rig.folder, 'ledger.jsonl'), 'utf8');
    expect(ledger).toContain(TABLET.tokenSha256);
    const said = [JSON.stringify(claimsOf(adding)), JSON.stringify(rig.effects.receipts), ledger];
    for (const text of said) expect(text).not.toContain(TOKEN);
    // A receipt does not hold the hash either, which the broker sees only in the order.
    expect(JSON.stringify(rig.effects.receipts)).not.toContain(TABLET.tokenSha256);
  });
});

describe('a view', () => {
  it('is in the ledger when it is recorded, and is not an order', async () => {
    const before = rig.gate.lastOrder;
    await rig.gate.looked('tablet', 'live');
    await rig.gate.looked(rig.cast.owner.key.publicKey, 'history');
    expect(rig.gate.lastOrder).toBe(before);
    const told = () => rig.gate.looks().map(({ by, what }) => [by, what]);
    const both = [
      [rig.cast.owner.key.publicKey, 'history'],
      ['tablet', 'live'],
    ];
    expect(told()).toEqual(both);
    await rig.reboot();
    expect(told()).toEqual(both);
  });

  it('is listed among the last thousand', () => {
    const viewers = new Viewers();
    const place = { sequence: 0, previousHash: '', boot: 'boot' };
    for (let number = 0; number < 1_002; number += 1) {
      viewers.apply({ ...place, atUs: number, type: 'looked', body: { by: `viewer-${number}`, what: 'stills' } });
    }
    const looks = viewers.looks();
    expect([looks.length, looks[0]?.by, looks.at(-1)?.by]).toEqual([1_000, 'viewer-1001', 'viewer-2']);
  });

  it('is refused when the disk does not take it, and is not listed', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    disk.isFull = true;
    await expect(rig.gate.looked('tablet', 'live')).rejects.toMatchObject({ code: 'consent_storage_failed' });
    expect(rig.gate.looks()).toEqual([]);
    disk.isFull = false;
    await rig.gate.looked('tablet', 'live');
    await rig.reboot();
    expect(rig.gate.looks()).toHaveLength(1);
  });

  it('fills half of the ledger at most; then decisions are still stored', async () => {
    rig.limits = { ledgerBytesMax: 3 * LEDGER_RESERVE_BYTES };
    await rig.gate.stop();
    const { clock, disk, folder, cast } = rig;
    const ledger = new Ledger({ disk, clock, folder, device: cast.device, boot: 'boot-long-ago' });
    await ledger.start(() => undefined);
    // Owners' orders fill it but for a few views.
    for (let number = 0; number < 63; number += 1) {
      await ledger.append({
        type: 'viewer-removed',
        body: { jti: `jti-${number}`, token: 'x'.repeat(24_500), viewer: 'x' },
      });
    }
    await ledger.stop();
    await rig.boot();
    await rig.revocations();
    let looks = 0;
    const code = await (async () => {
      for (; looks < 100; looks += 1) await rig.gate.looked('tablet', 'live');
    })().catch((thrown: unknown) => thrown);
    expect(code).toMatchObject({ code: 'look_log_full' });
    expect(looks).toBeGreaterThan(5);
    expect(rig.gate.storage).toBe('ok');
    const request = await rig.publish();
    await rig.send('deny', rig.cast.denial(request));
    expect(outcome()).toBe('denied');
    expect(await order({ action: 'privacy', on: true })).toBe('command-done');
  });
});
