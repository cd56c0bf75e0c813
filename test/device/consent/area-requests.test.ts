import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textClaim } from '../../support/parties.ts';
import { FullDisk } from './full-disk.ts';
import { GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(async () => {
  await rig.close();
});

const counts = () => rig.gate.unbelievedCounts();
const open = () => rig.gate.openRequests().map(({ request }) => request);

describe('the cell’s document', () => {
  it.each([
    ['another bridge', 'token_unknown_signer'],
    ['another cell', 'message_topic_mismatch'],
    ['another part', 'message_topic_mismatch'],
    ['a part beyond its parts', 'message_topic_mismatch'],
    ['the future', 'consent_not_yet_valid'],
    ['the past', 'token_expired'],
  ])('of %s is not believed', async (what, code) => {
    const requests = [rig.cast.published()];
    const changes = {
      'another cell': { cell: '9q8yz' },
      'another part': { part: 2, parts: 2 },
      'a part beyond its parts': { part: 1, parts: 1 },
      'the future': { iat: rig.cast.nowS() + 301 },
      'the past': { exp: rig.cast.nowS() },
    }[what];
    const by = what === 'another bridge' ? otherCast(rig).bridge : rig.cast.bridge;
    const part = what === 'a part beyond its parts' ? 2 : 1;
    await rig.area(rig.cast.areaDocument(requests, changes, by), rig.topics.areaRequests(rig.cast.cell, part));
    expect(counts()).toEqual({ [code]: 1 });
    expect(open()).toEqual([]);
  });

  it('of an older revision is refused, also after a restart', async () => {
    const old = rig.cast.areaDocument([rig.cast.published()], { revision: 4 });
    await rig.area(rig.cast.areaDocument([], { revision: 5 }));
    await rig.area(old);
    await rig.reboot();
    await rig.area(old);
    expect(counts()).toEqual({ consent_too_old: 1 });
    expect(open()).toEqual([]);
  });

  it('continues in parts, each with its own revision', async () => {
    const [first, second] = [rig.cast.request(), rig.cast.request()];
    await rig.area(rig.cast.areaDocument([rig.cast.published(first)], { revision: 2, parts: 2 }));
    const part = rig.cast.areaDocument([rig.cast.published(second)], { revision: 1, part: 2, parts: 2 });
    await rig.area(part, rig.topics.areaRequests(rig.cast.cell, 2));
    expect(open()).toEqual([textClaim(first, 'jti'), textClaim(second, 'jti')]);
  });

  it('with other bytes under a known id changes nothing', async () => {
    const request = await rig.publish();
    await rig.publish(rig.cast.request({ jti: textClaim(request, 'jti'), text: 'Something else.' }));
    expect(counts()).toEqual({ consent_request_changed: 1 });
    await rig.send('grant', rig.cast.grant(request));
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('with a fresher credential shows the request again, and the fresher one counts', async () => {
    const stale = rig.cast.credential({ exp: rig.cast.nowS() + 60 });
    const request = await rig.publish(rig.cast.request(), stale);
    await rig.clock.advance(90_000);
    await rig.send('grant', rig.cast.grant(request));
    expect(rig.effects.last().code).toBe('consent_credential_expired');
    await rig.publish(request);
    expect(rig.effects.notices).toHaveLength(2);
    await rig.send('grant', rig.cast.grant(request));
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('with another credential of the same revision and second changes nothing: the first one counts', async () => {
    const short = rig.cast.credential({ exp: rig.cast.nowS() + 60 });
    const request = await rig.publish(rig.cast.request(), short);
    await rig.publish(request);
    await rig.clock.advance(90_000);
    await rig.send('grant', rig.cast.grant(request));
    expect([rig.effects.notices.length, rig.effects.last().code]).toEqual([1, 'consent_credential_expired']);
  });

  it('repeats a request that is open: it is not verified again, each other one is', async () => {
    const known = rig.cast.published(await rig.publish());
    const unread = { ...known, publication: 'none' };
    await rig.area(rig.cast.areaDocument([unread], { revision: 8 }));
    expect(counts()).toEqual({});
    const other = { ...rig.cast.published(), publication: 'none' };
    const credential = rig.cast.credential({ iat: rig.cast.nowS() + 1 });
    await rig.area(rig.cast.areaDocument([other, { ...unread, credential }], { revision: 9 }));
    expect([counts(), open()]).toEqual([{ token_malformed: 2 }, [textClaim(known.request, 'jti')]]);
  });

  it('cannot bring back a cancelled request', async () => {
    const request = await rig.publish();
    await rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(request, 'jti')] }));
    await rig.publish(request);
    expect(open()).toEqual([]);
  });

  it('that ends a request which awaits its owner tells them once, and a grant of it is refused', async () => {
    const request = await rig.publish();
    const id = textClaim(request, 'jti');
    const untold = await rig.publish(rig.cast.request(), rig.cast.credential({ exp: rig.cast.nowS() - 1 }));
    const all = [id, textClaim(untold, 'jti'), 'request-elsewhere'];
    let states = 0;
    rig.effects.changed = () => {
      states += 1;
    };
    await rig.area(rig.cast.areaDocument([], { revision: 9, cancelled: all }));
    await rig.area(rig.cast.areaDocument([], { revision: 10, cancelled: all }));
    expect(rig.effects.receipts).toEqual([{ outcome: 'failed', request: id, code: 'consent_request_cancelled' }]);
    expect(states).toBe(1);
    await rig.send('grant', rig.cast.grant(request));
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_request_cancelled' });
    expect(rig.effects.made).toEqual([]);
  });

  it('that ends a request tells nothing to an owner who had declined it', async () => {
    const request = await rig.publish();
    await rig.send('deny', rig.cast.denial(request));
    await rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(request, 'jti')] }));
    expect(rig.effects.receipts.map(({ outcome }) => outcome)).toEqual(['denied']);
  });

  it('that ends a granted request gives one receipt for its grant, and none for the request', async () => {
    const { requestToken, grant } = await rig.granted();
    const id = textClaim(requestToken, 'jti');
    await rig.area(rig.cast.areaDocument([], { cancelled: [id] }));
    const ended = { outcome: 'failed', request: id, grant, code: 'consent_request_cancelled' };
    expect(rig.effects.receipts.slice(1)).toEqual([ended]);
    // Publishing the request again does not reopen it.
    await rig.publish(requestToken);
    await rig.reboot();
    await rig.publish(requestToken);
    expect([rig.effects.made, rig.effects.resumed]).toEqual([[], []]);
    expect(rig.gate.unfinishedGrants()).toEqual([]);
  });

  it('cannot fill the device with requests', async () => {
    rig.limits = { openRequestsMax: 2 };
    await rig.reboot();
    await rig.revocations();
    for (let count = 0; count < 4; count += 1) await rig.publish();
    expect(open()).toHaveLength(2);
    expect(counts()).toEqual({ consent_too_many: 2 });
  });

  it('is forgotten with its bridge when the device is enrolled elsewhere', async () => {
    await rig.publish();
    const { bridge, registry } = otherCast(rig);
    await rig.gate.enrol({ bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey });
    expect(open()).toEqual([]);
    await rig.publish();
    expect(counts()).toEqual({ token_unknown_signer: 1 });
  });

  it('lets state agencies ask only where that is set', async () => {
    rig.serveStateAgencies = true;
    await rig.reboot();
    await rig.revocations();
    const credential = rig.cast.credential({ jurisdiction: 'state' });
    await rig.send('grant', rig.cast.grant(await rig.publish(rig.cast.request(), credential)));
    expect(rig.effects.last().outcome).toBe('granted');
  });
});

describe('a revocation list', () => {
  const revoked = () => [{ agency: rig.cast.agency.id, upToRevision: 3 }];

  it.each([
    ['another registry’s', 'token_unknown_signer'],
    ['one that claims to live for more than a day', 'token_unknown_claims'],
    ['an expired one', 'token_expired'],
    ['one from the future', 'consent_not_yet_valid'],
  ])('is not believed: %s', async (what, code) => {
    const nowS = rig.cast.nowS();
    const changes = what.includes('day') ? { exp: nowS + 86_401 } : {};
    const times = what.includes('expired') ? { exp: nowS } : what.includes('future') ? { iat: nowS + 301 } : {};
    const by = what.includes('another') ? otherCast(rig).registry : rig.cast.registry;
    await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked(), ...changes, ...times }, by));
    expect(counts()).toEqual({ [code]: 1 });
  });

  it('of an older revision does not bring an agency back, also after a restart', async () => {
    const old = rig.cast.revocations({ revision: 1 });
    await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked() }));
    await rig.revocations(old);
    expect(counts()).toEqual({ consent_too_old: 1 });
    await rig.reboot();
    await rig.revocations(old);
    expect(counts()).toEqual({ consent_too_old: 1 });
    await rig.publish();
    expect(rig.effects.notices).toEqual([]);
  });

  it('for another scope does not affect an agency’s requests', async () => {
    await rig.revocations(
      rig.cast.revocations({ revision: 2, revoked: revoked().map((one) => ({ ...one, scope: 'search-party' })) }),
    );
    await rig.publish();
    expect(rig.effects.notices).toHaveLength(1);
  });

  it('for the cells around this home bars the agency here, and one for others does not', async () => {
    const scoped = (revision: number, cell: string) =>
      rig.revocations(
        rig.cast.revocations({ revision, revoked: revoked().map((one) => ({ ...one, scope: `area-${cell}` })) }),
      );
    await scoped(2, rig.cast.cell.slice(0, 3));
    await rig.publish();
    expect(rig.effects.notices).toHaveLength(0);
    await scoped(3, `${rig.cast.cell.slice(0, 2)}0`);
    expect(rig.effects.notices).toHaveLength(1);
  });

  it('up to a revision does not affect newer credentials', async () => {
    await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked() }));
    await rig.publish(rig.cast.request(), rig.cast.credential({ revision: 4 }));
    expect(rig.effects.notices).toHaveLength(1);
  });
});

describe('a revocation list that has run out', () => {
  /** Why footage may not leave under the one live grant now; null when it may. */
  const held = () => {
    try {
      rig.effects.made[0]?.assertMayLeave();
      return null;
    } catch (thrown) {
      return thrown;
    }
  };
  const lives = async (lifeS: number) => {
    await rig.revocations(rig.cast.revocations({ iat: rig.cast.nowS() + 1, exp: rig.cast.nowS() + lifeS }));
    await rig.granted();
    expect([rig.effects.last().outcome, held()]).toEqual(['granted', null]);
  };

  it('stays expired when the clock is set back: nothing is granted and nothing leaves', async () => {
    await lives(600);
    await rig.clock.advance(601_000);
    await rig.gate.idle();
    expect(held()).toMatchObject({ code: 'consent_revocations_stale' });
    rig.clock.setWallUs(rig.clock.wallUs() - 300_000_000);
    expect(held()).toMatchObject({ code: expect.stringMatching(/^consent_(revocations_stale|clock_untrusted)$/) });
    await rig.command(rig.cast.command({ action: 'reset-clock-mark' }));
    expect(rig.gate.clockTrusted).toBe(true);
    expect(held()).toMatchObject({ code: 'consent_revocations_stale' });
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(rig.effects.last().code).toBe('consent_revocations_stale');
  });

  it('expires by the monotonic clock, however slowly the wall clock runs', async () => {
    await lives(60);
    for (let second = 0; second < 90; second += 1) {
      await rig.clock.advance(1_000);
      rig.clock.setWallUs(rig.clock.wallUs() - 500_000);
    }
    expect(rig.gate.clockTrusted).toBe(true);
    expect(held()).toMatchObject({ code: 'consent_revocations_stale' });
  });

  it('expires in the exact millisecond of the monotonic clock', async () => {
    await lives(60);
    rig.clock.setWallUs(rig.clock.wallUs() - 500_000);
    await rig.clock.advance(59_999);
    expect(held()).toBeNull();
    await rig.clock.advance(1);
    expect(held()).toMatchObject({ code: 'consent_revocations_stale' });
  });

  it('expires in the exact second of the wall clock', async () => {
    await lives(600);
    rig.clock.setWallUs(rig.clock.wallUs() + 600_000_000);
    expect(held()).toMatchObject({ code: 'consent_revocations_stale' });
  });

  it('expires by the wall clock, as after a sleep that the monotonic clock did not count', async () => {
    await lives(600);
    rig.clock.setWallUs(rig.clock.wallUs() + 601_000_000);
    expect(held()).toMatchObject({ code: 'consent_revocations_stale' });
  });

  it('is not judged by an untrusted clock: grants from before wait', async () => {
    await lives(600);
    await rig.clock.advance(300_000);
    await rig.gate.idle();
    rig.clock.setWallUs(rig.clock.wallUs() - 200_000_000);
    expect(held()).toMatchObject({ code: 'consent_clock_untrusted' });
    rig.clock.setWallUs(rig.clock.wallUs() + 200_000_000);
    expect(held()).toBeNull();
  });
});

describe('a revocation list whose mark the disk does not take', () => {
  it('is not in force, nor is the one before it, until the mark is durable', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    await rig.revocations();
    const request = await rig.publish();
    await rig.send('grant', rig.cast.grant(request));
    const [live] = rig.effects.made;
    disk.stuckFile = 'marks.json';
    const list = rig.cast.revocations({ revision: 2, revoked: [{ agency: 'agency-other', upToRevision: 1 }] });
    for (let times = 0; times < 2; times += 1) {
      await rig.revocations(list);
      expect(() => live?.assertMayLeave()).toThrow(expect.objectContaining({ code: 'consent_storage_failed' }));
      await rig.send('grant', rig.cast.grant(await rig.publish()));
      expect(rig.effects.last().code).toBe('consent_storage_failed');
    }
    // An older list that a broker repeats meanwhile is not accepted either, not even at the same moment.
    let signedLater = 0;
    const older = () => {
      signedLater += 1;
      return rig.revocations(rig.cast.revocations({ revision: 1, iat: rig.cast.nowS() + signedLater }));
    };
    const newer = () => rig.revocations(rig.cast.revocations({ revision: 3 }));
    for (const come of [older, () => Promise.all([newer(), older()])]) {
      await come();
      expect(() => live?.assertMayLeave()).toThrow(expect.objectContaining({ code: 'consent_storage_failed' }));
    }
    disk.stuckFile = null;
    await older();
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(() => live?.assertMayLeave()).not.toThrow();
    const old = rig.cast.revocations({ revision: 1 });
    await rig.reboot();
    await rig.revocations(old);
    expect(counts()).toEqual({ consent_too_old: 1 });
  });

  it('comes in force with a grant’s arrival if the disk accepts the mark by then', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    await rig.revocations();
    const request = await rig.publish();
    disk.stuckFile = 'marks.json';
    await rig.revocations(rig.cast.revocations({ revision: 2 }));
    disk.stuckFile = null;
    await rig.send('grant', rig.cast.grant(request));
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('is dropped once the device is enrolled elsewhere', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    disk.stuckFile = 'marks.json';
    await rig.revocations(rig.cast.revocations({ revision: 2 }));
    expect(rig.gate.storage).toBe('full');
    disk.stuckFile = null;
    const { bridge, registry } = otherCast(rig);
    await rig.gate.enrol({ bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey });
    expect(rig.gate.storage).toBe('ok');
  });

  it('ends at once the grants of an agency that it revokes', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    await rig.revocations();
    await rig.granted();
    disk.stuckFile = 'marks.json';
    await rig.revocations(
      rig.cast.revocations({ revision: 2, revoked: [{ agency: rig.cast.agency.id, upToRevision: 1 }] }),
    );
    expect(rig.effects.made[0]?.signal.aborted).toBe(true);
  });
});

describe('an agency’s newest credential', () => {
  it('applies to its older requests, too: a narrower one bars them', async () => {
    const first = await rig.publish(rig.cast.request(), rig.cast.credential({ revision: 1 }));
    const narrow = rig.cast.credential({ revision: 2, profiles: ['nothing'] });
    await rig.publish(rig.cast.request({ profile: 'nothing' }), narrow);
    await rig.send('grant', rig.cast.grant(first));
    expect(rig.effects.last().code).toBe('consent_request_beyond');
  });

  it('applies to its older requests, too: a fresher one lets them be answered', async () => {
    const nowS = rig.cast.nowS();
    const first = await rig.publish(rig.cast.request(), rig.cast.credential({ exp: nowS + 60 }));
    await rig.clock.advance(90_000);
    const fresh = rig.cast.credential();
    await rig.publish(rig.cast.request(), fresh);
    await rig.send('grant', rig.cast.grant(first));
    expect(rig.effects.last().outcome).toBe('granted');
    expect(rig.gate.notices()[0]?.published.credential).toBe(fresh);
  });

  const shown = (requestToken: string) =>
    rig.gate.notices().find(({ published }) => published.request === requestToken)?.published.credential;

  it('never applies to another agency, however new it is', async () => {
    const mine = rig.cast.credential();
    const first = await rig.publish(rig.cast.request(), mine);
    const { agency } = otherCast(rig);
    const changes = { agency: agency.id, key: agency.key.publicKey, revision: 9 };
    const second = await rig.publish(rig.cast.request({}, agency), rig.cast.credential(changes));
    expect([shown(first), rig.gate.openRequests().length]).toEqual([mine, 2]);
    expect(shown(second)).not.toBe(mine);
  });

  it('is, within one revision, the one signed last, in whatever order they arrive', async () => {
    const nowS = rig.cast.nowS();
    const [early, late] = [nowS - 60, nowS].map((iat) => rig.cast.credential({ iat }));
    const request = await rig.publish(rig.cast.request(), early);
    await rig.publish(request, late);
    expect(shown(request)).toBe(late);
    await rig.publish(request, early);
    expect(shown(request)).toBe(late);
  });

  it('of a lower revision is not used again because it was signed later', async () => {
    const nowS = rig.cast.nowS();
    const first = await rig.publish(rig.cast.request(), rig.cast.credential({ revision: 2, profiles: ['nothing'] }));
    await rig.publish(rig.cast.request(), rig.cast.credential({ revision: 1, iat: nowS + 60 }));
    await rig.send('grant', rig.cast.grant(first));
    expect(rig.effects.last().code).toBe('consent_request_beyond');
  });
});

describe('when messages arrive faster than they can be processed', () => {
  it('drops messages beyond the queue’s limit, but never a revocation', async () => {
    rig.limits = { waitingMax: 2 };
    await rig.reboot();
    await rig.revocations();
    const { grantToken } = await rig.granted();
    const presses = Array.from({ length: 6 }, () =>
      rig.command(rig.cast.command({ action: 'press', button: 'front' })),
    );
    const revoke = rig.send('revoke', rig.cast.revoke(grantToken));
    await Promise.all([...presses, revoke]);
    expect(rig.effects.presses).toHaveLength(2);
    expect(counts()).toEqual({ consent_too_many: 4 });
    expect(rig.effects.last().outcome).toBe('revoked');
  });
});
