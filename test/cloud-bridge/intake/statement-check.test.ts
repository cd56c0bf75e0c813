// The bridge takes no statement that says more, less or finer than follows from the full manifest, none under another key than the device
// certifies for this grant, and one statement for one clip.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty, type Party } from '../../support/parties.ts';

let fixture: BridgeFixture;
let request: string;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());

const PART_OF_A_SECOND = 123_457;

/** Opens an upload with these documents in place of a parcel's own. */
async function refusal(change: (parcel: Parcel) => Partial<Parcel>): Promise<string> {
  const parcel = fixture.parcel(request);
  const { status, body } = await fixture.openIntake({ ...parcel, ...change(parcel) });
  return `${status} ${body['code']}: ${body['title']} ${body['detail']}`;
}

/** New statement and certificate over a parcel's manifest. */
const papers = (parcel: Parcel, changes: Parameters<typeof fixture.cast.statement>[2]) =>
  fixture.cast.statement(parcel.manifestToken, parcel.grant, changes);
const claimed =
  (statement: object) =>
  (parcel: Parcel): Partial<Parcel> =>
    papers(parcel, { statement });
const certified =
  (certificate: object) =>
  (parcel: Parcel): Partial<Parcel> =>
    papers(parcel, { certificate });
const stranger = makeParty('device', new SystemRandom());

describe('a statement is refused', () => {
  it.each<[string, (parcel: Parcel) => Partial<Parcel>, RegExp]>([
    ['that names other frames than the manifest', claimed({ frames: 29 }), /its frames does not follow/],
    ['that discloses more', claimed({ disclosed: { name: 'Casey' } }), /its disclosed does not follow/],
    ['for another window', claimed({ window: { startUs: 1, endUs: 2 } }), /its window does not follow/],
    ['that says when it was signed', claimed({ iat: 1_795_000_000 }), /its iat does not follow/],
    [
      'with a time finer than a step',
      (parcel) => {
        const { startUs, endUs } = Object(claimsOf(parcel.manifestToken)['coverage']);
        return papers(parcel, { statement: { coverage: { startUs: startUs + PART_OF_A_SECOND, endUs } } });
      },
      /its coverage does not follow/,
    ],
    ['that names another home', claimed({ home: 'home-other' }), /its home does not follow/],
    ['that names the device', (parcel) => papers(parcel, { statement: { home: fixture.cast.device.id } }), /its home/],
    ['for another grant', claimed({ grant: 'grant-other' }), /its grant does not follow/],
    ['for another clip', claimed({ jti: 'clip-other' }), /its jti does not follow/],
    ['that commits to another manifest', claimed({ manifestCommitment: 'a'.repeat(64) }), /its manifestCommitment/],
    ['with a claim more', claimed({ device: 'device-a' }), /statement: unknown-claims/],
    ['addressed to another recipient', claimed({ aud: 'agency-other' }), /statement: wrong-audience/],
    ['that somebody else signed', (parcel) => ({ statement: forged(parcel) }), /certificate is for another statement/],
    ['under the device’s own key', (parcel) => papers(parcel, { home: fixture.cast.device }), /own, which would link/],
    ['whose certificate is for another grant', certified({ grant: 'grant-other' }), /for another clip/],
    ['whose certificate is for another clip', certified({ clip: 'clip-other' }), /for another clip/],
    ['whose certificate is for another device', certified({ device: stranger.id }), /for another clip/],
    ['whose certificate names another manifest', certified({ manifestSha256: 'a'.repeat(64) }), /another manifest/],
    ['whose certificate names another statement', certified({ statementSha256: 'a'.repeat(64) }), /another statement/],
    ['whose certificate names another key', certified({ key: stranger.key.publicKey }), /statement: unknown-signer/],
    ['whose certificate has a salt that is none', certified({ salt: '!' }), /the salt has not 32 bytes/],
    ['whose certificate has a short salt', certified({ salt: 'AAAA' }), /the salt has not 32 bytes/],
    ['whose certificate is for another bridge', certified({ aud: 'bridge-other' }), /certificate: wrong-audience/],
    [
      'whose certificate another device has signed',
      (parcel) => papers(parcel, { device: stranger, certificate: { device: fixture.cast.device.id } }),
      /certificate: unknown-signer/,
    ],
    [
      'in place of which the full manifest comes',
      (parcel) => ({ statement: parcel.manifestToken }),
      /another statement/,
    ],
  ])('%s', async (_what, change, detail) => {
    const said = await refusal(change);
    expect(said).toMatch(/^422 intake_statement_invalid/);
    expect(said).toMatch(detail);
  });

  it('when another statement was accepted for the same clip before', async () => {
    const parcel = fixture.parcel(request);
    expect((await fixture.openIntake(parcel)).status).toBe(200);
    expect((await fixture.openIntake(parcel)).status).toBe(200);
    const again = await fixture.openIntake({ ...parcel, ...papers(parcel, {}) });
    expect(again).toMatchObject({ status: 409, body: { code: 'intake_conflict' } });
  });
});

function forged(parcel: Parcel): string {
  const mallory: Party = makeParty('home', new SystemRandom());
  return fixture.cast.sign('doorsill-statement+jws', claimsOf(parcel.statement), mallory);
}
