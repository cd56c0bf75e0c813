// Holds: a real bridge's documents about a clip verify against the device's record at every step; documents that were forged, swapped, or
// are about another clip do not, whoever made them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importSigningKey, sha256, sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { checkSentClip, type SentClipCheck } from '../../../device/contract/check-sent-clip.ts';
import { ClipLeaves, type CustodyProof } from '../../../device/contract/custody.ts';
import { signToken } from '../../../device/contract/jws.ts';
import { outcomeOf, type SentClip, type SentClipCustody } from '../../../device/contract/sent-clips.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { custodyCall, departureOf } from '../../support/sent-clip.ts';
import { bridgeWithVault, type VaultFixture } from '../../support/vault-fixture.ts';

const crypto = { sha256, sha256Hex, verify: verifySignature };
const folder = temporaryFolder('check-departure');
let fixture: BridgeFixture;
let vault: VaultFixture;
let request: string;
beforeAll(async () => {
  ({ fixture, vault } = await bridgeWithVault((options) => BridgeFixture.open(options), folder.path, {}));
  request = await fixture.ready();
});
afterAll(async () => {
  await fixture.close();
  await vault.stop();
  folder.dispose();
});

async function shownOf({ grant }: Parcel): Promise<SentClipCustody> {
  const bearer = custodyCall(fixture, fixture.cast.device, grant);
  const { body } = await fixture.get(`/v1/intakes/${grant}/custody/leaves`, bearer);
  return { ...ClipLeaves.parse(body), isWhole: true };
}

/** A clip that was handed over to the vault, and the device's record of it. */
async function handedOver(): Promise<{ parcel: Parcel; departure: SentClip; shown: SentClipCustody }> {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  const receipt = String((await fixture.status(parcel)).body['receipt']);
  let shown = await shownOf(parcel);
  // The bridge hands it over by itself.
  for (let look = 0; shown.leaves.length < 2 && look < 100; look += 1) {
    await fixture.clock.sleep(100);
    shown = await shownOf(parcel);
  }
  return { parcel, departure: departureOf(fixture, parcel, receipt), shown };
}

const check = (departure: SentClip, shown: SentClipCustody, bridgeKey = fixture.cast.bridge.key.publicKey) =>
  checkSentClip(departure, shown, { device: fixture.cast.device.id, bridgeKey }, crypto);
const why = ({ findings }: SentClipCheck) => findings.map((one) => (one.ok ? `${one.of} ok` : one.why));

/** The record after the bridge has answered the revocation. */
async function takenBack(parcel: Parcel, departure: SentClip): Promise<SentClip> {
  const { body } = await fixture.revoke(parcel, { pairing: fixture.cast.pairing() });
  const outcome = body['state'] === 'recalled' ? 'recalled' : 'deleted';
  return { ...departure, standing: { at: 'answered', atUs: 9, outcome, receipt: String(body['receipt']) } };
}

/** The same, with a department that keeps the clip. */
async function keptByPolicy(parcel: Parcel, departure: SentClip): Promise<SentClip> {
  const officer = await vault.officer(fixture.cast.agency.id);
  await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'keep', reason: 'a trial is under way' } });
  const kept = await takenBack(parcel, departure);
  await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'erase' } });
  return kept;
}

describe('an honest bridge', () => {
  it('is believed: receipt, intake and hand-over, each at its place in the log', async () => {
    const { departure, shown } = await handedOver();
    const found = check(departure, shown);
    expect(why(found)).toEqual(['stored ok', 'leaf ok', 'leaf ok']);
    expect(found.holds).toBe(true);
    expect(found.last).toMatchObject({ kind: 'hand-over', leaf: expect.any(Number), witnesses: [] });
    expect(outcomeOf(departure, found.last).is).toBe('in-vault');
    expect(outcomeOf(departure).is).toBe('stored');
  });

  it('is believed when it and the vault have erased a revoked clip', async () => {
    const { parcel, departure } = await handedOver();
    const erased = await takenBack(parcel, departure);
    const found = check(erased, await shownOf(parcel));
    expect(why(found)).toEqual(['stored ok', 'answer ok', ...Array<string>(5).fill('leaf ok')]);
    expect(found.last?.kind).toBe('deletion');
    expect(outcomeOf(erased, found.last).is).toBe('erased-at-vault');
  });

  it('is believed when the vault keeps it, and says why', async () => {
    const { parcel, departure } = await handedOver();
    const kept = await keptByPolicy(parcel, departure);
    const found = check(kept, await shownOf(parcel));
    expect([found.holds, why(found).length]).toEqual([true, 6]);
    expect(outcomeOf(kept, found.last)).toMatchObject({ is: 'kept', reason: 'a trial is under way' });
  });

  it('is believed when it had received nothing', async () => {
    const parcel = fixture.parcel(request);
    const never = await takenBack(parcel, departureOf(fixture, parcel, null));
    const found = check(never, { receipt: null, leaves: [], isWhole: true });
    expect(why(found)).toEqual(['answer ok']);
    expect(outcomeOf(never).is).toBe('nothing-arrived');
  });
});

describe('a bridge, or somebody in between, is not believed', () => {
  let honest: Awaited<ReturnType<typeof handedOver>>;
  let other: Awaited<ReturnType<typeof handedOver>>;
  let intake: CustodyProof;
  let handOver: CustodyProof;
  beforeAll(async () => {
    [honest, other] = [await handedOver(), await handedOver()];
    const [first, second] = honest.shown.leaves;
    if (!first || !second) throw new Error('two leaves were awaited');
    [intake, handOver] = [first, second];
  });

  /** The faults that are found when the bridge shows other leaves, or another receipt. */
  const wrong = (shown: Partial<SentClipCustody>, changes: Partial<SentClip> = {}) => {
    const found = check({ ...honest.departure, ...changes }, { ...honest.shown, ...shown });
    expect(found.holds).toBe(false);
    return why(found).filter((one) => !one.endsWith(' ok'));
  };
  const flipped = (text: string) => text.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));

  it('with a receipt whose signature, signer, grant or clip is another', () => {
    const { cast } = fixture;
    const receipt = String(honest.shown.receipt);
    const [head = '', body = '', signature = ''] = receipt.split('.');
    const signed = (changes: object, by = cast.bridge) =>
      cast.sign('doorsill-intake+jws', { ...claimsOf(receipt), iss: by.key.publicKey, ...changes }, by);
    const stranger = makeParty('bridge', new SystemRandom());
    expect([
      wrong({ receipt: [head, body, flipped(signature)].join('.') }),
      wrong({ receipt: 'no token at all' }),
      wrong({ receipt: signed({}, stranger) }),
      wrong({ receipt: signed({ clipSha256: sha256Hex('another') }) }),
      wrong({ receipt: signed({ grant: 'grant-other' }) }),
      wrong({ receipt: signed({ aud: 'device-other' }) }),
      // The bridge's own second receipt for the same clip: it could deny either of the two.
      wrong({ receipt: signed({ jti: 'intake-twin' }) }),
      wrong({ receipt: other.shown.receipt }),
      // It claims that everything is deleted, and keeps the clip.
      wrong({ receipt: signed({ outcome: 'recalled' }) }),
      wrong({ receipt: signed({ outcome: 'deleted', clipSha256: sha256Hex('another') }) }),
    ]).toEqual([
      ['the receipt does not verify (bad-signature)'],
      ['The message is not a signed token.'],
      ['the receipt is of another bridge'],
      ['the receipt is for another clip'],
      ['the receipt is for another grant'],
      ['the receipt is not for this clip'],
      ['the bridge shows another receipt than the one that this device keeps'],
      ['the receipt is for another manifest'],
      ['the receipt says that the clip is handed over, but holds no answer of the vault'],
      ['the receipt is for another clip'],
    ]);
  });

  it('with a receipt that somebody has changed on the device’s disk', () => {
    const receipt = String(honest.shown.receipt);
    const changed = { ...honest.departure, stored: { atUs: 5, receipt: `${receipt.slice(0, -4)}AAAA` } };
    expect(check(changed, honest.shown).holds).toBe(false);
  });

  it('with a leaf that was changed, is of another log, or is about another clip', () => {
    const { cast } = fixture;
    const stranger = makeParty('bridge', new SystemRandom());
    const head = (by = stranger) =>
      cast.sign('doorsill-tree-head+jws', { ...claimsOf(intake.head), iss: by.key.publicKey }, by);
    const instead = (proof: CustodyProof) => ({ leaves: [proof] });
    expect([
      wrong(instead({ ...intake, head: head() })),
      wrong(instead({ ...intake, head: flipped(intake.head) })),
      wrong(instead({ ...intake, path: intake.path.slice(1) })),
      wrong(instead({ ...intake, leaf: intake.leaf + 1 })),
      wrong(instead({ ...intake, salt: flipped(intake.salt) })),
      wrong(instead({ ...intake, facts: intake.facts.replace('clip-', 'clip-0') })),
      wrong(instead({ ...intake, cosignatures: [intake.head] })),
      wrong(instead({ ...intake, entry: handOver.entry })),
      wrong({ leaves: other.shown.leaves }),
      wrong({ leaves: [intake, ...other.shown.leaves.slice(1)] }),
    ]).toEqual([
      ['the tree head is of another bridge'],
      ['the tree head does not verify'],
      ['the leaf is not in the tree of the head'],
      ['the leaf is not in the tree of the head'],
      ['the leaf is not about these facts'],
      ['the leaf is not about these facts'],
      ['a cosignature does not verify'],
      ['the leaf is not about these facts'],
      ['the leaf is about another clip', 'the leaf is about another clip'],
      ['the leaf is about another clip'],
    ]);
  });

  it('about a clip that is not the one that was sent', () => {
    const { clip } = honest.departure;
    expect([
      wrong({}, { clip: { ...clip, sha256: sha256Hex('another') } }),
      wrong({}, { clip: { ...clip, id: 'clip-other' } }),
      wrong({}, { clip: { ...clip, manifestSha256: sha256Hex('another') } }),
      wrong({}, { request: 'request-other' }),
      wrong({}, { recipient: { kind: 'neighbor', id: 'owner-other' } }),
    ]).toEqual([
      ['the receipt is for another clip', 'the leaf is about another clip', 'the leaf is about another clip'],
      ['the leaf is about another clip', 'the leaf is about another clip'],
      ['the receipt is for another manifest', 'the receipt is for another manifest'],
      ['the leaf is about another receipt or clip'],
      ['the leaf is about another receipt or clip'],
    ]);
  });

  it('under a key that the device did not pin', () => {
    const stranger = makeParty('bridge', new SystemRandom());
    const found = check(honest.departure, honest.shown, stranger.key.publicKey);
    expect(why(found)).toEqual([
      'the receipt is of another bridge',
      ...Array<string>(2).fill('the tree head is of another bridge'),
    ]);
  });

  it('about a revoked clip, with a deletion leaf about another receipt', async () => {
    const erased = await takenBack(other.parcel, other.departure);
    const shown = await shownOf(other.parcel);
    expect(check(erased, shown).holds).toBe(true);
    const { standing } = erased;
    if (standing.at !== 'answered') throw new Error('it was taken back');
    const twin = fixture.cast.sign(
      'doorsill-intake+jws',
      { ...claimsOf(standing.receipt), jti: 'intake-twin' },
      fixture.cast.bridge,
    );
    const found = check({ ...erased, standing: { ...standing, receipt: twin } }, { ...shown, receipt: twin });
    expect(why(found).filter((one) => !one.endsWith(' ok'))).toEqual(['the leaf is about another receipt']);
  });

  it('about a clip that the vault keeps, with another answer of the vault than the one in its log', async () => {
    const { parcel, departure } = await handedOver();
    const kept = await keptByPolicy(parcel, departure);
    const { standing } = kept;
    if (standing.at !== 'answered') throw new Error('it was taken back');
    const key = importSigningKey(readFileSync(join(vault.folder, 'signing.key'), 'utf8').trim());
    if (!key) throw new Error('the vault has a key');
    const { recall } = claimsOf(standing.receipt);
    const twin = { ...claimsOf(String(recall)), jti: 'answer-twin' };
    const claims = { ...claimsOf(standing.receipt), recall: signToken('doorsill-recall-answer+jws', twin, key) };
    const receipt = fixture.cast.sign('doorsill-intake+jws', claims, fixture.cast.bridge);
    const found = check({ ...kept, standing: { ...standing, receipt } }, await shownOf(parcel));
    expect(why(found).filter((one) => !one.endsWith(' ok'))).toEqual(['the leaf is about another answer of the vault']);
  });

  it('when it shows nothing', () => {
    const bare = { ...honest.departure, stored: null, standing: { at: 'sending' } } as const;
    expect(check(bare, { receipt: null, leaves: [], isWhole: true })).toMatchObject({ holds: false, findings: [] });
  });
});
