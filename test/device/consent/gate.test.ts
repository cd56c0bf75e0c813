import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { assertLiveGrant } from '../../../device/consent/live-grant.ts';
import { makeParty, type Party, textClaim } from '../../support/parties.ts';
import { clipFacts, GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(async () => {
  await rig.close();
});

/** Brings a granted request to the point at which the bridge may hold bytes. */
async function presented() {
  const made = await rig.granted();
  const clip = clipFacts('a');
  await rig.gate.clipSealed(made.grant, clip);
  await rig.gate.tokenPresented(made.grant);
  return { ...made, clip };
}

function storedReceipt(grant: string, clip = clipFacts('a'), changes = {}): string {
  const facts = { clipSha256: clip.sha256, clipBytes: clip.bytes, manifestSha256: clip.manifestSha256 };
  return rig.cast.intakeReceipt(grant, { ...facts, ...changes });
}

/** The bridge's receipt with the vault's answer to a recall in it. */
function recalled(grant: string, changes: { by?: Party; answer?: object; receipt?: object } = {}): string {
  const { cast } = rig;
  const clip = clipFacts('a');
  const by = changes.by ?? cast.vault;
  const answer = {
    iss: by.key.publicKey,
    aud: grant,
    iat: cast.nowS(),
    jti: 'answer-1',
    item: 'item-1',
    home: 'home-1',
    grant,
    clip: clip.id,
    clipSha256: clip.sha256,
    clipBytes: clip.bytes,
    statementSha256: 'a'.repeat(64),
    decision: 'kept',
    reason: 'it is evidence in a trial',
    ...changes.answer,
  };
  const recall = cast.sign('doorsill-recall-answer+jws', answer, by);
  return storedReceipt(grant, clip, {
    outcome: 'recalled',
    vault: cast.vault.key.publicKey,
    recall,
    ...changes.receipt,
  });
}

describe('a request', () => {
  it('is shown to the owner once, with exactly what would be disclosed', async () => {
    const token = await rig.publish();
    expect(rig.effects.notices).toHaveLength(1);
    const notice = rig.effects.notices[0];
    expect(notice?.published.request).toBe(token);
    expect(notice?.askedKeys).toEqual(['address', 'email']);
    expect(notice?.wouldDisclose).toEqual({ address: '1 Elm Street', email: 'home@example.org' });
    await rig.publish(token);
    expect(rig.effects.notices).toHaveLength(1);
  });

  it('is not shown to a home outside its area', async () => {
    const token = rig.cast.request({
      area: {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [0.01, 0],
            [0.01, 0.01],
            [0, 0],
          ],
        ],
      },
    });
    await rig.publish(token);
    expect(rig.effects.notices).toHaveLength(0);
  });

  it('is shown only once a revocation list is there to judge its agency by', async () => {
    await rig.reboot();
    await rig.publish();
    expect(rig.effects.notices).toHaveLength(0);
    await rig.revocations();
    expect(rig.effects.notices).toHaveLength(1);
  });

  it('is not cancelled by its absence from a document', async () => {
    const token = await rig.publish();
    await rig.area(rig.cast.areaDocument([]));
    await rig.send('grant', rig.cast.grant(token));
    expect(rig.effects.last().outcome).toBe('granted');
  });
});

describe('a grant', () => {
  it('is in the ledger before a clip is made and before the owner gets the receipt', async () => {
    const before = rig.gate.head.entries;
    let entriesAtReceipt = 0;
    rig.effects.onReceipt = () => {
      entriesAtReceipt = rig.gate.head.entries;
    };
    const { grant } = await rig.granted();
    expect(entriesAtReceipt).toBe(before + 1);
    expect(rig.effects.order).toEqual(['make-clip', 'receipt granted']);
    expect(rig.effects.last()).toMatchObject({ outcome: 'granted', answers: grant, grant });
    const live = rig.effects.made[0];
    expect(live?.id).toBe(grant);
    expect(() => assertLiveGrant(live)).not.toThrow();
  });

  it('that arrives twice gets the same answer and has no second effect', async () => {
    const { grantToken } = await rig.granted();
    await rig.send('grant', grantToken);
    expect(rig.effects.receipts.map((receipt) => receipt.outcome)).toEqual(['granted', 'granted']);
    expect(rig.effects.receipts[1]).toEqual(rig.effects.receipts[0]);
    expect(rig.effects.made).toHaveLength(1);
  });

  it('that arrives again after a restart has no second effect either', async () => {
    const { grantToken, grant } = await presented();
    await rig.reboot();
    await rig.send('grant', grantToken);
    expect(rig.effects.made).toHaveLength(0);
    expect(rig.effects.last()).toMatchObject({ outcome: 'sealed', grant, answers: grant });
  });

  it('ends at its expiry, and the owner is told', async () => {
    const { grant } = await rig.granted();
    const live = rig.effects.made[0];
    await rig.clock.advance(24 * 3600 * 1000);
    expect(live?.signal.aborted).toBe(true);
    await rig.gate.idle();
    expect(rig.effects.last()).toMatchObject({ outcome: 'failed', grant, code: 'consent_grant_expired' });
    expect(rig.effects.removed).toEqual([grant]);
  });

  it('ends on time even when the wall clock is set back meanwhile', async () => {
    const { grant } = await rig.granted();
    const live = rig.effects.made[0];
    rig.clock.setWallUs(rig.clock.wallUs() - 12 * 3600 * 1_000_000);
    await rig.clock.advance(24 * 3600 * 1000);
    expect(live?.signal.aborted).toBe(true);
    await rig.gate.idle();
    expect(rig.gate.unfinishedGrants()).not.toContain(grant);
  });

  it.each([
    ['its request is cancelled', 'consent_request_cancelled'],
    ['its agency is revoked', 'consent_agency_revoked'],
    ['its owner is removed', 'owner_unknown'],
    ['the device is enrolled elsewhere', 'device_not_enrolled'],
  ])('ends when %s', async (why, code) => {
    const other = otherCast(rig);
    await rig.gate.pair(other.owner.key.publicKey, 'Sam');
    const { requestToken, grant } = await rig.granted();
    if (why.includes('cancelled')) {
      await rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(requestToken, 'jti')] }));
    } else if (why.includes('agency')) {
      const revoked = [{ agency: rig.cast.agency.id, upToRevision: 1 }];
      await rig.revocations(rig.cast.revocations({ revision: 2, revoked }));
    } else if (why.includes('owner')) {
      const order = { action: 'remove-owner', key: rig.cast.owner.key.publicKey } as const;
      await rig.command(rig.cast.command(order, {}, other.owner));
    } else {
      const { bridge, registry } = other;
      await rig.gate.enrol({ bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey });
    }
    expect(rig.effects.made[0]?.signal.aborted).toBe(true);
    expect(rig.effects.receipts.find((receipt) => receipt.outcome === 'failed')).toMatchObject({ grant, code });
    expect(rig.effects.removed).toEqual([grant]);
    await rig.reboot();
    expect(rig.effects.made).toHaveLength(0);
  });

  it('of a second owner is too late, and any owner can revoke the first', async () => {
    const other = otherCast(rig);
    await rig.gate.pair(other.owner.key.publicKey, 'Sam');
    const { requestToken, grantToken } = await rig.granted();
    await rig.send('grant', rig.cast.grant(requestToken, {}, other.owner));
    expect(rig.effects.last().code).toBe('consent_already_granted');
    await rig.send('revoke', rig.cast.revoke(grantToken, {}, other.owner));
    expect(rig.effects.last().outcome).toBe('revoked');
  });

  it('with a new id is accepted after a revocation', async () => {
    const { requestToken, grantToken } = await rig.granted();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(rig.effects.last().outcome).toBe('granted');
    expect(rig.effects.made).toHaveLength(2);
  });
});

describe('a restart', () => {
  it('resumes a clip that was not sealed', async () => {
    const { grant } = await rig.granted();
    const before = rig.effects.made[0];
    await rig.reboot();
    expect(before?.signal.aborted).toBe(true);
    expect(rig.effects.made.map((live) => live.id)).toEqual([grant]);
    expect(() => rig.effects.made[0]?.assertAlive()).not.toThrow();
  });

  it('continues with a sealed clip and tells whether the bridge may know it', async () => {
    const { grant, clip } = await presented();
    await rig.reboot();
    expect(rig.effects.resumed.map(({ live, clip: facts, presented: shown }) => [live.id, facts, shown])).toEqual([
      [grant, clip, true],
    ]);
    await rig.gate.delivered(grant, storedReceipt(grant));
    expect(rig.effects.last()).toMatchObject({ outcome: 'sent', clip });
    await rig.reboot();
    expect(rig.effects.resumed).toHaveLength(0);
    expect(rig.effects.receipts).toMatchObject([{ outcome: 'sent', grant, clip }]);
  });

  it('repeats a revocation until the bridge has answered', async () => {
    const { grant, grantToken } = await presented();
    const token = rig.cast.revoke(grantToken);
    await rig.send('revoke', token);
    expect(rig.effects.revocations).toEqual([{ grant, token }]);
    await rig.reboot();
    expect(rig.effects.revocations).toEqual([{ grant, token }]);
    await rig.gate.revocationAnswered(grant, rig.cast.intakeReceipt(grant, { outcome: 'deleted' }));
    expect(rig.effects.last().outcome).toBe('deleted');
    await rig.reboot();
    expect(rig.effects.revocations).toEqual([]);
  });

  it('does not resume grants while the clock is untrusted, and does once it is trusted', async () => {
    const { grant } = await rig.granted();
    const nowUs = rig.clock.wallUs();
    rig.clock.setWallUs(nowUs - 3_600_000_000);
    await rig.reboot();
    expect(rig.gate.clockTrusted).toBe(false);
    expect(rig.effects.made).toHaveLength(0);
    rig.clock.setWallUs(nowUs);
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(rig.effects.made.map((live) => live.id)).toEqual([grant]);
  });

  it('leaves no file or timer behind when it stops', async () => {
    await rig.granted();
    await rig.gate.stop();
    await rig.clock.advance(3_600_000);
    expect(rig.effects.receipts.map((receipt) => receipt.outcome)).toEqual(['granted']);
  });
});

describe('a revocation', () => {
  it('ends the live grant before anything else, even while the queue is busy', async () => {
    const { grantToken } = await rig.granted();
    const live = rig.effects.made[0];
    const pairing = rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Sam');
    const sending = rig.send('revoke', rig.cast.revoke(grantToken));
    expect(live?.signal.reason).toMatchObject({ code: 'grant_dead', facts: { detail: 'it was revoked' } });
    await Promise.all([pairing, sending]);
    expect(rig.effects.last().outcome).toBe('revoked');
  });

  it('that overtakes its own grant bars it, also after a restart', async () => {
    const request = await rig.publish();
    const grantToken = rig.cast.grant(request);
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(rig.effects.last().code).toBe('consent_nothing_to_revoke');
    await rig.reboot();
    await rig.revocations();
    await rig.publish(request);
    await rig.send('grant', grantToken);
    expect(rig.effects.last().code).toBe('consent_revoked_before');
    expect(rig.effects.made).toHaveLength(0);
  });

  it('that arrives together with its grant prevents the clip', async () => {
    const request = await rig.publish();
    const grantToken = rig.cast.grant(request);
    await Promise.all([rig.send('grant', grantToken), rig.send('revoke', rig.cast.revoke(grantToken))]);
    expect(rig.effects.made).toHaveLength(0);
    expect(rig.effects.last().outcome).toBe('revoked');
  });

  it('prevents a token from being presented when it came first', async () => {
    const { grant, grantToken } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    const sending = rig.send('revoke', rig.cast.revoke(grantToken));
    await expect(rig.gate.tokenPresented(grant)).rejects.toMatchObject({ code: 'grant_dead' });
    await sending;
    expect(rig.effects.revocations).toEqual([]);
  });

  it('prevents a token from being presented while that waits in the queue before it', async () => {
    const { grant, grantToken } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    const pairing = rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Sam');
    const presenting = expect(rig.gate.tokenPresented(grant)).rejects.toMatchObject({ code: 'grant_dead' });
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await Promise.all([pairing, presenting]);
    expect(rig.effects.last().outcome).toBe('revoked');
    expect(rig.effects.revocations).toEqual([]);
  });

  it('after hand-over is a recall that the bridge answers', async () => {
    const { grant, grantToken } = await presented();
    await rig.gate.delivered(grant, storedReceipt(grant));
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(rig.effects.revocations).toHaveLength(1);
    await rig.gate.revocationAnswered(grant, recalled(grant));
    expect(rig.effects.last().outcome).toBe('recalled');
  });

  it('accepts the outcome of a handed-over clip only from the vault that its receipt had named', async () => {
    const { grant, grantToken } = await presented();
    await rig.gate.delivered(grant, storedReceipt(grant, clipFacts('a'), { vault: rig.cast.vault.key.publicKey }));
    await rig.send('revoke', rig.cast.revoke(grantToken));
    const other = makeParty('vault', new SystemRandom());
    const { vault } = rig.cast;
    for (const lie of [
      storedReceipt(grant),
      rig.cast.intakeReceipt(grant, { outcome: 'recalled' }),
      recalled(grant, { by: other }),
      recalled(grant, { by: other, receipt: { vault: other.key.publicKey } }),
      recalled(grant, { answer: { clipSha256: sha256Hex('another clip') } }),
      recalled(grant, { answer: { grant: 'grant-other' } }),
      recalled(grant, { answer: { aud: 'device-other' } }),
      recalled(grant, { answer: { decision: 'erased' } }),
      recalled(grant, { receipt: { outcome: 'deleted' } }),
    ]) {
      await expect(rig.gate.revocationAnswered(grant, lie)).rejects.toMatchObject({ code: 'verify_failed' });
    }
    expect(rig.effects.last().outcome).toBe('revoked');
    await rig.gate.revocationAnswered(grant, recalled(grant, { by: vault }));
    expect(rig.effects.last()).toMatchObject({ outcome: 'recalled', intake: expect.any(String) });
  });

  it('reports `deleted` when the department erases a handed-over clip', async () => {
    const { grant, grantToken } = await presented();
    await rig.gate.delivered(grant, storedReceipt(grant));
    await rig.send('revoke', rig.cast.revoke(grantToken));
    const erased = recalled(grant, { answer: { decision: 'erased' }, receipt: { outcome: 'deleted' } });
    await rig.gate.revocationAnswered(grant, erased);
    expect(rig.effects.last().outcome).toBe('deleted');
  });
});

describe('reports about a clip', () => {
  it('are refused for another clip under the same grant', async () => {
    const { grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    await rig.gate.clipSealed(grant, clipFacts('a'));
    await expect(rig.gate.clipSealed(grant, clipFacts('b'))).rejects.toMatchObject({ code: 'grant_dead' });
  });

  it.each([
    ['another bridge', (): string => rig.cast.intakeReceipt('x', {}, otherCast(rig).bridge), 'token_unknown_signer'],
    ['another grant', (): string => storedReceipt('grant-other'), 'verify_failed'],
  ])('are refused with a receipt of %s', async (_who, token, code) => {
    const { grant } = await presented();
    await expect(rig.gate.delivered(grant, token())).rejects.toMatchObject({ code });
  });

  it('are refused with a receipt for other bytes', async () => {
    const { grant } = await presented();
    await expect(rig.gate.delivered(grant, storedReceipt(grant, clipFacts('b')))).rejects.toMatchObject({
      code: 'verify_failed',
    });
    expect(rig.gate.unfinishedGrants()).toEqual([grant]);
  });

  it('of failure end the grant, and the owner may grant again', async () => {
    const { requestToken, grant } = await rig.granted();
    await rig.gate.failed(grant, 'clip_no_frames');
    expect(rig.effects.last()).toMatchObject({ outcome: 'failed', code: 'clip_no_frames' });
    expect(rig.effects.made[0]?.signal.aborted).toBe(true);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(rig.effects.last().outcome).toBe('granted');
  });
});
