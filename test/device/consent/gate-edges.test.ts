// The gate in rare situations: before it runs and after it stopped, before it is enrolled, with a failing disk, with lost receipts, and
// with reports that it must refuse.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { OwnerNotifier } from '../../../device/consent/area-message-handler.ts';
import { ConsentContext } from '../../../device/consent/consent-context.ts';
import { EffectRunner, rejection } from '../../../device/consent/effect-runner.ts';
import { ConsentGate } from '../../../device/consent/gate.ts';
import { type GrantFacts, mintLiveGrant } from '../../../device/consent/live-grant.ts';
import { sentClipsOf } from '../../../device/consent/sent-clips.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { Pairing } from '../../../device/contract/owner-orders.ts';
import { PUBLIC_AUDIENCE } from '../../../device/contract/shared-claims.ts';
import { type Cast, textClaim } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';
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

const pinsOf = ({ bridge, registry }: Cast) => ({
  bridge: bridge.id,
  bridgeKey: bridge.key.publicKey,
  registryKey: registry.key.publicKey,
});
const outcome = () => rig.effects.last().code ?? rig.effects.last().outcome;

describe('a gate that does not run', () => {
  it('reads its records once, however often it is opened', async () => {
    const gate = await rig.opened();
    expect(gate.open(rig.effects)).toBe(gate.open(new Effects()));
    await gate.start();
    expect(gate.damaged).toBeNull();
  });

  it('accepts no message, announces nothing and records no sighting', async () => {
    const { grantToken } = await rig.granted();
    await rig.gate.stop();
    rig.effects.receipts.length = 0;
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.publish();
    await rig.revocations();
    const endUs = rig.cast.nowS() * 1_000_000;
    await rig.gate.sighted('search-1', { window: { startUs: endUs - 9, endUs }, stillUs: endUs - 5, likeness: 1 });
    await rig.gate.announce();
    expect([rig.effects.receipts, rig.effects.notices.length, rig.effects.sightings]).toEqual([[], 1, []]);
    expect(rig.gate.unbelievedCounts()).toEqual({ consent_too_many: 1 });
  });

  it('does not start, and has no effect, before it was opened', async () => {
    const deps = rig.deps();
    await expect(new ConsentGate(deps).start()).rejects.toThrow('a gate is opened before it starts');
    expect(() => new ConsentContext(deps).effects).toThrow('a gate decides once it is open');
  });

  it('accepts no message, and tells nobody anything, before it was started', async () => {
    const { grantToken } = await rig.granted();
    await rig.opened();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.publish();
    await rig.revocations();
    await rig.gate.announce();
    expect([rig.effects.receipts, rig.effects.notices.length]).toEqual([[], 0]);
    expect(rig.gate.unbelievedCounts()).toEqual({ consent_too_many: 1 });
  });

  it('sets no timer when a message that it had accepted ends after its stop', async () => {
    const { grantToken } = await rig.granted();
    const sending = rig.send('revoke', rig.cast.revoke(grantToken));
    const timers = vi.spyOn(rig.clock, 'after');
    await rig.gate.stop();
    await sending;
    expect(timers).not.toHaveBeenCalled();
  });

  it('reports no sighting that it had recorded', async () => {
    const searching = new Searching(rig.cast);
    await rig.command(rig.cast.command({ action: 'search-party', on: true }));
    const search = searching.search();
    await rig.gate.onSearchDocument(1, searching.document([searching.published(search)]));
    await rig.gate.stop();
    const endUs = rig.cast.nowS() * 1_000_000;
    const seen = { window: { startUs: endUs - 9, endUs }, stillUs: endUs - 5, likeness: 1 };
    await rig.gate.sighted(textClaim(search, 'jti'), seen);
    expect(rig.effects.sightings).toEqual([]);
  });

  it('keeps privacy on until it has read the owners’ last order', async () => {
    await rig.gate.stop();
    const { gate } = rig;
    rig.gate = new ConsentGate(rig.deps());
    expect(rig.gate.privacyOn).toBe(true);
    await rig.gate.open(rig.effects);
    expect([rig.gate.privacyOn, gate.privacyOn]).toEqual([false, false]);
  });

  it('has no file open after it stopped', async () => {
    const files = new Set<object>();
    const open = disk.open.bind(disk);
    disk.open = async (path, options) => {
      const file = await open(path, options);
      files.add(file);
      const close = () => {
        files.delete(file);
        return file.close();
      };
      return { ...file, close };
    };
    await rig.reboot();
    expect(files.size).toBeGreaterThan(1);
    await rig.gate.stop();
    expect(files.size).toBe(0);
  });
});

describe('a gate that runs', () => {
  it('repeats the notices that await an answer when asked to', async () => {
    await rig.publish();
    await rig.gate.announce();
    expect(rig.effects.notices).toHaveLength(2);
  });
});

describe('a gate that is not enrolled', () => {
  it('accepts no document and no list', async () => {
    const bare = await GateRig.open();
    try {
      await bare.boot();
      expect(bare.gate.storage).toBe('ok');
      await bare.gate.pair(bare.cast.owner.key.publicKey, 'Alex');
      await bare.revocations();
      await bare.publish();
      expect(bare.gate.unbelievedCounts()).toEqual({ token_unknown_signer: 2 });
      const searching = new Searching(bare.cast);
      await bare.command(bare.cast.command({ action: 'search-party', on: true }));
      await bare.gate.onSearchDocument(1, searching.document([searching.published()]));
      expect(bare.gate.unbelievedCounts()).toEqual({ token_unknown_signer: 3 });
      expect([bare.gate.pins, bare.effects.notices, bare.gate.openRequests()]).toEqual([null, [], []]);
    } finally {
      await bare.close();
    }
  });

  it.each<[string, (cast: Cast) => object]>([
    [
      'an id that is not the key’s',
      (cast) => ({ bridge: otherCast(rig).bridge.id, bridgeKey: cast.bridge.key.publicKey }),
    ],
    ['a registry’s key that is not a key', () => ({ registryKey: `AQ${'A'.repeat(41)}` })],
  ])('is not pinned to %s', async (_what, changes) => {
    const pins = { ...pinsOf(rig.cast), ...changes(rig.cast) };
    await expect(rig.gate.enrol(pins)).rejects.toMatchObject({ code: 'enrolment_key_mismatch' });
    expect(rig.gate.pins).toMatchObject(pinsOf(rig.cast));
  });
});

describe('enrolling', () => {
  it('with the same bridge and registry again changes nothing', async () => {
    const { entries } = rig.gate.head;
    await rig.publish();
    await rig.gate.enrol(pinsOf(rig.cast));
    expect([rig.gate.head.entries, rig.gate.openRequests().length]).toEqual([entries, 1]);
  });

  it('with another bridge alone is a change', async () => {
    const { bridge } = otherCast(rig);
    await rig.gate.enrol({ ...pinsOf(rig.cast), bridge: bridge.id, bridgeKey: bridge.key.publicKey });
    expect(rig.gate.pins?.bridge).toBe(bridge.id);
  });

  it('with another registry alone is a change', async () => {
    const { entries } = rig.gate.head;
    await rig.publish();
    await rig.gate.enrol({ ...pinsOf(rig.cast), registryKey: otherCast(rig).registry.key.publicKey });
    expect([rig.gate.head.entries, rig.gate.openRequests().length]).toEqual([entries + 1, 0]);
  });

  it('elsewhere succeeds even when the old marks cannot be removed, and messages in the queue are then refused', async () => {
    const other = otherCast(rig);
    disk.stuckFile = 'marks.json';
    const searching = new Searching(rig.cast);
    await rig.command(rig.cast.command({ action: 'search-party', on: true }));
    await Promise.all([
      rig.gate.enrol(pinsOf(other)),
      rig.publish(),
      rig.revocations(rig.cast.revocations({ revision: 7 })),
      rig.gate.onSearchDocument(1, searching.document([searching.published()])),
    ]);
    disk.stuckFile = null;
    expect([rig.gate.pins?.bridge, rig.gate.openRequests(), rig.effects.searched.at(-1)]).toEqual([
      other.bridge.id,
      [],
      [],
    ]);
    // The old registry's list of revision 7 does not bar a list of the new one.
    await rig.revocations(other.revocations({ revision: 1 }));
    expect(rig.gate.unbelievedCounts()).toEqual({});
    await rig.area(other.areaDocument([other.published()]));
    expect(rig.effects.notices).toHaveLength(1);
  });
});

describe('pairing', () => {
  it('gives a paired key its statement again, and accepts no key under which anybody can sign', async () => {
    const { publicKey } = rig.cast.owner.key;
    const [owner] = rig.gate.owners();
    expect(await rig.gate.pair(publicKey, 'Another name')).toBe(owner?.statement);
    expect(rig.gate.owners().map(({ name }) => name)).toEqual(['Alex']);
    await expect(rig.gate.pair(`AQ${'A'.repeat(41)}`, 'Nobody')).rejects.toMatchObject({
      code: 'pairing_refused',
      facts: { detail: expect.stringMatching(/\w/) },
    });
  });

  it('gives a statement by the device that the key is its owner’s', () => {
    const { device, owner } = rig.cast;
    const opened = openToken(rig.gate.owners()[0]?.statement ?? '', {
      typ: 'doorsill-pairing+jws',
      schema: Pairing,
      audience: PUBLIC_AUDIENCE,
      keys: [device.key.publicKey],
      verify: verifySignature,
    });
    expect(opened).toMatchObject({ ok: true, claims: { device: device.id, key: owner.key.publicKey } });
  });
});

describe('the reported storage', () => {
  it('tells whether the ledger and the newest list’s mark could be stored', async () => {
    expect(rig.gate.storage).toBe('ok');
    disk.isFull = true;
    await rig.command(rig.cast.command({ action: 'privacy', on: true }));
    expect([outcome(), rig.gate.storage]).toEqual(['consent_storage_failed', 'full']);
    disk.isFull = false;
    await rig.command(rig.cast.command({ action: 'privacy', on: true }));
    expect(rig.gate.storage).toBe('ok');
    disk.stuckFile = 'marks.json';
    await rig.revocations(rig.cast.revocations({ revision: 2 }));
    expect(rig.gate.storage).toBe('full');
    disk.replaceFile = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
    await rig.revocations(rig.cast.revocations({ revision: 3 }));
    expect(rig.gate.storage).toBe('failed');
  });
});

describe('a revocation list that arrives while a newer one is queued', () => {
  it('is not the one in force then', async () => {
    const revoked = [{ agency: rig.cast.agency.id, upToRevision: 1 }];
    await Promise.all([
      rig.revocations(rig.cast.revocations({ revision: 3, revoked })),
      rig.revocations(rig.cast.revocations({ revision: 2 })),
    ]);
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(outcome()).toBe('consent_agency_revoked');
  });

  it('is skipped when its exact bytes arrive again', async () => {
    const list = rig.cast.revocations({ revision: 2 });
    await rig.revocations(list);
    await rig.revocations(list);
    expect(rig.gate.unbelievedCounts()).toEqual({});
  });
});

describe('the list of open requests', () => {
  it('has, after a restart, unfinished ones although nobody publishes them any more, and nothing else', async () => {
    const decided = await rig.publish();
    await rig.send('deny', rig.cast.denial(decided));
    const [live, revoked] = [await rig.granted(), await rig.granted()];
    await rig.gate.clipSealed(revoked.grant, clipFacts('a'), {});
    await rig.gate.tokenPresented(revoked.grant);
    await rig.send('revoke', rig.cast.revoke(revoked.grantToken));
    await rig.reboot();
    expect(rig.gate.openRequests()).toEqual([
      { request: textClaim(live.requestToken, 'jti'), state: 'granted' },
      { request: textClaim(revoked.requestToken, 'jti'), state: 'revoking' },
    ]);
  });

  it('has two hundred at most', async () => {
    rig.limits = { openRequestsMax: 250 };
    await rig.reboot();
    const credential = rig.cast.credential();
    for (let count = 0; count < 14; count += 1) {
      const published = Array.from({ length: 15 }, () => rig.cast.published(rig.cast.request(), credential));
      await rig.area(rig.cast.areaDocument(published));
    }
    expect([rig.gate.openRequests().length, rig.gate.unbelievedCounts()]).toEqual([200, {}]);
  });
});

describe('the list of revocable grants', () => {
  it('has those that were granted and not revoked, delivered ones included', async () => {
    const { grant, grantToken } = await rig.granted();
    await rig.send('deny', rig.cast.denial(await rig.publish()));
    expect(rig.gate.revocableGrants()).toEqual([grant]);
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(rig.gate.revocableGrants()).toEqual([]);
  });
});

describe('receipts that were lost', () => {
  it('are sent again from the first unsent entry on, however old, once, and in order', async () => {
    const first = await rig.granted();
    await rig.send('revoke', rig.cast.revoke(first.grantToken));
    const from = rig.gate.head.entries;
    const second = await rig.granted();
    const third = await rig.publish();
    await rig.send('deny', rig.cast.denial(third));
    await rig.clock.advance(3_600_000);
    rig.missedReceiptsFrom = from + 1;
    await rig.reboot();
    const said = () => rig.effects.receipts.map(({ outcome: what, request }) => [what, request]);
    expect(said()).toEqual([
      ['granted', textClaim(second.requestToken, 'jti')],
      ['denied', textClaim(third, 'jti')],
    ]);
    rig.effects.receipts.length = 0;
    await rig.gate.announce();
    expect(said()).toEqual([]);
  });

  it('are sent again in the order of the last entries about their requests, whichever request came first', async () => {
    const first = await rig.granted();
    const second = await rig.publish();
    await rig.send('deny', rig.cast.denial(second));
    await rig.send('revoke', rig.cast.revoke(first.grantToken));
    await rig.reboot();
    expect(rig.effects.receipts.map((one) => one.outcome)).toEqual(['denied', 'revoked']);
  });

  it('are the last sixteen of many recent ones', async () => {
    const denied: string[] = [];
    for (let count = 0; count < 17; count += 1) {
      const requestToken = await rig.publish();
      await rig.send('deny', rig.cast.denial(requestToken));
      denied.push(textClaim(requestToken, 'jti'));
    }
    await rig.reboot();
    expect(rig.effects.receipts.map(({ request }) => request)).toEqual(denied.slice(1));
  });

  it('are the last five hundred unsent ones, or only the recent ones where nobody counted them', async () => {
    const denied = Array.from({ length: 501 }, (_, number) => `request-${number}`);
    const repeated = async (missedReceiptsFrom: number | null) => {
      const { missedReceiptsFrom: _untoldFrom, ...deps } = rig.deps();
      const effects = new Effects();
      const counted = missedReceiptsFrom === null ? {} : { missedReceiptsFrom: () => missedReceiptsFrom };
      const context = new ConsentContext({
        ...deps,
        folder: join(rig.folder, `from-${missedReceiptsFrom}`),
        ...counted,
      });
      await context.open(effects, () => context.ledger.stop());
      for (const [sequence, request] of denied.entries()) {
        const body = { request, jti: `denial-${sequence}`, token: 'x', requestToken: 'x' };
        context.state.apply({ type: 'denied', body, sequence, previousHash: '', atUs: sequence, boot: 'boot-1' });
      }
      const mint = (facts: GrantFacts) => mintLiveGrant(facts, context.answerable.groundOf(facts.request));
      new OwnerNotifier(context, new EffectRunner(context, mint)).resendReceipts();
      return effects.receipts.map(({ request }) => request);
    };
    expect(await repeated(0)).toEqual(denied.slice(1));
    expect(await repeated(null)).toEqual([]);
  });

  it('of the last ten minutes are sent again after a restart, and older ones are not', async () => {
    await rig.granted();
    await rig.clock.advance(600_000);
    await rig.reboot();
    expect(rig.effects.receipts.map((one) => one.outcome)).toEqual(['granted']);
    await rig.clock.advance(1_000);
    await rig.reboot();
    expect(rig.effects.receipts).toEqual([]);
  });
});

describe('a report about a clip', () => {
  const facts = (name = 'a') => {
    const { sha256, bytes, manifestSha256 } = clipFacts(name);
    return { clipSha256: sha256, clipBytes: bytes, manifestSha256 };
  };

  it('under an unknown grant is refused, with the reason', async () => {
    for (const report of [
      () => rig.gate.clipSealed('grant-none', clipFacts('a'), {}),
      () => rig.gate.tokenPresented('grant-none'),
      () => rig.gate.delivered('grant-none', 'x'),
      () => rig.gate.revocationAnswered('grant-none', 'x'),
      () => rig.gate.failed('grant-none', 'clip_no_frames'),
    ]) {
      await expect(report()).rejects.toMatchObject({
        code: 'grant_dead',
        facts: { detail: expect.stringMatching(/\w/) },
      });
    }
  });

  it('of a clip under an ended grant is refused, with the reason', async () => {
    const { grant, grantToken } = await rig.granted();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    for (const report of [() => rig.gate.clipSealed(grant, clipFacts('a'), {}), () => rig.gate.tokenPresented(grant)]) {
      await expect(report()).rejects.toMatchObject({
        code: 'grant_dead',
        facts: { detail: expect.stringMatching(/\w/) },
      });
    }
  });

  it('of a second clip under one grant is refused, with the state of the first', async () => {
    const { grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'), {});
    await expect(rig.gate.clipSealed(grant, clipFacts('b'), {})).rejects.toMatchObject({
      code: 'grant_dead',
      facts: { detail: 'a clip cannot be sealed when sealed' },
    });
  });

  it('says no more than its rejection does', () => {
    expect(rejection({ do: 'reject', code: 'consent_denied_before' }).facts).toStrictEqual({});
    expect(rejection({ do: 'reject', code: 'grant_dead', detail: 'why' }).facts).toStrictEqual({ detail: 'why' });
  });

  it('that was made and sent under a grant of before is refused', async () => {
    const { grant, grantToken, requestToken } = await rig.granted();
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.send('grant', rig.cast.grant(requestToken));
    await expect(rig.gate.failed(grant, 'clip_no_frames')).rejects.toMatchObject({ code: 'grant_dead' });
    await expect(rig.gate.delivered(grant, rig.cast.intakeReceipt(grant, facts()))).rejects.toMatchObject({
      code: 'verify_failed',
    });
  });

  it('is refused when nothing was sealed, and accepted for a grant that failed after its token was shown', async () => {
    const { grant } = await rig.granted();
    const stored = () => rig.gate.delivered(grant, rig.cast.intakeReceipt(grant, facts()));
    await expect(stored()).rejects.toMatchObject({ code: 'verify_failed' });
    await rig.gate.clipSealed(grant, clipFacts('a'), {});
    await expect(stored()).rejects.toMatchObject({ code: 'grant_dead' });
    await rig.gate.tokenPresented(grant);
    await rig.gate.failed(grant, 'upload_rejected');
    await stored();
    expect(rig.effects.last()).toMatchObject({ outcome: 'sent', grant, clip: clipFacts('a') });
  });

  it('by a bridge that the device has left is refused', async () => {
    const { grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'), {});
    await rig.gate.tokenPresented(grant);
    const other = otherCast(rig);
    await rig.gate.enrol(pinsOf(other));
    const receipt = rig.cast.intakeReceipt(grant, facts(), other.bridge);
    await expect(rig.gate.delivered(grant, receipt)).rejects.toMatchObject({
      code: 'verify_failed',
      facts: { detail: 'the clip was for another bridge' },
    });
  });

  it('is not taken while the ledger is damaged', async () => {
    const { grant } = await rig.granted();
    await rig.gate.stop();
    const path = join(rig.folder, 'ledger.jsonl');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"type":"granted"', '"type":"denied"'));
    await rig.boot();
    await expect(rig.gate.failed(grant, 'clip_no_frames')).rejects.toMatchObject({ code: 'consent_ledger_damaged' });
    const terms = { request: 'request-1', window: rig.cast.window(), audio: false, zones: [], byteLimit: 1 };
    expect(() => rig.gate.previews.open(terms, new SystemRandom())).toThrow(
      expect.objectContaining({ code: 'consent_ledger_damaged' }),
    );
    expect(rig.effects.receipts).toEqual([]);
    // The bell still rings, and upkeep still runs.
    await rig.clock.advance(60_000);
    await rig.gate.idle();
    await rig.command(rig.cast.command({ action: 'announce' }));
    expect(outcome()).toBe('command-done');
  });
});

describe('a damaged ledger', () => {
  /** Boots with a last entry that was altered. */
  async function damage(): Promise<void> {
    await rig.command(rig.cast.command({ action: 'privacy', on: true }));
    await rig.gate.stop();
    const path = join(rig.folder, 'ledger.jsonl');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"on":true', '"on":false'));
    await rig.boot();
  }

  it('lets nobody view pictures, turns Search Party off, decides nothing and names the fault', async () => {
    const viewer = { viewer: 'tablet', name: 'Tablet', rights: ['live' as const], tokenSha256: sha256Hex('token') };
    await rig.command(rig.cast.command({ action: 'add-viewer', ...viewer }));
    expect(rig.gate.viewer('tablet')).not.toBeNull();
    rig.otherwise = { searchParty: true };
    await damage();
    const detail = rig.gate.damaged ?? '';
    expect([rig.gate.viewer('tablet'), rig.gate.searchPartyOn, detail]).toEqual([
      null,
      false,
      expect.stringMatching(/\w/),
    ]);
    await rig.send('deny', rig.cast.denial(rig.cast.request()));
    expect(rig.effects.last()).toMatchObject({
      code: 'consent_ledger_damaged',
      detail: expect.stringContaining(detail),
    });
    const damaged = { code: 'consent_ledger_damaged', facts: { detail } };
    await expect(rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Sam')).rejects.toMatchObject(damaged);
    expect(() => sentClipsOf(rig.gate)).toThrow(expect.objectContaining(damaged));
  });

  it('that cannot be read to its end keeps privacy on, because that may be the last order', async () => {
    disk.unreadable = { file: 'ledger.jsonl', code: 'EIO' };
    await rig.reboot();
    expect([rig.gate.damaged === null, rig.gate.privacyOn]).toEqual([false, true]);
  });

  it('sends no revocation and repeats no receipt of the entries before the damage', async () => {
    const { grant, grantToken } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'), {});
    await rig.gate.tokenPresented(grant);
    await rig.send('revoke', rig.cast.revoke(grantToken));
    await rig.command(rig.cast.command({ action: 'privacy', on: true }));
    await rig.gate.stop();
    const path = join(rig.folder, 'ledger.jsonl');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"on":true', '"on":false'));
    await rig.boot();
    expect([rig.gate.damaged === null, rig.effects.receipts, rig.effects.revocations]).toEqual([false, [], []]);
  });

  it('is reported with the reason', async () => {
    await rig.gate.stop();
    const path = join(rig.folder, 'ledger.jsonl');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"name":"Alex"', '"name":"Alix"'));
    await rig.boot();
    expect(rig.effects.tamperDetails).toEqual([expect.stringMatching(/\w/)]);
  });
});

describe('the end of a grant', () => {
  const reason = () => rig.effects.made[0]?.signal.reason;
  const dead = { code: 'grant_dead', facts: { detail: expect.stringMatching(/\w/) } };
  const until = async (seconds: number) => {
    const requestToken = await rig.publish();
    await rig.send('grant', rig.cast.grant(requestToken, { exp: rig.cast.nowS() + seconds }));
  };

  it('comes in the exact millisecond of its expiry, not with the next upkeep, and gives the reason', async () => {
    await rig.clock.advance(45_000);
    await until(10);
    await rig.clock.advance(9_999);
    expect(reason()).toBeUndefined();
    await rig.clock.advance(1);
    expect(reason()).toMatchObject(dead);
  });

  it('comes in the second of its expiry by the wall clock, however much time the other clock had left', async () => {
    await until(3_600);
    rig.clock.setWallUs(rig.clock.wallUs() + 3_570_000_000);
    await rig.clock.advance(30_000);
    expect(reason()).toMatchObject(dead);
  });

  it('gives the reason when the device stops, and when its agency’s access was revoked', async () => {
    await rig.granted();
    await rig.gate.stop();
    expect(reason()).toMatchObject(dead);
    await rig.boot();
    await rig.revocations();
    expect(rig.effects.made).toHaveLength(1);
    const revoked = [{ agency: rig.cast.agency.id, upToRevision: 1 }];
    await rig.revocations(rig.cast.revocations({ revision: 2, revoked }));
    expect(reason()).toMatchObject(dead);
  });

  it('does not come by an untrusted clock: the grant waits, and goes on when the clock is right', async () => {
    const { grant } = await rig.granted();
    await rig.gate.stop();
    const nowUs = rig.clock.wallUs();
    rig.clock.setWallUs(nowUs + 48 * 3_600_000_000, false);
    await rig.boot();
    expect([rig.effects.made, rig.gate.unfinishedGrants()]).toEqual([[], [grant]]);
    rig.clock.setWallUs(nowUs);
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(rig.effects.made.map(({ id }) => id)).toEqual([grant]);
  });
});

describe('a clip that was sealed before a restart', () => {
  it('is resumed as unknown to the bridge if its token was never shown', async () => {
    const { grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'), {});
    await rig.reboot();
    expect(rig.effects.resumed.map(({ live, presented }) => [live.id, presented])).toEqual([[grant, false]]);
  });
});

describe('after a restart', () => {
  it('a failed grant is reported with its code again', async () => {
    const { grant } = await rig.granted();
    await rig.gate.failed(grant, 'clip_no_frames');
    await rig.reboot();
    expect(rig.effects.last()).toMatchObject({ outcome: 'failed', grant, code: 'clip_no_frames' });
  });

  it('a request that was cancelled under its grant cannot be granted, though a bridge publishes it again', async () => {
    const { requestToken } = await rig.granted();
    await rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(requestToken, 'jti')] }));
    await rig.reboot();
    await rig.revocations();
    await rig.publish(requestToken);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('consent_request_cancelled');
  });

  it('without its marks, the clock must not be behind the time of the ledger’s entries', async () => {
    await rig.clock.advance(3_600_000);
    await rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Sam');
    await rig.gate.stop();
    await rm(join(rig.folder, 'marks.json'));
    rig.clock.setWallUs(rig.clock.wallUs() - 1_800_000_000);
    await rig.boot();
    expect(rig.gate.clockTrusted).toBe(false);
  });

  it('without its marks, a clock that an owner set back is trusted', async () => {
    const nowUs = rig.clock.wallUs();
    rig.clock.setWallUs(nowUs + 3_600_000_000);
    await rig.command(rig.cast.command({ action: 'announce' }));
    await rig.gate.pair(otherCast(rig).owner.key.publicKey, 'Sam');
    rig.clock.setWallUs(nowUs);
    await rig.command(rig.cast.command({ action: 'reset-clock-mark' }));
    expect(outcome()).toBe('command-done');
    await rig.gate.stop();
    await rm(join(rig.folder, 'marks.json'));
    await rig.boot();
    expect(rig.gate.clockTrusted).toBe(true);
  });

  it('the latest time in its marks counts, also when an owner set them back before', async () => {
    await rig.command(rig.cast.command({ action: 'reset-clock-mark' }));
    await rig.clock.advance(3_600_000);
    await rig.gate.idle();
    await rig.gate.stop();
    rig.clock.setWallUs(rig.clock.wallUs() - 1_800_000_000);
    await rig.boot();
    expect(rig.gate.clockTrusted).toBe(false);
  });
});

describe('a receipt', () => {
  it('has what its outcome needs, and no other field', async () => {
    const { grant, grantToken, requestToken } = await rig.granted();
    const about = { request: textClaim(requestToken, 'jti'), grant };
    const clip = clipFacts('a');
    await rig.gate.clipSealed(grant, clip, {});
    await rig.gate.tokenPresented(grant);
    const facts = { clipSha256: clip.sha256, clipBytes: clip.bytes, manifestSha256: clip.manifestSha256 };
    const stored = rig.cast.intakeReceipt(grant, facts);
    await rig.gate.delivered(grant, stored);
    const revocation = rig.cast.revoke(grantToken);
    await rig.send('revoke', revocation);
    const deleted = rig.cast.intakeReceipt(grant, { ...facts, outcome: 'deleted' });
    await rig.gate.revocationAnswered(grant, deleted);
    const denial = rig.cast.denial(requestToken);
    await rig.send('deny', denial);
    expect(rig.effects.receipts).toStrictEqual([
      { outcome: 'granted', ...about, answers: grant, grantSha256: sha256Hex(grantToken) },
      { outcome: 'sealed', ...about, clip },
      { outcome: 'sent', ...about, clip, intake: stored },
      { outcome: 'revoked', ...about, answers: textClaim(revocation, 'jti') },
      { outcome: 'deleted', ...about, intake: deleted },
      { outcome: 'denied', request: about.request, answers: textClaim(denial, 'jti') },
    ]);
  });
});

describe('upkeep', () => {
  it('that takes longer than its interval is not started twice', async () => {
    let release = () => undefined as unknown;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const replace = disk.replaceFile.bind(disk);
    let waiting = 0;
    disk.replaceFile = async (path, bytes) => {
      waiting += 1;
      await held;
      await replace(path, bytes);
    };
    // The mark is saved every ten minutes.
    for (let tick = 0; tick < 40; tick += 1) {
      await rig.clock.advance(30_000);
      await turn();
    }
    expect(waiting).toBe(1);
    release();
    await rig.gate.idle();
    expect(rig.gate.clockTrusted).toBe(true);
  });

  it('is not delayed by orders, however many arrive: a clock that was ahead is noted, and is untrusted once it is set back', async () => {
    const nowUs = rig.clock.wallUs();
    rig.clock.setWallUs(nowUs + 3_600_000_000);
    const replayed = rig.cast.command({ action: 'announce' });
    for (let at = 0; at < 3; at += 1) {
      await rig.clock.advance(15_000);
      await rig.command(replayed);
    }
    await rig.gate.idle();
    rig.clock.setWallUs(nowUs + 45_000_000);
    expect(rig.gate.clockTrusted).toBe(false);
  });

  it('that waits in the queue is not queued again: owners’ orders have room', async () => {
    rig.limits = { waitingMax: 3 };
    await rig.reboot();
    let release = () => undefined as unknown;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    rig.effects.forget = () => held.then(() => 0);
    const forgetting = rig.command(rig.cast.command({ action: 'forget' }));
    await rig.clock.advance(150_000);
    const pressing = rig.command(rig.cast.command({ action: 'press', button: 'front' }));
    release();
    await Promise.all([forgetting, pressing]);
    expect([rig.effects.presses, rig.gate.unbelievedCounts()]).toEqual([['front'], {}]);
  });

  it('tries again to end a grant whose end could not be recorded', async () => {
    const { grant } = await rig.granted();
    disk.isFull = true;
    await rig.clock.advance(24 * 3_600_000);
    await rig.gate.idle();
    expect([rig.effects.made[0]?.signal.aborted, rig.gate.unfinishedGrants()]).toEqual([true, [grant]]);
    disk.isFull = false;
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect([rig.gate.unfinishedGrants(), outcome()]).toEqual([[], 'consent_grant_expired']);
  });

  it('ends a grant of an earlier boot that expired while the device was off', async () => {
    await rig.granted();
    await rig.gate.stop();
    rig.clock.setWallUs(rig.clock.wallUs() + 24 * 3_600_000_000);
    await rig.boot();
    expect([rig.effects.made, outcome()]).toEqual([[], 'consent_grant_expired']);
  });
});
