// An owner who is being removed, and a captured bridge, cannot affect the gate.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { utf8 } from '../../../device/contract/bytes.ts';
import { assembleToken } from '../../../device/contract/jws.ts';
import { FullDisk } from '../../device/consent/full-disk.ts';
import { clipFacts, GateRig } from '../../device/consent/gate-rig.ts';
import { secretScalar, sign } from '../../support/edwards25519.ts';
import { makeParty, textClaim } from '../../support/parties.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

describe('an owner whose removal is on its way to the ledger', () => {
  const partner = makeParty('owner', new SystemRandom());
  beforeEach(() => rig.gate.pair(partner.key.publicKey, 'Sam'));

  /** A broker delivers the removal and the removed owner's orders at once. */
  function removal(): Promise<void> {
    return rig.command(rig.cast.command({ action: 'remove-owner', key: partner.key.publicKey }));
  }

  it('can grant nothing, and causes no crash', async () => {
    const requestToken = await rig.publish();
    const grant = rig.cast.grant(requestToken, {}, partner);
    await Promise.all([removal(), rig.send('grant', grant)]);
    expect(rig.effects.made).toEqual([]);
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'owner_unknown' });
    await rig.reboot();
    expect(rig.gate.damaged).toBeNull();
  });

  it('adds no other key of theirs', async () => {
    const second = makeParty('owner', new SystemRandom());
    const add = rig.cast.command({ action: 'add-owner', key: second.key.publicKey, name: 'Sam again' }, {}, partner);
    await Promise.all([removal(), rig.command(add)]);
    expect(rig.gate.owners().map(({ name }) => name)).toEqual(['Alex']);
  });

  it('can neither turn the camera on nor decline in the others’ name', async () => {
    const requestToken = await rig.publish();
    const seeing = rig.cast.command({ action: 'privacy', on: false }, {}, partner);
    const denial = rig.cast.denial(requestToken, {}, partner);
    await Promise.all([removal(), rig.command(seeing), rig.send('deny', denial)]);
    expect(rig.effects.privacies).toEqual([]);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(rig.effects.last()).toMatchObject({ outcome: 'granted' });
  });
});

describe('a bridge that signs one document after the other', () => {
  it('cannot keep the card busy forever', async () => {
    let writes = 0;
    const disk = rig.disk;
    rig.disk = new Proxy(disk, {
      get: (of, name) => {
        if (name === 'replaceFile') writes += 1;
        const value: unknown = Reflect.get(of, name);
        return typeof value === 'function' ? value.bind(of) : value;
      },
    });
    await rig.reboot();
    await rig.revocations();
    const before = writes;
    for (let n = 0; n < 600; n += 1) await rig.area(rig.cast.areaDocument([]));
    expect(writes - before).toBeLessThanOrEqual(256);
    expect(rig.gate.unbelievedCounts()).toHaveProperty('consent_too_many');
    await rig.clock.advance(3_600_000);
    await rig.revocations(rig.cast.revocations());
    await rig.publish();
    expect(rig.gate.notices()).toHaveLength(1);
  });

  it('cannot crowd out the owner’s orders', async () => {
    const flood = Array.from({ length: 300 }, () => rig.area(rig.cast.areaDocument([])));
    const order = rig.command(rig.cast.command({ action: 'privacy', on: true }));
    await Promise.all([...flood, order]);
    expect(rig.effects.privacies).toEqual([true]);
  });
});

describe('a device that has moved to another bridge', () => {
  async function moved(): Promise<{ grant: string; other: typeof rig.cast.bridge }> {
    const { grantToken, grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('one'));
    await rig.gate.tokenPresented(grant);
    await rig.gate.delivered(
      grant,
      rig.cast.intakeReceipt(grant, {
        clipSha256: clipFacts('one').sha256,
        clipBytes: clipFacts('one').bytes,
        manifestSha256: clipFacts('one').manifestSha256,
      }),
    );
    const other = makeParty('bridge', new SystemRandom());
    await rig.gate.enrol({
      bridge: other.id,
      bridgeKey: other.key.publicKey,
      registryKey: rig.cast.registry.key.publicKey,
    });
    await rig.send('revoke', rig.cast.revoke(grantToken));
    return { grant, other };
  }

  it('names the bridge of a revocation', async () => {
    const { grant } = await moved();
    expect(rig.effects.revocations.map((sent) => sent.grant)).toEqual([grant]);
    expect(rig.effects.addressees).toEqual([rig.cast.bridge.id]);
    await rig.reboot();
    expect(rig.effects.revocations.map((sent) => sent.grant)).toEqual([grant]);
    expect(rig.effects.addressees).toEqual([rig.cast.bridge.id]);
  });

  it('does not accept the new bridge’s word that the old one deleted a clip', async () => {
    const { grant, other } = await moved();
    const lie = rig.cast.intakeReceipt(grant, { outcome: 'deleted' }, other);
    await expect(rig.gate.revocationAnswered(grant, lie)).rejects.toMatchObject({ code: 'verify_failed' });
    expect(rig.effects.receipts.map(({ outcome }) => outcome)).not.toContain('deleted');
  });
});

it('a revocation that does not fit into the ledger leaves no sealed clip for the next boot', async () => {
  const full = new FullDisk();
  rig.disk = full;
  await rig.reboot();
  await rig.revocations();
  const { grantToken, grant } = await rig.granted();
  await rig.gate.clipSealed(grant, clipFacts('one'));
  full.isFull = true;
  await rig.send('revoke', rig.cast.revoke(grantToken));
  full.isFull = false;
  expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_revocation_unrecorded' });
  expect(rig.effects.removed).toEqual([textClaim(grantToken, 'jti')]);
});

it('a delayed privacy order does not undo a later one, even after a restart', async () => {
  const seeing = rig.cast.command({ action: 'privacy', on: false });
  await rig.clock.advance(60_000);
  await rig.command(rig.cast.command({ action: 'privacy', on: true }));
  await rig.command(seeing);
  expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_order_stale' });
  await rig.reboot();
  await rig.command(seeing);
  expect(rig.gate.privacyOn).toBe(true);
  expect(rig.effects.privacies).toEqual([]);
});

describe('a grant that a broker held back', () => {
  it('does not act after a later grant of the same request was revoked, even after a restart', async () => {
    const requestToken = await rig.publish();
    const heldBack = rig.cast.grant(requestToken);
    await rig.clock.advance(60_000);
    const later = rig.cast.grant(requestToken);
    await rig.send('grant', later);
    await rig.send('revoke', rig.cast.revoke(later));
    await rig.send('grant', heldBack);
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_too_old' });
    await rig.reboot();
    await rig.revocations();
    await rig.publish(requestToken);
    await rig.send('grant', heldBack);
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_too_old' });
    expect(rig.effects.made).toEqual([]);
  });

  it('does not act after the owner has revoked it without knowing whether it arrived', async () => {
    const requestToken = await rig.publish();
    const [first, second] = [rig.cast.grant(requestToken), rig.cast.grant(requestToken)];
    await rig.clock.advance(60_000);
    await rig.send('revoke', rig.cast.revoke(second));
    await rig.send('grant', first);
    expect(rig.effects.made).toEqual([]);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(rig.effects.made).toHaveLength(1);
  });
});

it('a second valid signature over a grant’s claims is no second grant', async () => {
  const { requestToken, grantToken } = await rig.granted();
  const { key } = rig.cast.owner;
  const signed = grantToken.slice(0, grantToken.lastIndexOf('.'));
  const secret = secretScalar(Buffer.from(key.exportSecret(), 'base64url'));
  const signature = sign(secret, Buffer.from(key.publicKey, 'base64url'), utf8(signed), { nonce: 12_345n });
  const twin = assembleToken(signed, signature);
  expect(twin).not.toBe(grantToken);
  expect(verifySignature(key.publicKey, utf8(signed), signature)).toBe(true);
  await rig.send('grant', twin);
  expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_replayed' });
  await rig.send('revoke', rig.cast.revoke(grantToken));
  await rig.send('grant', twin);
  expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_replayed' });
  expect(rig.effects.made).toHaveLength(1);
  expect(textClaim(requestToken, 'jti')).toBe(textClaim(twin, 'request'));
});
