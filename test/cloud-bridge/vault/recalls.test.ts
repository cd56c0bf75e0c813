// An owner's recall is answered by department policy, once, signed; and nothing is erased without the signature of the clip's own key.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RecallAnswer } from '../../../device/contract/hand-over-documents.ts';
import { claimsOf, type Party } from '../../support/parties.ts';
import type { OfferedClip, Officer, VaultFixture } from '../../support/vault-fixture.ts';
import { VaultRig } from '../support/vault-rig.ts';

let rig: VaultRig;
let vault: VaultFixture;
let officer: Officer;
let clip: OfferedClip;
let at: string;
beforeAll(async () => {
  rig = await VaultRig.open('recalls');
  ({ vault, officer } = rig);
});
afterAll(() => rig.close());
beforeEach(async () => {
  clip = await rig.clip().handOver();
  at = `/evidence/${clip.item}`;
  await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'erase' } });
});

function answerIn(body: Record<string, unknown>) {
  return vault.opened(body['answer'], 'doorsill-recall-answer+jws', RecallAnswer, clip.parcel.grant);
}
const bytes = () => existsSync(join(vault.folder, 'blobs', clip.item, 'clip.mp4'));

describe('a recall', () => {
  it('erases, restricts or keeps, as the department decides, and gives the same answer again', async () => {
    const policies = [
      [{ answer: 'erase' }, 'erased', false],
      [{ answer: 'restrict', reason: 'under review' }, 'restricted', true],
      [{ answer: 'keep', reason: 'trial' }, 'kept', true],
    ] as const;
    for (const [recall, decision, stays] of policies) {
      clip = await rig.clip().handOver();
      await vault.as(officer, 'PUT', '/policy', { recall });
      const { body } = await clip.recall();
      expect(answerIn(body)).toMatchObject({ ...clip.facts, decision });
      expect(bytes()).toBe(stays);
      await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'erase' } });
      expect((await clip.recall()).body).toEqual(body);
      expect(bytes()).toBe(stays);
    }
    const plain = await vault.officer(officer.agency, ['evidence.any.read']);
    await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'restrict' } });
    clip = await rig.clip().handOver();
    await clip.recall();
    expect((await vault.as(plain, 'GET', `/evidence/${clip.item}`)).status).toBe(404);
  });

  it('restricts what is in a case, although the department erases', async () => {
    await vault.as(officer, 'PUT', `${at}/cases/SPD-1`);
    expect(answerIn((await clip.recall()).body)).toMatchObject({ decision: 'restricted', reason: /case/ });
    expect((await vault.as(officer, 'GET', at)).body).toMatchObject({ accessClass: 'restricted', state: 'active' });
    expect(bytes()).toBe(true);
  });

  it('erases what was deleted and could be restored, and is answered for what was erased before', async () => {
    await vault.as(officer, 'DELETE', at);
    expect(answerIn((await clip.recall()).body)).toMatchObject({ decision: 'erased' });
    expect(bytes()).toBe(false);
    expect((await vault.as(officer, 'POST', `${at}/restoration`)).status).toBe(409);
    const { body } = await vault.as(officer, 'GET', `${at}/trail`);
    expect(Object(body['entries'])[1]).toMatchObject({ event: 'recalled', detail: 'erased' });
  });

  it('counts also before the hand-over of the clip is confirmed', async () => {
    const held = rig.clip();
    await held.offer();
    await held.bytes();
    clip = held;
    await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'keep', reason: 'trial' } });
    expect(answerIn((await held.recall()).body)).toMatchObject({ decision: 'kept' });
    expect((await vault.as(officer, 'GET', `/evidence/${held.item}`)).body['state']).toBe('active');
  });

  it('that comes without the signature of the clip’s own key restricts, and erases nothing', async () => {
    const { body } = await clip.recall({ homeRecall: undefined });
    expect(answerIn(body)).toMatchObject({ decision: 'restricted', reason: /only the bridge/ });
    expect((await vault.as(officer, 'GET', at)).body).toMatchObject({ accessClass: 'restricted', state: 'active' });
    expect(bytes()).toBe(true);
  });

  it('that a compromised bridge invents is refused, and erases nothing', async () => {
    const { cast } = rig.fixture;
    const other = rig.clip();
    const claims = claimsOf(clip.parcel.homeRecall);
    const sign = (changes: object, by: Party = clip.parcel.home) =>
      cast.sign('doorsill-home-recall+jws', { ...claims, ...changes }, by);
    for (const homeRecall of [
      other.parcel.homeRecall,
      sign({}, cast.bridge),
      sign({ iss: cast.bridge.key.publicKey }, cast.bridge),
      sign({ iss: cast.device.key.publicKey }, cast.device),
      sign({ statementSha256: 'a'.repeat(64) }),
      sign({ clip: other.parcel.clipId }),
      sign({ grant: other.parcel.grant }),
      sign({ home: other.parcel.home.id }),
      sign({ aud: 'agency-other' }),
      clip.parcel.statement,
      'none',
    ]) {
      expect(await clip.recall({ homeRecall })).toMatchObject({ status: 403, body: { code: 'recall_refused' } });
    }
    const { recall } = { recall: clip.step('withdraw') };
    expect((await clip.recall({ recall })).status).toBeGreaterThanOrEqual(400);
    expect(await other.recall()).toMatchObject({ status: 404, body: { code: 'evidence_unknown' } });
    expect(bytes()).toBe(true);
  });
});
