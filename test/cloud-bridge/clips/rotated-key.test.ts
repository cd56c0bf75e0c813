// An agency whose key was rotated reads at the bridge what was granted to its older key, and the older key reads nothing.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { organisationOf } from '../../../cloud-bridge/requests/requests-for-intake.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { parseToken } from '../../../device/contract/jws.ts';
import { Manifest } from '../../../device/contract/manifest.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { makeParty, type Party } from '../../support/parties.ts';

const random = new SystemRandom();
const [next, last, stranger] = [1, 2, 3].map(() => makeParty('agency', random)) as [Party, Party, Party];
let fixture: BridgeFixture;
let parcel: Parcel;
let old: Party;

async function rotate(from: Party, to: Party): Promise<void> {
  const rotation = fixture.agencyCall({ action: 'rotate-key', from: from.id }, to, fixture.cast.registry.id);
  await fixture.registry.rotate(from.id, rotation);
  await fixture.bridge.refreshRevocations();
}

const read = (part: string, by: Party, changes: object = {}) =>
  fixture.get(`/v1/clips/${parcel.clipId}${part}`, fixture.access(parcel.clipId, by, changes));
const all = async (path: string, by: Party) => (await fixture.get(path, fixture.access('all', by))).body;

beforeAll(async () => {
  fixture = await BridgeFixture.open();
  old = fixture.cast.agency;
  parcel = fixture.parcel(await fixture.ready());
  await fixture.deliver(parcel);
  await fixture.admitAgency(stranger);
  expect((await read('', old, { reason: 'before the rotation' })).status).toBe(200);
  await rotate(old, next);
  await rotate(next, last);
});
afterAll(() => fixture.close());

describe('the newest key of an agency', () => {
  it('reads the clip that was granted to the first one, its manifest and its custody', async () => {
    const clip = await fetch(`${fixture.bridge.url}/v1/clips/${parcel.clipId}`, {
      headers: { authorization: `Bearer ${fixture.access(parcel.clipId, last)}` },
    });
    expect([clip.status, new Uint8Array(await clip.arrayBuffer())]).toEqual([200, parcel.clip]);
    expect(await read('/manifest', last)).toMatchObject({ status: 200, body: { manifest: parcel.statement } });
    expect((await read('/custody', last)).status).toBe(200);
  });

  it('finds it in its list, and the accesses under the older keys in its audit', async () => {
    expect((await all('/v1/clips', last))['clips']).toMatchObject([{ clip: parcel.clipId }]);
    const { accesses } = await all('/v1/access-audit?limit=500', last);
    expect(accesses).toContainEqual(expect.objectContaining({ agency: old.id, reason: 'before the rotation' }));
    expect(accesses).toContainEqual(expect.objectContaining({ agency: last.id, part: 'list' }));
  });
});

describe('a key that was rotated away', () => {
  it('reads nothing any more, and does not learn that a clip exists', async () => {
    for (const key of [old, next]) {
      for (const part of ['', '/manifest', '/custody']) {
        expect(await read(part, key)).toMatchObject({ status: 403, body: { code: 'agency_key_rotated' } });
      }
      for (const path of ['/v1/clips', '/v1/access-audit', '/v1/access-audit.csv']) {
        expect(await all(path, key)).toMatchObject({ code: 'agency_key_rotated' });
      }
    }
  });

  it('reads nothing under the newer key’s name either', async () => {
    for (const key of [old, next]) {
      expect((await read('', key, { agency: last.id })).body['code']).toBe('token_unknown_signer');
      expect((await read('', key, { agency: last.id, iss: last.key.publicKey })).body['code']).toBe(
        'token_bad_signature',
      );
    }
  });
});

it('another agency reads none of it', async () => {
  expect((await read('', stranger)).body['code']).toBe('clip_unknown');
  expect((await all('/v1/clips', stranger))['clips']).toEqual([]);
  const { accesses } = await all('/v1/access-audit', stranger);
  expect(accesses).toEqual([expect.objectContaining({ agency: stranger.id }), expect.anything()]);
});

it('a request with the same id gives no agency what was granted to another', async () => {
  const database = await openBridgeDatabase(join(fixture.bridgeFolder, 'bridge.sqlite'));
  const { claims } = parseToken(parcel.manifestToken) ?? {};
  const { request } = Manifest.parse(claims);
  expect(await organisationOf(database.requests, { request, agency: old.id })).toBe(old.id);
  expect(await organisationOf(database.requests, { request, agency: 'neighbor-1' })).toBe('neighbor-1');
  await database.close();
});

it('a key that was rotated away reads nothing while the registry is down, even with a cached credential', async () => {
  expect((await read('', last)).status).toBe(200);
  await rotate(last, makeParty('agency', random));
  await fixture.registry.stop();
  expect(await read('', last)).toMatchObject({ status: 403, body: { code: 'agency_revoked' } });
  await fixture.startRegistry();
});
