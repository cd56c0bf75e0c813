// The events of a clip in the bridge's log are shown to its device and to the owner who granted, and to nobody else; they never name
// readers.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { ClipLeaves, CustodyBundle, CustodyEntry } from '../../../device/contract/custody.ts';
import { type Answer, BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { makeParty, type Party } from '../../support/parties.ts';
import { custodyCall } from '../../support/sent-clip.ts';
import { bridgeWithVault, receiptOf, type VaultFixture } from '../../support/vault-fixture.ts';

const folder = temporaryFolder('clip-leaves');
let fixture: BridgeFixture;
let vault: VaultFixture;
let request: string;
let parcel: Parcel;

beforeEach(async () => {
  ({ fixture, vault } = await bridgeWithVault((options) => BridgeFixture.open(options), folder.path, {}));
  request = await fixture.ready();
  parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  await expect.poll(() => kinds(parcel), { timeout: 10_000 }).toEqual(['intake', 'hand-over']);
});
afterEach(async () => {
  await fixture.close();
  await vault.stop();
  folder.dispose();
});

const leaves = (bearer: string | undefined, grant = parcel.grant): Promise<Answer> =>
  fixture.get(`/v1/intakes/${grant}/custody/leaves`, bearer);
const call = (by: Party, changes: object = {}, grant = parcel.grant) => custodyCall(fixture, by, grant, changes);

async function kinds({ grant }: Parcel): Promise<string[]> {
  const { body } = await leaves(call(fixture.cast.device, {}, grant), grant);
  return ClipLeaves.parse(body).leaves.map(({ entry }) => CustodyEntry.parse(JSON.parse(entry)).kind);
}

describe('the events of a clip', () => {
  it('are shown from intake to deletion, whoever read it meanwhile', async () => {
    const other = fixture.parcel(request);
    await fixture.deliver(other);
    await expect.poll(() => kinds(other), { timeout: 10_000 }).toEqual(['intake', 'hand-over']);
    await fixture.get('/v1/clips', fixture.access('all'));
    await fixture.get(`/v1/clips/${parcel.clipId}/custody`, fixture.access(parcel.clipId));
    await fixture.revoke(parcel);
    expect(await kinds(parcel)).toEqual(['intake', 'hand-over', 'recall', 'recall', 'deletion']);
    expect(await kinds(other)).toEqual(['intake', 'hand-over']);
    const told = ClipLeaves.parse((await leaves(call(fixture.cast.device))).body);
    expect(receiptOf({ receipt: told.receipt })).toMatchObject({ outcome: 'deleted', grant: parcel.grant });
    expect(JSON.stringify(told)).not.toContain(other.grant);
  });

  it('are shown to the owner who granted, too', async () => {
    const { cast } = fixture;
    const [devices, owners] = [await leaves(call(cast.device)), await leaves(call(cast.owner))];
    expect([devices.status, owners.status]).toEqual([200, 200]);
    expect(ClipLeaves.parse(owners.body).leaves.map(({ leaf }) => leaf)).toEqual(
      ClipLeaves.parse(devices.body).leaves.map(({ leaf }) => leaf),
    );
  });

  it('are shown to nobody else', async () => {
    const { cast } = fixture;
    const [stranger, neighbour] = [makeParty('owner', new SystemRandom()), makeParty('device', new SystemRandom())];
    await fixture.enrol(neighbour);
    const nowS = cast.nowS();
    const codes: unknown[] = [];
    for (const answer of [
      await leaves(call(stranger)),
      await leaves(call(neighbour)),
      await leaves(call(neighbour, { device: neighbour.id })),
      await leaves(call(cast.agency)),
      await leaves(fixture.access(parcel.clipId)),
      await leaves(call(cast.owner, { aud: 'bridge-other' })),
      await leaves(call(cast.owner, { iat: nowS - 100, exp: nowS })),
      await leaves(call(cast.owner), 'grant-other'),
      await leaves(call(cast.device, {}, 'grant-other'), 'grant-other'),
      await leaves(parcel.bearer),
      await leaves(undefined),
    ]) {
      codes.push(answer.body['code']);
      expect(JSON.stringify(answer.body)).not.toContain('commitment');
    }
    expect(codes).toEqual([
      ...['token_unknown_signer', 'token_unknown_signer', 'http_not_found', 'token_unknown_signer'],
      ...['token_unknown_claims', 'token_wrong_audience', 'token_expired', 'http_not_found', 'http_not_found'],
      ...['token_unknown_claims', 'http_unauthorised'],
    ]);
  });
});

it('the bundle keeps its format: a receipt with its one leaf, which older programs read', async () => {
  const { body, status } = await fixture.get(`/v1/intakes/${parcel.grant}/custody`, call(fixture.cast.owner));
  expect(status).toBe(200);
  expect(Object.keys(body)).toEqual(['receipt', 'proof']);
  expect(CustodyBundle.safeParse(body).success).toBe(true);
});
