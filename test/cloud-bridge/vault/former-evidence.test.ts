// Evidence that a vault took before there were statements stays readable, is confirmed under its id, and is recalled by its owner's own
// revocation; that way is closed to a clip with a statement.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { acknowledgementSchema } from '../../../cloud-bridge/signing/hand-over-documents.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { RecallAnswer } from '../../../device/contract/hand-over-documents.ts';
import type { BridgeFixture, Parcel } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { OfferedClip, type Officer, type VaultFixture } from '../../support/vault-fixture.ts';
import { VaultRig } from '../support/vault-rig.ts';

let rig: VaultRig;
let fixture: BridgeFixture;
let vault: VaultFixture;
let officer: Officer;
beforeAll(async () => {
  rig = await VaultRig.open('former-evidence');
  ({ fixture, vault, officer } = rig);
});
afterAll(() => rig.close());

/** The id of such an item. */
const formerItem = ({ grant }: Parcel) =>
  `item-${sha256Hex(`${fixture.cast.bridge.id}/${fixture.cast.device.id}/${grant}`).slice(0, 32)}`;

/** A clip as 3614d38 kept it: its row names device and owner, its manifest is the full one. */
async function former(state: 'held' | 'active'): Promise<{ parcel: Parcel; item: string; facts: object }> {
  const { cast } = fixture;
  const clip = rig.clip();
  await clip.handOver();
  const { parcel } = clip;
  const item = formerItem(parcel);
  await vault.stop();
  const database = new Sqlite(join(vault.folder, 'vault.sqlite'));
  database.pragma('foreign_keys = OFF');
  const columns = `item = ?, home = ?, owner_key = ?, device_key = ?, grant_sha256 = ?, manifest = ?, manifest_sha256 = ?`;
  database
    .prepare(`update items set ${columns}, state = ?, acknowledgement = '' where item = ?`)
    .run(
      ...[item, cast.device.id, cast.owner.key.publicKey, cast.device.key.publicKey, sha256Hex(parcel.grantToken)],
      ...[parcel.manifestToken, sha256Hex(parcel.manifestToken), state, clip.item],
    );
  database.prepare('update item_categories set item = ? where item = ?').run(item, clip.item);
  database.close();
  await fixture.disk.rename(join(vault.folder, 'blobs', clip.item), join(vault.folder, 'blobs', item));
  await vault.start();
  const facts = { ...clip.facts, item, home: cast.device.id, statementSha256: sha256Hex(parcel.manifestToken) };
  return { parcel, item, facts };
}

const step = (clip: OfferedClip, facts: object) => clip.confirm(clip.step('confirm', facts));

function recall(facts: object, words: object) {
  const { cast } = fixture;
  const iat = cast.nowS();
  const signed = { iss: cast.bridge.key.publicKey, aud: vault.vault.id, iat, exp: iat + 600, jti: 'recall-1' };
  const token = cast.sign('doorsill-recall+jws', { ...signed, ...facts }, cast.bridge);
  return vault.send('POST', '/v1/recalls', {}, { recall: token, ...words });
}

it('can be read, confirmed and acknowledged again', async () => {
  const { parcel, item, facts } = await former('held');
  const confirmed = await step(new OfferedClip(fixture, vault, rig.request, parcel), facts);
  expect(confirmed).toMatchObject({ status: 200, body: { state: 'confirmed' } });
  const token = confirmed.body['acknowledgement'];
  const audience = fixture.cast.bridge.id;
  const claims = vault.opened(token, 'doorsill-acknowledgement+jws', acknowledgementSchema, audience);
  expect(claims).toMatchObject(facts);
  const read = await vault.as(officer, 'GET', `/evidence/${item}/manifest`);
  expect(read.body).toEqual({ manifest: parcel.manifestToken });
  expect((await vault.as(officer, 'GET', `/evidence/${item}/clip`)).bytes).toEqual(parcel.clip);
});

it('is recalled by its owner’s revocation, or by another owner’s that the device certifies, and by nobody else’s', async () => {
  const { cast } = fixture;
  const { parcel, facts } = await former('active');
  const second = makeParty('owner', new SystemRandom());
  const pairing = cast.pairing({ key: second.key.publicKey });
  const byOther = cast.revoke(parcel.grantToken, {}, second);
  for (const words of [
    {},
    { homeRecall: parcel.homeRecall },
    { revocation: byOther },
    { revocation: byOther, pairing: cast.pairing({ key: second.key.publicKey }, cast.bridge) },
    { revocation: cast.revoke(parcel.grantToken, { grantSha256: 'a'.repeat(64) }) },
    { revocation: cast.revoke(parcel.grantToken, {}, cast.bridge) },
  ]) {
    expect(await recall(facts, words)).toMatchObject({ status: 403, body: { code: 'recall_refused' } });
  }
  const { body } = await recall(facts, { revocation: byOther, pairing });
  const answer = vault.opened(body['answer'], 'doorsill-recall-answer+jws', RecallAnswer, parcel.grant);
  expect(answer.decision).toBe('erased');
});

it('does not open this way to a clip with a statement: a revocation alone erases nothing there', async () => {
  const clip = rig.clip();
  await clip.handOver();
  const { body } = await recall(clip.facts, { revocation: fixture.cast.revoke(clip.parcel.grantToken) });
  const { grant } = clip.parcel;
  const answer = vault.opened(body['answer'], 'doorsill-recall-answer+jws', RecallAnswer, grant);
  expect(answer.decision).toBe('restricted');
});
