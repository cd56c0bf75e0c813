// The list of sent clips is complete and holds nothing else: every clip of which a part may have left, forever, with the values that
// were disclosed; those values are only in the ledger.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SentClips, sentClipsOf } from '../../../device/consent/sent-clips.ts';
import { actorId } from '../../../device/contract/ids.ts';
import type { IntakeReceipt } from '../../../device/contract/manifest.ts';
import { SentClipPage } from '../../../device/contract/sent-clips.ts';
import { claimsOf, textClaim } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';
import { clipFacts, GateRig } from './gate-rig.ts';

const VALUES = { address: '1 Elm Street', email: 'home@example.org' };

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

const page = (before: number | null = null, most = 50) => SentClipPage.parse(rig.gate.sentClips.page(before, most));
const standings = () => page().departures.map(({ standing }) => standing.at);

/** The bridge's receipt of the clip `name`. */
function intake(grant: string, name: string, changes: Partial<IntakeReceipt> = {}): string {
  const { sha256, bytes, manifestSha256 } = clipFacts(name);
  const { bridge, device } = rig.cast;
  return rig.cast.sign(
    'doorsill-intake+jws',
    {
      ...{ iss: bridge.key.publicKey, aud: device.id, iat: rig.cast.nowS(), jti: `intake-${name}`, grant },
      ...{ outcome: 'stored', clipSha256: sha256, clipBytes: bytes, manifestSha256, ...changes },
    },
    bridge,
  );
}

/** A grant whose clip is sealed, and, if `sent`, on its way. */
async function sealed(name: string, sent = true): Promise<{ grant: string; grantToken: string }> {
  const { grant, grantToken } = await rig.granted();
  await rig.gate.clipSealed(grant, clipFacts(name), VALUES);
  if (sent) await rig.gate.tokenPresented(grant);
  return { grant, grantToken };
}

describe('nothing has left', () => {
  it('on a device that granted nothing, or denied', async () => {
    expect(page()).toEqual({ total: 0, departures: [], next: null });
    const requestToken = await rig.publish();
    await rig.send('deny', rig.cast.denial(requestToken));
    expect(page().total).toBe(0);
  });

  it('while a clip is granted, cut and sealed', async () => {
    await sealed('a', false);
    expect(page().total).toBe(0);
    await rig.reboot();
    expect(page().total).toBe(0);
  });

  it('when a grant is revoked, fails or expires before its token may be shown', async () => {
    const { grantToken } = await sealed('a', false);
    await rig.send('revoke', rig.cast.revoke(grantToken));
    const second = await rig.granted();
    await rig.gate.failed(second.grant, 'clip_no_frames');
    const third = await rig.granted();
    await rig.gate.clipSealed(third.grant, clipFacts('c'), VALUES);
    await rig.clock.advance(48 * 3_600_000);
    await rig.gate.idle();
    await rig.reboot();
    expect(page().total).toBe(0);
  });
});

describe('a clip whose token may be shown', () => {
  it('is in the list from then on, with its recipient by the credential, and all that was disclosed', async () => {
    const { grant, grantToken } = await sealed('a');
    const [departure] = page().departures;
    const { owner, agency, bridge } = rig.cast;
    expect(departure).toEqual({
      number: 0,
      request: textClaim(grantToken, 'request'),
      grant,
      grantSha256: sha256Hex(grantToken),
      grantedBy: owner.key.publicKey,
      grantedUs: expect.any(Number),
      recipient: {
        ...{ kind: 'agency', id: agency.id, name: claimsOf(rig.cast.credential())['name'] },
        ...{ domain: claimsOf(rig.cast.credential())['domain'], jurisdiction: 'municipal' },
        ...{ investigation: expect.any(String), incidentType: expect.any(String) },
      },
      bridge: bridge.id,
      clip: clipFacts('a'),
      audio: claimsOf(grantToken)['audio'],
      zones: 0,
      disclosed: VALUES,
      sentUs: expect.any(Number),
      stored: null,
      standing: { at: 'sending' },
    });
    expect(rig.gate.sentClips.under(grant)).toEqual(departure);
    expect(() => rig.gate.sentClips.under('grant-other')).toThrow(
      expect.objectContaining({ code: 'departure_unknown' }),
    );
  });

  it('is the same after a restart, in every state', async () => {
    const { grant, grantToken } = await sealed('a');
    const said: unknown[] = [];
    const step = async (work: () => Promise<unknown>) => {
      await work();
      const before = page();
      await rig.reboot();
      await rig.revocations();
      expect(page()).toEqual(before);
      said.push(before.departures[0]?.standing);
    };
    await step(async () => undefined);
    await step(() => rig.gate.delivered(grant, intake(grant, 'a')));
    expect(page().departures[0]?.stored?.receipt).toContain('.');
    await step(() => rig.send('revoke', rig.cast.revoke(grantToken)));
    const deleted = intake(grant, 'a', { outcome: 'deleted' });
    await step(() => rig.gate.revocationAnswered(grant, deleted));
    expect(said).toMatchObject([
      { at: 'sending' },
      { at: 'stored' },
      { at: 'revoking' },
      { at: 'answered', outcome: 'deleted', receipt: deleted },
    ]);
    // The clip and its receipt stay known.
    expect(page().departures[0]).toMatchObject({ disclosed: VALUES, stored: { receipt: expect.any(String) } });
  });

  it('is held until the bridge or the vault has signed that it is erased', async () => {
    const unsent = await sealed('u', false);
    const { grant, grantToken } = await sealed('a');
    expect(rig.gate.heldGrants()).toEqual([unsent.grant, grant]);
    expect(rig.gate.sentClips.heldGrants()).toEqual([grant]);
    await rig.gate.delivered(grant, intake(grant, 'a'));
    await rig.send('revoke', rig.cast.revoke(grantToken));
    expect(rig.gate.heldGrants()).toContain(grant);
    await rig.gate.revocationAnswered(grant, intake(grant, 'a', { outcome: 'deleted' }));
    expect(rig.gate.heldGrants()).toEqual([unsent.grant]);
    await rig.send('revoke', rig.cast.revoke(unsent.grantToken));
    expect(rig.gate.heldGrants()).toEqual([]);
  });

  it('stays in the list when its grant fails or ends, because a part may have left', async () => {
    const { grant } = await sealed('a');
    await rig.gate.failed(grant, 'upload_rejected');
    expect(page().departures[0]?.standing).toMatchObject({ at: 'stopped', code: 'upload_rejected' });
    // It had arrived nevertheless.
    await rig.gate.delivered(grant, intake(grant, 'a'));
    expect(standings()).toEqual(['stored']);
  });

  it('says that its request was cancelled, where that ended its grant', async () => {
    const { grantToken } = await sealed('a');
    await rig.area(rig.cast.areaDocument([], { cancelled: [textClaim(grantToken, 'request')] }));
    expect(page().departures[0]?.standing).toMatchObject({ at: 'stopped', code: 'consent_request_cancelled' });
  });

  it('says why its grant ended', async () => {
    await sealed('a');
    await rig.clock.advance(48 * 3_600_000);
    await rig.reboot();
    await rig.revocations();
    expect(page().departures[0]?.standing).toMatchObject({ at: 'stopped', code: 'consent_grant_expired' });
  });

  it('stays in the list after another grant of the same request, and the two are distinguished', async () => {
    const first = await sealed('a');
    await rig.send('revoke', rig.cast.revoke(first.grantToken));
    await rig.gate.revocationAnswered(first.grant, intake(first.grant, 'a', { outcome: 'deleted' }));
    const second = await sealed('b');
    expect(page().departures.map(({ number, grant }) => [number, grant])).toEqual([
      [1, second.grant],
      [0, first.grant],
    ]);
    expect(standings()).toEqual(['sending', 'answered']);
  });
});

it('of a pet search names its owner by the key alone: nobody vouches for more', async () => {
  const searching = new Searching(rig.cast);
  const token = searching.search();
  await rig.command(rig.cast.command({ action: 'search-party', on: true }));
  await rig.gate.onSearchDocument(1, searching.document([searching.published(token)]));
  const endUs = rig.cast.nowS() * 1_000_000 - 60_000_000;
  const window = { startUs: endUs - 10_000_000, endUs };
  await rig.gate.sighted(textClaim(token, 'jti'), { window, stillUs: endUs - 4_000_000, likeness: 0.8 });
  const grant = searching.grant(token);
  await rig.send('grant', grant);
  await rig.gate.clipSealed(textClaim(grant, 'jti'), { ...clipFacts('pet'), disclosed: [] }, {});
  await rig.gate.tokenPresented(textClaim(grant, 'jti'));
  const id = actorId('owner', sha256Hex(textClaim(token, 'iss')));
  expect(page().departures[0]).toMatchObject({ recipient: { kind: 'neighbor', id }, disclosed: {} });
});

describe('the list', () => {
  it('has each clip under its own grant, and none under another', async () => {
    const [first, second] = [await sealed('a'), await sealed('b')];
    expect([first, second].map(({ grant }) => rig.gate.sentClips.under(grant).number)).toEqual([0, 1]);
    expect(() => rig.gate.sentClips.under('grant-none')).toThrow(
      expect.objectContaining({ code: 'departure_unknown' }),
    );
    await rig.send('revoke', rig.cast.revoke(second.grantToken));
    expect(standings()).toEqual(['revoking', 'sending']);
  });

  it('comes in pages, newest first, without a gap', async () => {
    const grants: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) grants.unshift((await sealed(name)).grant);
    const seen: string[] = [];
    let before: number | null = null;
    do {
      const { total, departures, next } = page(before, 2);
      expect(total).toBe(5);
      seen.push(...departures.map(({ grant }) => grant));
      before = next;
    } while (before !== null);
    expect(seen).toEqual(grants);
    expect(page(0, 2)).toMatchObject({ departures: [], next: null });
    expect(page(99, 2).departures).toHaveLength(2);
  });

  it('is refused of a ledger that does not verify, because it might be incomplete', () => {
    const { sentClips } = rig.gate;
    expect(sentClipsOf({ sentClips, damaged: null })).toBe(sentClips);
    expect(() => sentClipsOf({ sentClips, damaged: 'entry 3' })).toThrow(
      expect.objectContaining({ code: 'consent_ledger_damaged' }),
    );
  });
});

describe('the values disclosed with a clip', () => {
  it('are in the ledger, and in no receipt', async () => {
    const { grant } = await sealed('a');
    await rig.gate.delivered(grant, intake(grant, 'a'));
    await rig.gate.announce();
    const ledger = await readFile(join(rig.folder, 'ledger.jsonl'), 'utf8');
    const told = JSON.stringify([rig.effects.receipts, rig.gate.openRequests()]);
    expect(rig.effects.receipts.map(({ outcome }) => outcome)).toContain('sent');
    for (const value of Object.values(VALUES)) {
      expect(ledger).toContain(value);
      expect(told).not.toContain(value);
    }
  });

  it('are reported as not stored where an older version wrote the entry', async () => {
    const { grant } = await rig.granted();
    await rig.gate.clipSealed(grant, clipFacts('a'));
    await rig.gate.tokenPresented(grant);
    await rig.reboot();
    expect(page().departures[0]).toMatchObject({ disclosed: null, clip: { disclosed: ['address', 'email'] } });
  });
});

describe('an entry', () => {
  const place = { sequence: 0, previousHash: '', boot: 'boot-1' };
  const about = { request: 'request-1', grant: 'grant-none' };

  it('about an unknown grant changes nothing', () => {
    const sentClips = new SentClips();
    sentClips.apply({ ...place, atUs: 1, type: 'failed', body: { ...about, code: 'upload_rejected' } }, null);
    sentClips.apply({ ...place, atUs: 1, type: 'token-presented', body: about }, null);
    const jti = { jti: 'denial-1', token: 'x', requestToken: 'x' };
    sentClips.apply({ ...place, atUs: 1, type: 'denied', body: { request: 'request-1', ...jti } }, null);
    expect(sentClips.page(null, 50)).toEqual({ total: 0, departures: [], next: null });
  });

  it('of another kind, or about a grant of which nothing has left, does not change a sent clip', async () => {
    const { grant, grantToken } = await sealed('a');
    await sealed('b');
    const before = page().departures;
    const failed = { ...about, code: 'upload_rejected' } as const;
    rig.gate.sentClips.apply({ ...place, atUs: 9, type: 'failed', body: failed }, null);
    rig.gate.sentClips.apply(
      {
        ...place,
        atUs: 9,
        type: 'sealed',
        body: { request: textClaim(grantToken, 'request'), grant, clip: clipFacts('b') },
      },
      null,
    );
    expect(page().departures).toEqual(before);
  });

  it('that shows a token for a clip that was never sealed adds nothing to the list', async () => {
    const { grant, grantToken } = await rig.granted();
    const request = textClaim(grantToken, 'request');
    rig.gate.sentClips.apply({ ...place, atUs: 9, type: 'token-presented', body: { request, grant } }, null);
    expect(page().total).toBe(0);
  });

  it('of a grant without its facts is a bug', () => {
    const body = { ...about, grantToken: 'x', requestToken: 'x', pairingToken: 'x' };
    expect(() => new SentClips().apply({ ...place, atUs: 1, type: 'granted', body }, null)).toThrow('assertion failed');
  });
});

it('a recall that the department answered is listed with the answer', async () => {
  const { grant } = await sealed('a');
  const body = { request: 'request-1', grant, intake: 'the receipt' };
  const entry = { sequence: 0, previousHash: '', boot: 'boot-1', atUs: 7, type: 'recalled', body } as const;
  rig.gate.sentClips.apply(entry, null);
  expect(page().departures[0]?.standing).toEqual({
    at: 'answered',
    atUs: 7,
    outcome: 'recalled',
    receipt: 'the receipt',
  });
});
