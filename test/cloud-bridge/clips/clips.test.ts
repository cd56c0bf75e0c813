// A stored clip is shown to its agency alone, and every access is logged with its reason.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';

let fixture: BridgeFixture;
let parcel: Parcel;
const other = makeParty('agency', new SystemRandom());

beforeAll(async () => {
  fixture = await BridgeFixture.open();
  const request = await fixture.ready();
  parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  await fixture.registry.register(
    fixture.registration({ name: 'Shelbyville Police', domain: 'shelbyville.example' }, other),
  );
  await fixture.registry.approve(other.id);
});
afterAll(() => fixture.close());

async function bytesOf(
  bearer: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; bytes: Uint8Array; range: string | null }> {
  const response = await fetch(`${fixture.bridge.url}/v1/clips/${parcel.clipId}`, {
    headers: { authorization: `Bearer ${bearer}`, ...headers },
  });
  return {
    status: response.status,
    bytes: new Uint8Array(await response.arrayBuffer()),
    range: response.headers.get('content-range'),
  };
}

describe('the agency a clip was granted to', () => {
  it('reads it whole and in ranges, and its manifest', async () => {
    expect(await bytesOf(fixture.access(parcel.clipId))).toEqual({ status: 200, bytes: parcel.clip, range: null });
    expect(await bytesOf(fixture.access(parcel.clipId), { range: 'bytes=100-199' })).toEqual({
      status: 206,
      bytes: parcel.clip.slice(100, 200),
      range: `bytes 100-199/${parcel.clip.length}`,
    });
    const manifest = await fixture.get(`/v1/clips/${parcel.clipId}/manifest`, fixture.access(parcel.clipId));
    expect(manifest.body).toEqual({ manifest: parcel.statement });
  });

  it('finds it in its list', async () => {
    const list = await fixture.get('/v1/clips', fixture.access('all'));
    expect(list.body['clips']).toMatchObject([{ clip: parcel.clipId, bytes: parcel.clip.length }]);
  });

  it('has its reason in the log before a byte is sent', async () => {
    await bytesOf(fixture.access(parcel.clipId, fixture.cast.agency, { reason: 'review by Sgt. Hill' }));
    const database = await openBridgeDatabase(join(fixture.bridgeFolder, 'bridge.sqlite'));
    const last = (await database.accessLog.page({ reader: null, clip: parcel.clipId, after: 0, most: 100 })).at(-1);
    await database.close();
    expect(last).toMatchObject({
      agency: fixture.cast.agency.id,
      part: 'clip',
      action: 'download',
      reason: 'review by Sgt. Hill',
    });
  });
});

describe('an officer', () => {
  it('is named with a reason in every access: without either nothing is shown, and no access is logged', async () => {
    const asks: [string, string | undefined][] = [
      ['/v1/clips', 'all'],
      ['/v1/access-audit', 'all'],
      ['/v1/access-audit.csv', 'all'],
      ...['', '/manifest', '/custody'].map((part): [string, undefined] => [
        `/v1/clips/${parcel.clipId}${part}`,
        undefined,
      ]),
    ];
    const bad = [{ officer: undefined }, { reason: undefined }, { officer: 'x' }, { reason: '' }, { officer: 7 }];
    const rows = async () => (await fixture.get('/v1/access-audit', fixture.bridge.adminToken)).body['accesses'];
    const before = await rows();
    for (const [path, of = parcel.clipId] of asks) {
      for (const said of bad) {
        const { status, body } = await fixture.get(path, fixture.access(of, fixture.cast.agency, said));
        expect([path, said, status, body['code']]).toEqual([path, said, 400, 'access_reason_missing']);
      }
    }
    expect(await rows()).toEqual(before);
  });

  it('is in the audit by name', async () => {
    const said = { officer: 'Sgt. Hill, badge 12', reason: 'case review' };
    await fixture.get(`/v1/clips/${parcel.clipId}/manifest`, fixture.access(parcel.clipId, fixture.cast.agency, said));
    const { body } = await fixture.get('/v1/access-audit?limit=500', fixture.bridge.adminToken);
    const rows = body['accesses'];
    expect(Array.isArray(rows) && rows.at(-1)).toMatchObject({ ...said, part: 'manifest', clip: parcel.clipId });
  });
});

describe('everybody else', () => {
  it('gets the same answer for a clip of another agency as for one that does not exist', async () => {
    const theirs = await fixture.get(`/v1/clips/${parcel.clipId}`, fixture.access(parcel.clipId, other));
    const nobodys = await fixture.get('/v1/clips/clip-nothing', fixture.access('clip-nothing', other));
    // The refusal repeats the id; nothing else may differ.
    const apart = { instance: '' };
    expect([theirs.status, { ...theirs.body, ...apart }]).toEqual([nobodys.status, { ...nobodys.body, ...apart }]);
    expect(theirs).toMatchObject({ status: 404, body: { code: 'clip_unknown' } });
    expect((await fixture.get('/v1/clips', fixture.access('all', other))).body['clips']).toEqual([]);
  });

  it('is refused without a token, and under a token for another clip, signer, reader or time', async () => {
    const { cast } = fixture;
    const path = `/v1/clips/${parcel.clipId}`;
    const nowS = cast.nowS();
    expect((await fixture.get(path)).status).toBe(401);
    const codes = [];
    for (const bearer of [
      fixture.access('clip-other'),
      fixture.access('all'),
      fixture.access(parcel.clipId, other, { agency: cast.agency.id }),
      fixture.access(parcel.clipId, cast.agency, { aud: 'bridge-other' }),
      fixture.access(parcel.clipId, cast.agency, { iat: nowS - 100, exp: nowS }),
      fixture.access(parcel.clipId, cast.agency, { exp: nowS + 3_600 }),
      fixture.access(parcel.clipId, makeParty('agency', new SystemRandom())),
      parcel.bearer,
    ]) {
      codes.push((await fixture.get(path, bearer)).body['code']);
    }
    expect(codes).toEqual([
      'clip_unknown',
      'clip_unknown',
      'token_unknown_signer',
      'token_wrong_audience',
      'token_expired',
      'token_expired',
      'agency_unknown',
      'token_unknown_claims',
    ]);
  });

  it('includes the agency itself once its access is revoked', async () => {
    await fixture.registry.revoke(fixture.cast.agency.id);
    await fixture.bridge.refreshRevocations();
    const refused = await fixture.get(`/v1/clips/${parcel.clipId}`, fixture.access(parcel.clipId));
    expect(refused).toMatchObject({ status: 403, body: { code: 'agency_revoked' } });
    await fixture.registry.reinstate(fixture.cast.agency.id);
    await fixture.bridge.refreshRevocations();
    expect((await bytesOf(fixture.access(parcel.clipId))).status).toBe(200);
  });
});
