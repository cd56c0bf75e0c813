import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { ReceiptCursor } from '../../device/receipt-cursor.ts';
import { GateRig } from './consent/gate-rig.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-told-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function start(): Promise<ReceiptCursor> {
  const told = new ReceiptCursor(new SystemDisk(), folder, silentLog());
  await told.start();
  return told;
}

/** Waits until followed receipts have settled and are stored. */
async function settle(told: ReceiptCursor): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await told.idle();
}

describe('the receipt cursor', () => {
  it('has all receipts sent again if nothing is known, and none once they have arrived', async () => {
    const told = await start();
    expect(told.takeMissed()).toBe(1);
    told.follow(3, Promise.resolve());
    await settle(told);
    expect(told.takeMissed()).toBeNull();
    expect((await start()).takeMissed()).toBe(4);
  });

  it('has receipts sent again from the first undelivered one, also after a restart', async () => {
    const told = await start();
    told.takeMissed();
    told.follow(3, Promise.resolve());
    await settle(told);
    told.follow(4, Promise.reject(new Error('given up')));
    told.follow(5, Promise.resolve());
    await settle(told);
    expect((await start()).takeMissed()).toBe(4);
    expect(told.takeMissed()).toBe(4);
    told.follow(5, Promise.resolve());
    await settle(told);
    expect((await start()).takeMissed()).toBe(6);
  });

  it('does not count a receipt as arrived while it is being sent', async () => {
    const told = await start();
    told.takeMissed();
    told.follow(1, new Promise(() => undefined));
    told.follow(2, Promise.resolve());
    await settle(told);
    expect((await start()).takeMissed()).toBe(1);
  });

  it('has all receipts sent again when its file is damaged', async () => {
    await writeFile(join(folder, 'told.json'), '{"entries":-1}');
    expect((await start()).takeMissed()).toBe(1);
  });
});

describe('a gate that starts after a long outage', () => {
  it('sends undelivered receipts once more, however old, and no delivered ones', async () => {
    const rig = await (await GateRig.open()).ready();
    const first = await rig.granted();
    const toldUntil = rig.gate.head.entries;
    const second = await rig.granted();
    await rig.clock.advance(3 * 3_600_000);
    rig.missedReceiptsFrom = toldUntil + 1;
    await rig.reboot();
    const grants = rig.effects.receipts.map(({ grant }) => grant);
    expect(grants).toEqual([second.grant]);
    expect(grants).not.toContain(first.grant);
    await rig.gate.announce();
    expect(rig.effects.receipts).toHaveLength(1);
    await rig.close();
  });
});
