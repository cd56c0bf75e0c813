import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { walkLedger } from '../../../device/ledger/ledger.ts';
import { textClaim } from '../../support/parties.ts';
import { FullDisk } from '../consent/full-disk.ts';
import { GateRig } from '../consent/gate-rig.ts';

let rig: GateRig;
let disk: FullDisk;
beforeEach(async () => {
  rig = await GateRig.open();
  disk = new FullDisk();
  rig.disk = disk;
  await rig.ready();
});
afterEach(() => rig.close());

const reserve = () => join(rig.folder, 'revocations.reserve');

/** Types of the ledger's entries about grants. */
async function entries(): Promise<string[]> {
  const { device } = rig.cast;
  const types: string[] = [];
  await walkLedger(disk, rig.folder, { id: device.id, key: device.key.publicKey }, ({ type, body }) => {
    if ('grant' in body) types.push(type);
  });
  return types;
}

describe('a revocation on a full disk', () => {
  it('survives a restart before a clip was sealed, and is recorded once there is room', async () => {
    const { grantToken, grant } = await rig.granted();
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', grant, code: 'consent_revocation_unrecorded' });
    expect(rig.effects.made.every((live) => live.signal.aborted)).toBe(true);
    await rig.reboot();
    await rig.reboot();
    expect([...rig.effects.made, ...rig.effects.resumed]).toEqual([]);
    expect(await entries()).toEqual(['granted']);
    disk.isFull = false;
    await rig.reboot();
    expect([...rig.effects.made, ...rig.effects.resumed]).toEqual([]);
    expect(await entries()).toEqual(['granted', 'revoked']);
    expect(rig.effects.last()).toMatchObject({ outcome: 'revoked', grant });
    expect((await readFile(reserve())).every((byte) => byte === 0)).toBe(true);
  });

  it('is recorded without a restart once there is room', async () => {
    const { grantToken } = await rig.granted();
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    disk.isFull = false;
    await rig.clock.advance(60_000);
    await rig.gate.idle();
    expect(await entries()).toEqual(['granted', 'revoked']);
  });

  it('goes to the bridge once in each boot, when the clip may be there', async () => {
    const { grantToken, grant } = await rig.granted();
    await rig.gate.clipSealed(grant, {
      id: 'clip-1',
      sha256: 'a'.repeat(64),
      bytes: 10,
      frames: 1,
      window: { startUs: 1, endUs: 2 },
      method: 'copy',
      disclosed: [],
      manifestSha256: 'b'.repeat(64),
    });
    await rig.gate.tokenPresented(grant);
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.clock.advance(120_000);
    await rig.gate.idle();
    expect(rig.effects.revocations.map((one) => one.grant)).toEqual([grant]);
    await rig.reboot();
    expect(rig.effects.revocations.map((one) => one.grant)).toEqual([grant]);
    expect(rig.effects.resumed).toEqual([]);
    disk.isFull = false;
  });

  it('that overtakes its grant bars it, also after a restart', async () => {
    const request = await rig.publish();
    const grantToken = rig.cast.grant(request);
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.reboot();
    await rig.reboot();
    disk.isFull = false;
    await rig.revocations();
    await rig.publish(request);
    await rig.send('grant', grantToken);
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_revoked_before' });
    expect(rig.effects.made).toEqual([]);
  });

  it.each(['EIO', 'EMFILE', 'EACCES'])(
    'prevents all decisions in a boot whose disk answers %s instead of it',
    async (code) => {
      await rig.granted();
      const second = await rig.granted();
      disk.isFull = true;
      await rig.send('revoke', rig.cast.revoke(second.grantToken));
      const kept = await readFile(reserve());
      disk.isFull = false;
      disk.unreadable = { file: 'revocations.reserve', code };
      await rig.reboot();
      expect([...rig.effects.made, ...rig.effects.resumed]).toEqual([]);
      expect(rig.gate.damaged).toContain(code);
      expect(rig.effects.tampers).toEqual([]);
      await rig.send('grant', rig.cast.grant(await rig.publish()));
      expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_ledger_damaged' });
      expect((await readFile(reserve())).equals(kept)).toBe(true);
      disk.unreadable = null;
      await rig.reboot();
      expect(rig.effects.made).toHaveLength(1);
      expect(rig.effects.made[0]?.id).not.toBe(second.grant);
      expect(rig.gate.damaged).toBeNull();
      expect(await entries()).toEqual(['granted', 'granted', 'revoked']);
    },
  );

  it('is ignored when the stored one is torn or was not signed by an owner', async () => {
    const { grantToken, grant } = await rig.granted();
    disk.isFull = true;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    const page = await readFile(reserve());
    disk.isFull = false;
    await rig.gate.stop();
    const torn = Buffer.from(page);
    torn.fill(0, 300, 2_000);
    await writeFile(reserve(), torn);
    await rig.boot();
    expect(rig.effects.made.map((live) => live.id)).toEqual([grant]);
    expect(textClaim(grantToken, 'jti')).toBe(grant);
  });
});
