// Search Party uses the same gate as any request. It is off until an owner turns it on; only searches with a sighting here can be
// answered; a clip goes to the searcher and to nobody else; and it ends when the pet is found.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import type { Sighted } from '../../../device/contract/home-messages.ts';
import { openSearch } from '../../../device/contract/search.ts';
import { LIFE_S_MAX } from '../../../device/contract/shared-claims.ts';
import { textClaim } from '../../support/parties.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';
import { clipFacts, GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
let searching: Searching;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
  searching = new Searching(rig.cast);
});
afterEach(async () => {
  await rig.close();
});

const counts = () => rig.gate.unbelievedCounts();
const open = () => rig.effects.searched.at(-1) ?? [];
const turn = (on: boolean, changes: object = {}) =>
  rig.command(rig.cast.command({ action: 'search-party', on }, changes));
const hear = (token: string, part = 1) => rig.gate.onSearchDocument(part, token);

/** Motion some minutes ago. */
function seen(changes: Partial<Sighted> = {}): Sighted {
  const endUs = rig.cast.nowS() * 1_000_000 - 60_000_000;
  return { window: { startUs: endUs - 10_000_000, endUs }, stillUs: endUs - 4_000_000, likeness: 0.8, ...changes };
}

/** A received search with a sighting here; its token. */
async function sighted(token = searching.search()): Promise<string> {
  await turn(true);
  await hear(searching.document([searching.published(token)]));
  await rig.gate.sighted(textClaim(token, 'jti'), seen());
  return token;
}

describe('taking part', () => {
  it('is off until an owner turns it on, and a home that takes no part opens no document', async () => {
    await hear(searching.document([searching.published()]));
    expect([rig.gate.searchPartyOn, open(), counts()]).toEqual([false, [], {}]);
    await hear('not even a token');
    expect(counts()).toEqual({});
    await turn(true);
    await hear('not even a token');
    expect([rig.gate.searchPartyOn, counts()]).toEqual([true, { token_malformed: 1 }]);
  });

  it('lasts over a restart, is in the ledger, and the last order counts whatever the broker keeps', async () => {
    const on = rig.cast.command({ action: 'search-party', on: true });
    await rig.command(on);
    await rig.reboot();
    expect(rig.gate.searchPartyOn).toBe(true);
    const late = rig.cast.command({ action: 'search-party', on: true });
    await turn(false);
    await rig.command(on);
    await rig.command(late);
    expect([rig.gate.searchPartyOn, rig.effects.last().code]).toEqual([false, 'consent_order_stale']);
    await rig.reboot();
    expect(rig.gate.searchPartyOn).toBe(false);
  });

  it('ends with searches, sightings, and the right to answer them', async () => {
    const token = await sighted();
    await turn(false);
    expect([open(), rig.gate.openRequests()]).toEqual([[], []]);
    await rig.send('grant', searching.grant(token));
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_request_unknown' });
  });

  it('is off after a restore from a backup, until one of the new owners turns it on', async () => {
    await turn(true);
    await rig.restored();
    expect(rig.gate.searchPartyOn).toBe(false);
  });
});

describe('a search', () => {
  beforeEach(() => turn(true));

  it('is passed on with its photo as it arrived, for the device to compare', async () => {
    const token = searching.search();
    await hear(searching.document([searching.published(token)]));
    expect(open()).toEqual([textClaim(token, 'jti')]);
    expect([rig.effects.notices, rig.effects.sightings]).toEqual([[], []]);
  });

  it.each<[string, string, () => string]>([
    ['another bridge’s publication', 'token_unknown_signer', () => withPublication(otherCast(rig).bridge)],
    [
      'a publication of other bytes',
      'consent_request_changed',
      () => withPublication(rig.cast.bridge, { searchSha256: '0'.repeat(64) }),
    ],
    ['another bridge as its audience', 'token_wrong_audience', () => document({ aud: otherCast(rig).bridge.id })],
    [
      'a signature that is not its own key’s',
      'token_bad_signature',
      () => document({ iss: rig.cast.owner.key.publicKey }),
    ],
    ['a person as its kind', 'token_unknown_claims', () => document({ kind: 'person' } as never)],
    [
      'an end in the past',
      'consent_request_expired',
      () => document({ iat: rig.cast.nowS() - 60, exp: rig.cast.nowS() }),
    ],
    [
      'a longer life than a day',
      'token_unknown_claims',
      () => document({ exp: rig.cast.nowS() + LIFE_S_MAX.search + 1 }),
    ],
    [
      'a look back over more than a day',
      'token_unknown_claims',
      () =>
        document({
          window: { startUs: (rig.cast.nowS() - 25 * 3600) * 1_000_000, endUs: rig.cast.nowS() * 1_000_000 },
        }),
    ],
  ])('with %s is not believed', async (_what, code, make) => {
    await hear(make());
    expect([counts(), open()]).toEqual([{ [code]: 1 }, []]);
  });

  const document = (changes: Parameters<Searching['search']>[0]) =>
    searching.document([searching.published(searching.search(changes))]);
  function withPublication(by: typeof rig.cast.bridge, changes: object = {}): string {
    const published = searching.published();
    return searching.document([{ ...published, publication: searching.publication(published.search, changes, by) }]);
  }

  it('in a document of another cell, part or an older revision is refused', async () => {
    await hear(searching.document([searching.published()], { cell: '9q8yz' }));
    await hear(searching.document([searching.published()]), 2);
    await hear(searching.document([], { revision: 5 }));
    await hear(searching.document([searching.published()], { revision: 4 }));
    expect([counts(), open()]).toEqual([{ message_topic_mismatch: 2, consent_too_old: 1 }, []]);
  });

  it('keeps its first bytes, and is never opened again once it ended', async () => {
    const token = searching.search({ jti: 'search-1' });
    await hear(searching.document([searching.published(token)]));
    await hear(
      searching.document([searching.published(searching.search({ jti: 'search-1', text: 'Another.' }))], {
        revision: 2,
      }),
    );
    expect([counts(), open()]).toEqual([{ consent_request_changed: 1 }, ['search-1']]);
    await hear(searching.document([], { revision: 3, ended: ['search-1'] }));
    await hear(searching.document([searching.published(token)], { revision: 4 }));
    expect(open()).toEqual([]);
  });
});

describe('a sighting', () => {
  it('is reported to the owner with the poster’s own words, and without a pixel', async () => {
    const token = await sighted();
    const [notice] = rig.effects.sightings;
    expect(notice).toMatchObject({ device: rig.cast.device.id, sighted: [seen()], wouldDisclose: {} });
    expect(JSON.stringify(notice)).not.toContain('photo"');
    const read =
      notice &&
      openSearch(notice.papers, { bridgeKey: rig.cast.bridge.key.publicKey }, { verify: verifySignature, sha256Hex });
    expect(read).toMatchObject({
      ok: true,
      opened: { request: { text: 'Brown, red collar.', photoSha256: sha256Hex(BARE_JPEG) } },
    });
    expect(rig.gate.openRequests()).toEqual([{ request: textClaim(token, 'jti'), state: 'pending' }]);
  });

  it('of an unknown search, twice of the same motion, or from before the loss is not recorded', async () => {
    const token = await sighted();
    await rig.gate.sighted('search-none', seen());
    await rig.gate.sighted(textClaim(token, 'jti'), seen({ likeness: 0.9 }));
    const dayBefore = (rig.cast.nowS() - 20 * 3600) * 1_000_000;
    await rig.gate.sighted(
      textClaim(token, 'jti'),
      seen({ window: { startUs: dayBefore, endUs: dayBefore + 9 }, stillUs: dayBefore }),
    );
    expect([rig.effects.sightings.length, rig.gate.openRequests().length]).toEqual([1, 1]);
  });

  it('is reported again when an owner asks, until it is answered', async () => {
    const token = await sighted();
    await rig.command(rig.cast.command({ action: 'announce' }));
    expect(rig.effects.sightings).toHaveLength(2);
    await rig.send('deny', rig.cast.denial(token));
    await rig.command(rig.cast.command({ action: 'announce' }));
    expect([rig.effects.sightings.length, rig.effects.receipts.some(({ outcome }) => outcome === 'denied')]).toEqual([
      2,
      true,
    ]);
  });

  it('is dropped with the footage that is forgotten', async () => {
    const token = await sighted();
    await rig.command(rig.cast.command({ action: 'forget' }));
    await rig.send('grant', searching.grant(token));
    expect(rig.effects.last().code).toBe('consent_request_unknown');
  });
});

describe('a grant to a pet’s owner', () => {
  it('makes a clip for them, by the same ledger and the same live grant', async () => {
    const token = await sighted();
    const grant = searching.grant(token);
    await rig.send('grant', grant);
    const [live] = rig.effects.made;
    expect(rig.effects.last()).toMatchObject({ outcome: 'granted', grantSha256: sha256Hex(grant) });
    expect(live?.facts).toMatchObject({
      requestToken: token,
      grant: { recipient: { kind: 'neighbor' }, disclose: [] },
    });
    await rig.gate.clipSealed(textClaim(grant, 'jti'), clipFacts('one'));
    await rig.reboot();
    expect(rig.effects.resumed.map(({ live: again }) => again.id)).toEqual([textClaim(grant, 'jti')]);
    // A neighbour has no credential that a revocation list could revoke: nothing waits for a list.
    expect(() => rig.effects.resumed[0]?.live.assertMayLeave()).not.toThrow();
  });

  it.each<[string, string, (token: string) => string]>([
    ['for a search that was not seen here', 'consent_request_unknown', () => searching.grant(searching.search())],
    ['to an agency', 'consent_wrong_recipient', (token) => withRecipient(token, 'agency', textClaim(token, 'iss'))],
    [
      'to another neighbour',
      'consent_wrong_recipient',
      (token) => withRecipient(token, 'neighbor', rig.cast.agency.key.publicKey),
    ],
    [
      'that discloses what was not asked for',
      'consent_disclosure_beyond',
      (token) => searching.grant(token, { disclose: ['address'] }),
    ],
    [
      'of footage from before the loss',
      'consent_window_outside',
      (token) => searching.grant(token, { window: before() }),
    ],
    ['of other bytes', 'consent_request_changed', (token) => searching.grant(token, { requestSha256: '0'.repeat(64) })],
  ])('%s is refused', async (_what, code, make) => {
    const token = await sighted();
    await rig.send('grant', make(token));
    expect([rig.effects.last().code, rig.effects.made]).toEqual([code, []]);
  });

  it('is refused while the clock is untrusted, as for an agency', async () => {
    const token = await sighted();
    rig.clock.setWallUs(rig.clock.wallUs(), false);
    await rig.send('grant', searching.grant(token));
    expect([rig.effects.last().code, rig.effects.made]).toEqual(['consent_clock_untrusted', []]);
  });

  const withRecipient = (token: string, kind: 'agency' | 'neighbor', key: string) =>
    searching.grant(token, { recipient: { kind, key } });
  function before() {
    const startUs = (rig.cast.nowS() - 7200) * 1_000_000;
    return { startUs, endUs: startUs + 5_000_000 };
  }

  it('is impossible for an agency’s request: the key’s owner does not make it a neighbour’s', async () => {
    const requestToken = await rig.publish();
    const recipient = { kind: 'neighbor', key: rig.cast.agency.key.publicKey } as const;
    await rig.send('grant', rig.cast.grant(requestToken, { recipient }));
    expect([rig.effects.last().code, rig.effects.made]).toEqual(['consent_wrong_recipient', []]);
  });

  it('ends when the pet is found, and no other is taken then', async () => {
    const token = await sighted();
    await rig.send('grant', searching.grant(token));
    const [live] = rig.effects.made;
    await hear(searching.document([], { revision: 2, ended: [textClaim(token, 'jti')] }));
    expect(live?.signal.aborted).toBe(true);
    expect(rig.effects.last()).toMatchObject({ outcome: 'failed', code: 'consent_request_cancelled' });
    await rig.send('grant', searching.grant(token));
    expect(rig.effects.last().code).toBe('consent_request_cancelled');
  });

  it('can be revoked, and does not depend on agencies', async () => {
    const token = await sighted();
    const grant = searching.grant(token);
    await rig.send('grant', grant);
    const revoked = [{ agency: rig.cast.agency.id, upToRevision: 9 }];
    await rig.revocations(rig.cast.revocations({ revision: 2, revoked }));
    expect(rig.effects.made[0]?.signal.aborted).toBe(false);
    await rig.send('revoke', rig.cast.revoke(grant));
    expect([rig.effects.made[0]?.signal.aborted, rig.effects.last().outcome]).toEqual([true, 'revoked']);
  });
});
