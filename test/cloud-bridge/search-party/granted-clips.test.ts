// A clip that answers a search is verified like any other, is shown to the pet's owner alone, and is never part of what agencies see: their
// lists, the vault, the pages of community requests.
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { IntakeReceipt } from '../../../device/contract/manifest.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty, type Party, textClaim } from '../../support/parties.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';
import { Sqlite } from '../../support/sqlite.ts';

let fixture: BridgeFixture;
let request: string;
let searching: Searching;
let search: string;

beforeAll(async () => {
  const key = makeParty('vault', new SystemRandom()).key.publicKey;
  // A vault that is never reached, so that hand-overs wait.
  fixture = await BridgeFixture.open({ bridge: { vault: { url: 'http://127.0.0.1:9', key } } });
  request = await fixture.ready();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  searching = new Searching(fixture.cast);
  const home = makeParty('device', new SystemRandom());
  await fixture.enrol(home);
  search = searching.search();
  const pairing = fixture.cast.pairing({ device: home.id, key: searching.poster.key.publicKey }, home);
  const posted = await fixture.post('/v1/search-party/searches', { search, photo: toBase64url(BARE_JPEG), pairing });
  expect(posted.status).toBe(201);
});

function parcel(changes: Parameters<BridgeFixture['parcel']>[1] = {}): Parcel {
  const manifest = { aud: searching.poster.id, disclosed: {}, ...changes.manifest };
  return fixture.parcel(search, { grantToken: searching.grant(search), ...changes, manifest });
}

const see = (path: string, clip: string, by: Party = searching.poster) =>
  fixture.get(`/v1/search-party/clips${path}`, searching.call({ action: 'see', clip }, by));

async function delivered(): Promise<Parcel> {
  const sent = parcel();
  expect((await fixture.deliver(sent)).status).toBe(204);
  return sent;
}

describe('a clip for a pet’s owner', () => {
  it('is stored for that owner, who can read its list, manifest and bytes', async () => {
    const sent = await delivered();
    const listed = await see('', 'all');
    expect(listed.body['clips']).toMatchObject([{ clip: sent.clipId, request: textClaim(search, 'jti') }]);
    expect((await see(`/${sent.clipId}/manifest`, sent.clipId)).body).toEqual({ manifest: sent.statement });
    const headers = { authorization: `Bearer ${searching.call({ action: 'see', clip: sent.clipId })}` };
    const response = await fetch(`${fixture.bridge.url}/v1/search-party/clips/${sent.clipId}`, { headers });
    expect(Buffer.from(await response.arrayBuffer()).equals(sent.clip)).toBe(true);
  });

  it('is shown to nobody else, and by no other route', async () => {
    const { clipId } = await delivered();
    const stranger = makeParty('owner', new SystemRandom());
    const codes = await Promise.all([
      see(`/${clipId}`, clipId, stranger),
      see(`/${clipId}`, clipId, fixture.cast.owner),
      see(`/${clipId}`, 'all'),
      see('', clipId),
      // An agency's token at the pet owner's route, and the other way round.
      fixture.get(`/v1/search-party/clips/${clipId}`, fixture.access(clipId)),
      fixture.get(`/v1/clips/${clipId}`, fixture.access(clipId)),
      fixture.get(`/v1/clips/${clipId}/manifest`, fixture.access(clipId)),
      fixture.get(`/v1/clips/${clipId}`, searching.call({ action: 'see', clip: clipId })),
      // An agency that uses the pet owner's id.
      fixture.get(`/v1/clips/${clipId}`, fixture.access(clipId, { ...fixture.cast.agency, id: searching.poster.id })),
      fixture.get('/v1/clips', fixture.access('all', { id: searching.poster.id, key: searching.poster.key })),
    ]);
    expect(codes.map(({ status, body }) => [status, body['code']])).toEqual([
      [404, 'clip_unknown'],
      [404, 'clip_unknown'],
      [404, 'clip_unknown'],
      [404, 'clip_unknown'],
      [400, 'token_wrong_type'],
      [404, 'clip_unknown'],
      [404, 'clip_unknown'],
      [400, 'token_unknown_claims'],
      [403, 'agency_unknown'],
      [403, 'agency_unknown'],
    ]);
  });

  it('never appears in community requests: no agency’s list, page, audit, request or vault has it', async () => {
    const before = await agencySees();
    const sent = await delivered();
    const [mine, theirs] = [await receiptOf(sent), fixture.parcel(request)];
    await fixture.deliver(theirs);
    expect(mine.vault).toBeUndefined();
    expect((await receiptOf(theirs)).vault).toBeDefined();
    await fixture.revoke(theirs).catch(() => undefined);
    const after = await agencySees();
    for (const [path, body] of after) {
      for (const secret of [textClaim(search, 'jti'), sent.clipId, searching.poster.id, searching.poster.key.publicKey])
        expect([path, body.includes(secret)]).toEqual([path, false]);
    }
    expect(after.map(([path]) => path)).toEqual(before.map(([path]) => path));
  });

  it('shares no row with agencies: request tables have no search, and the clip’s only recipient is the poster', async () => {
    const sent = await delivered();
    const file = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'), { readonly: true });
    const rows = (text: string, ...values: unknown[]) => file.prepare(text).all(...values);
    const id = textClaim(search, 'jti');
    const recipients = rows('select agency, vault from intakes where request = ?', id);
    const inRequests = ['requests', 'request_cells'].flatMap((table) =>
      rows(`select * from ${table} where request = ?`, id),
    );
    const inSearches = rows('select search from searches where search in (select request from requests)');
    const handed = rows('select * from hand_overs where grant_id = ?', sent.grant);
    file.close();
    expect(recipients).toEqual([{ agency: searching.poster.id, vault: null }]);
    expect([inRequests, inSearches, handed]).toEqual([[], [], []]);
  });

  it('is revoked like any other, also once the pet is found', async () => {
    const sent = await delivered();
    await found();
    expect((await fixture.revoke(sent)).body).toMatchObject({ state: 'deleted' });
    expect((await see('', 'all')).body).toEqual({ clips: [], next: null });
    expect((await see(`/${sent.clipId}`, sent.clipId)).body['code']).toBe('clip_unknown');
  });

  it.each<[string, () => Parcel | Promise<Parcel>, string]>([
    [
      'for another neighbour',
      () => parcel({ grantToken: grantTo('neighbor', fixture.cast.owner) }),
      'intake_grant_invalid',
    ],
    ['for an agency', () => parcel({ grantToken: grantTo('agency', fixture.cast.agency) }), 'request_not_live'],
    [
      'of the request of an agency',
      () =>
        fixture.parcel(request, { grant: { recipient: { kind: 'neighbor', key: fixture.cast.agency.key.publicKey } } }),
      'request_not_live',
    ],
    [
      'of other bytes',
      () => parcel({ grantToken: searching.grant(search, { requestSha256: '0'.repeat(64) }) }),
      'intake_grant_invalid',
    ],
    [
      'that discloses what was not asked for',
      () =>
        parcel({
          grantToken: searching.grant(search, { disclose: ['address'] }),
          manifest: { disclosed: { address: '12 Elm' } },
        }),
      'intake_grant_invalid',
    ],
    ['addressed to an agency', () => parcel({ manifest: { aud: fixture.cast.agency.id } }), 'intake_manifest_invalid'],
    [
      'of a search that nobody posted',
      () => fixture.parcel(searching.search(), { grantToken: searching.grant(searching.search()) }),
      'request_not_live',
    ],
    ['once the pet is found', () => found().then(() => parcel()), 'request_not_live'],
  ])('%s is refused before a byte of it is taken', async (_what, make, code) => {
    expect((await fixture.openIntake(await make())).body['code']).toBe(code);
  });

  it('that arrives while the pet is reported as found is deleted', async () => {
    const sent = parcel();
    await fixture.openIntake(sent);
    const path = await fixture.create(sent);
    await found();
    expect((await fixture.patch(sent, path, 0, sent.clip)).body['code']).toBe('request_not_live');
    expect((await see('', 'all')).body).toEqual({ clips: [], next: null });
  });

  const grantTo = (kind: 'agency' | 'neighbor', { key }: Party) =>
    searching.grant(search, { recipient: { kind, key: key.publicKey } });
  async function found(): Promise<void> {
    const id = textClaim(search, 'jti');
    const ended = await fixture.post(
      `/v1/search-party/searches/${id}/end`,
      {},
      searching.call({ action: 'end', search: id }),
    );
    expect(ended.status).toBe(200);
  }
  async function receiptOf(sent: Parcel) {
    const { receipt } = (await fixture.status(sent)).body;
    return IntakeReceipt.parse(claimsOf(String(receipt)));
  }
});

/** Everything that agencies and the public can read, by path. */
async function agencySees(): Promise<[string, string][]> {
  const { agency } = fixture.cast;
  const id = textClaim(request, 'jti');
  const asked: [string, string | undefined][] = [
    ['/v1/clips', fixture.access('all')],
    ['/v1/access-audit', fixture.access('all')],
    [`/v1/requests/${id}`, fixture.agencyCall({ action: 'see-request', request: id })],
    ['/v1/moderation', fixture.bridge.adminToken],
    ...['', '/feed.json', '/feed.atom', `/agencies/${agency.id}`, '/transparency'].map((path): [string, undefined] => [
      `/neighbors${path}`,
      undefined,
    ]),
    [`/v1/transparency/${agency.id}`, undefined],
  ];
  return Promise.all(
    asked.map(async ([path, bearer]) => {
      const { status, body } = await fixture.get(path, bearer);
      expect([path, status]).toEqual([path, 200]);
      return [path, JSON.stringify(body)];
    }),
  );
}
