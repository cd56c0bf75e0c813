// What a recipient says of an encrypted clip is recorded once for each outcome, and nobody else's word about it is.
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateSigningKey, sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { ClipLeaves, CustodyEntry } from '../../../device/contract/custody.ts';
import { VerdictOutcome } from '../../../device/contract/sealing.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { makeParty, type Party } from '../../support/parties.ts';
import { sealedParcel, sealingFor, verdictOn } from '../../support/sealed-parcel.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';
import { custodyCall } from '../../support/sent-clip.ts';
import { Sqlite } from '../../support/sqlite.ts';

let fixture: BridgeFixture;
let request: string;
let parcel: Parcel;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  parcel = sealedParcel(fixture, request);
  expect((await fixture.deliver(parcel)).status).toBe(204);
});

/** The agency posts a verdict; the code and detail of the refusal, or the leaf. */
async function posted(verdict: string, of = parcel, bearer = fixture.access(of.clipId)) {
  const { status, body } = await fixture.post(`/v1/clips/${of.clipId}/verdict`, { verdict }, bearer);
  return status === 200 ? { leaf: body['leaf'] } : `${body['code']}: ${Object(body['facts'])['detail'] ?? ''}`;
}
const said = (outcome?: VerdictOutcome, changes: object = {}, by: Party = fixture.cast.agency) =>
  verdictOn(fixture, parcel, by, outcome, changes);

/** What the home is shown. */
async function shown(of = parcel) {
  const bearer = custodyCall(fixture, fixture.cast.device, of.grant);
  const { leaves, verdicts } = ClipLeaves.parse(
    (await fixture.get(`/v1/intakes/${of.grant}/custody/leaves`, bearer)).body,
  );
  const kinds = leaves.map(({ entry }) => CustodyEntry.parse(JSON.parse(entry)).kind);
  return {
    kinds,
    facts: leaves.map(({ facts }) => JSON.parse(facts)),
    verdicts,
    leaves: leaves.map(({ leaf }) => leaf),
  };
}

describe('an agency’s verdict', () => {
  it('is a leaf that the home is shown, with the signed words', async () => {
    const verdict = said();
    const answer = await posted(verdict);
    const { kinds, facts, verdicts, leaves } = await shown();
    expect(kinds).toEqual(['intake', 'opening']);
    expect(facts[1]).toEqual({
      ...{ clip: parcel.clipId, grant: parcel.grant, by: 'recipient', outcome: 'as-granted' },
      verdictSha256: sha256Hex(verdict),
    });
    expect(verdicts).toEqual([verdict]);
    expect(answer).toEqual({ leaf: leaves[1] });
  });

  it('changes nothing when the same is said again, and is answered the same', async () => {
    const [first, again] = [said('recording'), said('recording')];
    const answer = await posted(first);
    expect([await posted(first), await posted(again)]).toEqual([answer, answer]);
    expect(await shown()).toMatchObject({ kinds: ['intake', 'opening'], verdicts: [first] });
  });

  it('is recorded beside another one, also when the clip is revoked later; then no more is taken', async () => {
    const both = [said('as-granted'), said('zones')];
    for (const verdict of both) await posted(verdict);
    await fixture.revoke(parcel);
    expect(await shown()).toMatchObject({ kinds: ['intake', 'opening', 'opening', 'deletion'], verdicts: both });
    expect(await posted(said('clip'))).toMatch(/^clip_unknown/);
    expect((await shown()).verdicts).toEqual(both);
  });

  it('is recorded four times at most, so that the home still sees what becomes of the clip', async () => {
    const answers = [];
    for (const outcome of VerdictOutcome.options) answers.push(await posted(said(outcome)));
    expect(answers.map((answer) => typeof answer)).toEqual([
      ...Array<string>(4).fill('object'),
      ...Array<string>(3).fill('string'),
    ]);
    expect(answers.at(-1)).toBe('verdict_refused: no more verdicts of it are recorded');
    // One that is known is answered as before.
    expect(await posted(said('as-granted'))).toEqual(answers[0]);
    await fixture.revoke(parcel);
    expect((await shown()).kinds).toEqual(['intake', ...Array<string>(4).fill('opening'), 'deletion']);
  });

  it.each<[string, () => object, string]>([
    ['another clip', () => ({ clip: 'clip-other' }), 'it is about another clip'],
    ['another grant', () => ({ grant: 'grant-other' }), 'it is about another clip'],
    ['another file', () => ({ clipSha256: sha256Hex('other') }), 'it is about another clip'],
    ['another statement', () => ({ statementSha256: sha256Hex('other') }), 'it is about another clip'],
    ['another bridge', () => ({ aud: 'bridge-other' }), 'verdict: wrong-audience'],
    ['no known outcome', () => ({ outcome: 'fine' }), 'verdict: unknown-claims'],
    ['an unknown claim', () => ({ note: 'x' }), 'verdict: unknown-claims'],
  ])('that names %s is refused, and nothing is recorded', async (_what, changes, detail) => {
    expect(await posted(said('as-granted', changes()))).toBe(`verdict_refused: ${detail}`);
    expect((await shown()).kinds).toEqual(['intake']);
  });

  it('is refused when somebody else signed it, or it is no verdict, or too long', async () => {
    const stranger = { id: fixture.cast.agency.id, key: generateSigningKey(new SystemRandom()) };
    expect([
      await posted(said('as-granted', {}, stranger)),
      await posted(said('as-granted', { iss: fixture.cast.agency.key.publicKey }, stranger)),
      await posted(fixture.access(parcel.clipId)),
      await posted('x'),
    ]).toEqual([
      'verdict_refused: verdict: unknown-signer',
      'verdict_refused: verdict: bad-signature',
      'verdict_refused: verdict: wrong-type',
      'verdict_refused: verdict: malformed',
    ]);
    expect(await posted('x'.repeat(2_049))).toMatch(/^http_body_invalid/);
    expect((await shown()).kinds).toEqual(['intake']);
  });

  it('is refused for a clip that is not encrypted', async () => {
    const plain = fixture.parcel(request);
    await fixture.deliver(plain);
    expect(await posted(verdictOn(fixture, plain, fixture.cast.agency), plain)).toBe(
      'verdict_refused: it is about a clip that is not encrypted',
    );
  });

  it('needs a token of the agency for this very clip', async () => {
    const other = makeParty('agency', new SystemRandom());
    await fixture.registry.register(
      fixture.registration({ name: 'Shelbyville Police', domain: 'shelbyville.example' }, other),
    );
    await fixture.registry.approve(other.id);
    const unknown = /^clip_unknown/;
    expect(await posted(said(), parcel, fixture.access('all'))).toMatch(unknown);
    expect(await posted(said(), parcel, fixture.access('clip-other'))).toMatch(unknown);
    const theirs = said('as-granted', {}, other);
    expect(await posted(theirs, parcel, fixture.access(parcel.clipId, other))).toMatch(unknown);
    expect((await fixture.post(`/v1/clips/${parcel.clipId}/verdict`, { verdict: said() })).status).toBe(401);
    expect((await shown()).kinds).toEqual(['intake']);
  });

  it('is recorded whole or not at all', async () => {
    const file = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
    file.exec(`create trigger refuse before insert on verdicts begin select raise(abort, 'no row'); end`);
    expect(await posted(said())).toMatch(/^internal/);
    file.exec('drop trigger refuse');
    file.close();
    expect((await shown()).kinds).toEqual(['intake']);
    expect(await posted(said())).toEqual({ leaf: expect.any(Number) });
  });
});

describe('the verdict of an agency whose key was rotated', () => {
  it('is refused for a clip that was granted to its former key: the home could not verify it', async () => {
    const { fixture: own, request: asked } = await BridgeFixture.openReady();
    try {
      const clip = sealedParcel(own, asked);
      await own.deliver(clip);
      const next = makeParty('agency', new SystemRandom());
      const rotation = own.agencyCall({ action: 'rotate-key', from: own.cast.agency.id }, next, own.cast.registry.id);
      await own.registry.rotate(own.cast.agency.id, rotation);
      await own.bridge.refreshRevocations();
      const bearer = own.access(clip.clipId, next);
      expect((await own.get(`/v1/clips/${clip.clipId}/manifest`, bearer)).status).toBe(200);
      const body = { verdict: verdictOn(own, clip, next) };
      expect((await own.post(`/v1/clips/${clip.clipId}/verdict`, body, bearer)).body).toMatchObject({
        ...{ code: 'verdict_refused', facts: { detail: 'the clip was granted to another key of the agency' } },
      });
    } finally {
      await own.close();
    }
  });
});

describe('a pet owner’s verdict', () => {
  let searching: Searching;
  let search: string;
  beforeEach(async () => {
    searching = new Searching(fixture.cast);
    const home = makeParty('device', new SystemRandom());
    await fixture.enrol(home);
    search = searching.search({ sealing: sealingFor('recipient') });
    const pairing = fixture.cast.pairing({ device: home.id, key: searching.poster.key.publicKey }, home);
    await fixture.post('/v1/search-party/searches', { search, photo: toBase64url(BARE_JPEG), pairing });
    const recipient = {
      kind: 'neighbor',
      key: searching.poster.key.publicKey,
      sealing: sealingFor('recipient'),
    } as const;
    parcel = sealedParcel(fixture, search, { grantToken: searching.grant(search, { recipient }) });
    expect((await fixture.deliver(parcel)).status).toBe(204);
  });
  const say = (verdict: string, by = searching.poster, clip = parcel.clipId) =>
    fixture.post(
      `/v1/search-party/clips/${parcel.clipId}/verdict`,
      { verdict },
      searching.call({ action: 'see', clip }, by),
    );

  it('is a leaf that the home is shown; a repeat changes nothing', async () => {
    const verdict = said('zones', {}, searching.poster);
    const first = await say(verdict);
    const again = await say(said('zones', {}, searching.poster));
    expect([first.status, again.body]).toEqual([200, first.body]);
    const { facts, verdicts } = await shown();
    expect(facts[1]).toMatchObject({ by: 'recipient', outcome: 'zones' });
    expect(verdicts).toEqual([verdict]);
  });

  it('is refused from anybody else, and by the agencies’ route', async () => {
    const stranger = makeParty('owner', new SystemRandom());
    const codes = await Promise.all([
      say(said('zones', {}, stranger), stranger),
      say(said('zones', {}, stranger)),
      say(said('zones', {}, searching.poster), searching.poster, 'all'),
      fixture.post(`/v1/clips/${parcel.clipId}/verdict`, { verdict: said() }, fixture.access(parcel.clipId)),
    ]);
    expect(codes.map(({ body }) => body['code'])).toEqual([
      ...['clip_unknown', 'verdict_refused', 'clip_unknown', 'clip_unknown'],
    ]);
    expect((await shown()).kinds).toEqual(['intake']);
  });
});

describe('an encrypted clip', () => {
  it('is sent as plain bytes and listed as encrypted, so that no player is offered', async () => {
    const plain = fixture.parcel(request);
    await fixture.deliver(plain);
    const headersOf = async (of: Parcel, range: Record<string, string> = {}) => {
      const headers = { authorization: `Bearer ${fixture.access(of.clipId)}`, ...range };
      const response = await fetch(`${fixture.bridge.url}/v1/clips/${of.clipId}`, { headers });
      const bytes = new Uint8Array(await response.arrayBuffer());
      return [response.headers.get('content-type'), response.headers.get('content-disposition'), bytes.length];
    };
    const name = `attachment; filename="${parcel.clipId}.sealed"`;
    expect(await headersOf(parcel)).toEqual(['application/octet-stream', name, parcel.clip.length]);
    expect(await headersOf(parcel, { range: 'bytes=0-9' })).toEqual(['application/octet-stream', name, 10]);
    expect((await headersOf(plain))[0]).toBe('video/mp4');
    const { body } = await fixture.get('/v1/clips', fixture.access('all'));
    const clips: unknown = body['clips'];
    const entry = (of: Parcel) => Array.isArray(clips) && clips.find(({ clip }) => clip === of.clipId);
    expect(entry(parcel)).toMatchObject({ sealed: true, bytes: parcel.clip.length, sha256: sha256Hex(parcel.clip) });
    expect(entry(plain)).not.toHaveProperty('sealed');
  });
});
