// `unencryptedClips: refused`: the bridge asks no home for a clip that it could read, and takes none in.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { makeParty, type Party } from '../../support/parties.ts';
import { sealedParcel, sealingFor } from '../../support/sealed-parcel.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';

const REFUSED = { unencryptedClips: 'refused' } as const;
const random = new SystemRandom();

let fixture: BridgeFixture;
beforeAll(async () => {
  fixture = await BridgeFixture.open({ bridge: REFUSED });
  await fixture.enrol();
});
afterAll(() => fixture.close());

async function admit(sealing?: object): Promise<Party> {
  const agency = makeParty('agency', random);
  const name = { name: `${agency.id.slice(-6)} Police Department`, domain: `${agency.id.slice(-6)}.example` };
  const contact = { name: 'Records Desk', email: `records@${name.domain}` };
  await fixture.registry.register(fixture.registration({ ...name, contact, ...(sealing ? { sealing } : {}) }, agency));
  await fixture.registry.approve(agency.id);
  await fixture.bridge.refreshRevocations();
  return agency;
}
const ask = (agency: Party) => fixture.cast.request({ contact: { name: 'Det. Rivera', phone: '+1 555 0199' } }, agency);
const sealing = () => ({ key: generateSealingKey(random).publicKey, keeper: 'vault' });

describe('a bridge that refuses unencrypted clips', () => {
  it('publishes no request of an agency without a key for encrypting clips, not as a draft either', async () => {
    const agency = await admit();
    for (const draft of [false, true]) {
      const { status, body } = await fixture.post('/v1/requests', { request: ask(agency), draft });
      expect([status, body['code']]).toEqual([422, 'request_unencrypted']);
    }
    const withKey = await admit(sealing());
    expect((await fixture.post('/v1/requests', { request: ask(withKey) })).status).toBe(201);
  });

  it('publishes no search without a key for encrypting clips', async () => {
    const searching = new Searching(fixture.cast);
    const home = makeParty('device', random);
    await fixture.enrol(home);
    const pairing = fixture.cast.pairing({ device: home.id, key: searching.poster.key.publicKey }, home);
    const post = (search: string) =>
      fixture.post('/v1/search-party/searches', { search, photo: toBase64url(BARE_JPEG), pairing });
    const refused = await post(searching.search());
    expect([refused.status, refused.body['code']]).toEqual([422, 'search_unencrypted']);
    expect((await post(searching.search({ sealing: sealingFor('recipient') }))).status).toBe(201);
  });
});

describe('a bridge that begins to refuse unencrypted clips', () => {
  let own: BridgeFixture;
  let request: string;
  beforeEach(async () => {
    ({ fixture: own, request } = await BridgeFixture.openReady());
    return () => own.close();
  });
  async function refuse(): Promise<void> {
    await own.bridge.stop();
    own.options.bridge = REFUSED;
    await own.startBridge();
  }

  it('takes in encrypted ones alone, and nothing more of one that is on its way', async () => {
    const [begun, stored] = [own.parcel(request), own.parcel(request)];
    await own.openIntake(begun);
    const path = await own.create(begun);
    await own.patch(begun, path, 0, begun.clip.slice(0, 1_000));
    expect((await own.deliver(stored)).status).toBe(204);
    await refuse();
    const { status, body } = await own.openIntake(own.parcel(request));
    expect([status, body['code']]).toEqual([422, 'intake_unencrypted']);
    expect((await own.patch(begun, path, 1_000, begun.clip.slice(1_000))).body['code']).toBe('intake_unencrypted');
    expect((await own.status(begun)).body['state']).toBe('open');
    // What was stored before stays: its device still gets its receipt, its agency its clip.
    expect((await own.openIntake(stored)).body['state']).toBe('stored');
    expect((await own.get(`/v1/clips/${stored.clipId}/manifest`, own.access(stored.clipId))).status).toBe(200);
    expect((await own.deliver(sealedParcel(own, request))).status).toBe(204);
  });
});
