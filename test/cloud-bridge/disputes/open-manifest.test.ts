// The full manifest of a clip is stored sealed. The operator opens it with a reason, the home without one, each time with a leaf in the
// custody log; it links the statement to device and owner.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManifestEncryption } from '../../../cloud-bridge/intake/stored-manifest-encryption.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty, type Party } from '../../support/parties.ts';
import { Sqlite } from '../../support/sqlite.ts';

let fixture: BridgeFixture;
let request: string;
let parcel: Parcel;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  parcel = fixture.parcel(request);
  expect((await fixture.deliver(parcel)).status).toBe(204);
});

const dispute = (clip = parcel.clipId, bearer = fixture.bridge.adminToken, reason: unknown = 'court order 2026-311') =>
  fixture.post('/v1/disputes', { clip, reason }, bearer);
const call = (by: Party, changes: object = {}) => {
  const iat = fixture.cast.nowS();
  const { device, bridge } = fixture.cast;
  const said = { iss: by.key.publicKey, aud: bridge.id, iat, exp: iat + 120, device: device.id, grant: parcel.grant };
  const claims = { ...said, jti: freshId(fixture.random, 'custody'), ...changes };
  return fixture.cast.sign('doorsill-custody+jws', claims, by);
};
const own = (bearer: string) => fixture.get(`/v1/intakes/${parcel.grant}/manifest`, bearer);
async function leaves(): Promise<Record<string, unknown>[]> {
  const { body } = await fixture.get('/v1/custody/entries?from=0&limit=500');
  return Object(body['entries']).map(({ entry }: { entry: string }) => JSON.parse(entry));
}

describe('a full manifest', () => {
  it('is opened for the operator who gives a reason, and the custody log records it', async () => {
    const before = (await leaves()).length;
    const opened = await dispute();
    expect(opened.status).toBe(200);
    expect(opened.body).toMatchObject({
      clip: parcel.clipId,
      grant: parcel.grant,
      manifest: parcel.manifestToken,
      certificate: parcel.certificate,
      leaf: before,
    });
    expect((await leaves())[before]).toMatchObject({ kind: 'dispute' });
    expect(JSON.stringify(await leaves())).not.toContain(parcel.clipId);
    const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'), { readonly: true });
    const facts = String(database.prepare('select facts from custody_leaves where leaf = ?').pluck().get(before));
    database.close();
    expect(JSON.parse(facts)).toEqual({
      clip: parcel.clipId,
      grant: parcel.grant,
      manifestSha256: sha256Hex(parcel.manifestToken),
      by: 'operator',
      reasonSha256: sha256Hex('court order 2026-311'),
    });
  });

  it('links the statement to device and owner for anyone who verifies it', async () => {
    const { manifest, certificate } = (await dispute()).body;
    const clip = async function* () {
      yield parcel.clip;
    };
    const opened = JSON.stringify({ manifest, certificate });
    const device = fixture.cast.device.id;
    expect(await verifyClip(clip(), parcel.statement, { opened, device })).toMatchObject({
      chain: 'statement and manifest',
      device,
      grant: { jti: parcel.grant, iss: fixture.cast.owner.key.publicKey },
    });
    expect(await verifyClip(clip(), parcel.statement)).toMatchObject({ chain: 'statement', device: null, grant: null });
    expect(await verifyClip(clip(), parcel.manifestToken)).toMatchObject({ chain: 'manifest', device });
  });

  it('is opened for the device and the owner whose grant it is, and for nobody else', async () => {
    const { cast } = fixture;
    for (const by of [cast.device, cast.owner]) {
      expect((await own(call(by))).body).toMatchObject({ manifest: parcel.manifestToken });
    }
    const stranger = makeParty('owner', new SystemRandom());
    const before = (await leaves()).length;
    const refused = [
      await own(call(stranger)),
      await own(call(cast.agency)),
      await own(call(cast.owner, { grant: 'grant-other' })),
      await own(parcel.bearer),
      await dispute(parcel.clipId, fixture.access(parcel.clipId)),
      await dispute(parcel.clipId, 'A'.repeat(43)),
      await dispute(parcel.clipId, fixture.bridge.adminToken, ''),
      await dispute('clip-other'),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 400, 401, 401, 400, 404]);
    expect((await leaves()).length).toBe(before);
  });

  it('is stored sealed: neither database nor folder names the home in plain text, and another key opens nothing', async () => {
    await fixture.bridge.stop();
    const names = (await fixture.disk.list(fixture.bridgeFolder)).filter((name) => name.startsWith('bridge.sqlite'));
    const files = await Promise.all(names.map((name) => readFile(join(fixture.bridgeFolder, name), 'latin1')));
    const folder = join(fixture.bridgeFolder, 'clips', parcel.clipId);
    for (const name of await fixture.disk.list(folder)) files.push(await readFile(join(folder, name), 'latin1'));
    const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'), { readonly: true });
    const row = database.prepare('select sealed from sealed_manifests where grant_id = ?').pluck();
    const sealed = new Uint8Array(row.get(parcel.grant) as Buffer);
    database.close();
    await fixture.startBridge();
    for (const secret of [parcel.manifestToken.slice(-80), parcel.certificate.slice(-80)]) {
      expect(files.filter((text) => text.includes(secret))).toEqual([]);
    }
    expect(files.some((text) => text.includes(parcel.statement.slice(-80)))).toBe(true);
    const of = { device: fixture.cast.device.id, grant: parcel.grant };
    expect(new ManifestEncryption(fixture.cast.bridge.key, fixture.random).open(of, sealed)?.manifest).toBe(
      parcel.manifestToken,
    );
    expect(new ManifestEncryption(fixture.cast.agency.key, fixture.random).open(of, sealed)).toBeNull();
    expect(
      new ManifestEncryption(fixture.cast.bridge.key, fixture.random).open({ ...of, grant: 'grant-b' }, sealed),
    ).toBeNull();
  });

  it('is deleted once the clip is revoked', async () => {
    await fixture.revoke(parcel);
    expect(await dispute()).toMatchObject({ status: 404, body: { code: 'dispute_nothing_kept' } });
  });
});

it('is sealed when an earlier version left it in plain text, and its clip is shown without it', async () => {
  await fixture.bridge.stop();
  const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
  // As 3614d38 left it: the full manifest in plain text, and no statement.
  database.prepare('delete from sealed_manifests where grant_id = ?').run(parcel.grant);
  database
    .prepare(
      `update intakes set manifest = ?, statement = '', statement_sha256 = '', home = '', statement_receipt = null where grant_id = ?`,
    )
    .run(parcel.manifestToken, parcel.grant);
  database.close();
  const file = join(fixture.bridgeFolder, 'clips', parcel.clipId, 'manifest.jws');
  await fixture.disk.replaceFile(file, new TextEncoder().encode(parcel.manifestToken));
  await fixture.startBridge();
  const after = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'), { readonly: true });
  expect(after.prepare(`select count(*) from intakes where manifest <> ''`).pluck().get()).toBe(0);
  after.close();
  expect(await fixture.disk.sizeOf(file)).toBeNull();
  const at = (path: string) => fixture.get(`/v1/clips/${parcel.clipId}${path}`, fixture.access(parcel.clipId));
  expect((await at('')).status).toBe(200);
  for (const path of ['/manifest', '/custody']) {
    expect(await at(path)).toMatchObject({ status: 409, body: { code: 'statement_missing' } });
  }
  expect((await dispute()).body).toMatchObject({ manifest: parcel.manifestToken });
  expect(claimsOf(parcel.manifestToken)['device']).toBe(fixture.cast.device.id);
});

it('is refused when it is damaged', async () => {
  await fixture.bridge.stop();
  const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
  database.prepare('update sealed_manifests set sealed = ? where grant_id = ?').run(Buffer.alloc(99), parcel.grant);
  database.close();
  await fixture.startBridge();
  expect((await dispute()).status).toBe(500);
});
