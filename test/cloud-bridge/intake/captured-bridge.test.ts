// A bridge that somebody has captured has an encrypted clip, its statement and its full manifest, and can sign as the bridge. What it does to
// the clip is refused by the documents that device and home signed, or the clip does not open.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encryptTo, generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256, sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey, type SealKey } from '../../../device/base/seal.ts';
import { openSealedFile, writeSealedFile } from '../../../device/base/sealed-file.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { checkSentClip } from '../../../device/contract/check-sent-clip.ts';
import { contentKeyInfo, type SealedClip, writeContents } from '../../../device/contract/sealing.ts';
import {
  contentKeyOf,
  openedByRecipient,
  plainClip,
  RECIPIENT,
  type SealedErrand,
  sealErrand,
  sealedGrant,
} from '../../device/upload/support/sealed-errand.ts';
import { Sender } from '../../device/upload/support/sender.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { departureOf } from '../../support/sent-clip.ts';

const random = new SystemRandom();
/** Of the captured bridge: a home and a recipient that it made up. */
const [ownHome, ownRecipient] = [makeParty('home', random), generateSealingKey(random)];
let fixture: BridgeFixture;
let request: string;
let sender: Sender;
let sent: SealedErrand;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  sender = await Sender.open(fixture);
  sent = await sealErrand(sender, request, { plain: plainClip(200_000) });
});
afterEach(() => sender.close());

/** A statement with changed claims about the clip, signed with the bridge's made-up home. */
const restated = (sealed: Partial<SealedClip>, changes: object = {}) => {
  const { key, id: home } = ownHome;
  const claims = { ...claimsOf(sent.parcel.statement), iss: key.publicKey, home, ...changes };
  return fixture.cast.sign('doorsill-statement+jws', { ...claims, sealed: { ...sent.claims, ...sealed } }, ownHome);
};

/** What settles a dispute about a statement: the documents that the device signed. */
const inDispute = (statement: string, clip: Uint8Array = sent.plain, papers: object = {}) => {
  const { manifestToken: manifest, certificate } = sent.parcel;
  const opened = JSON.stringify({ manifest, certificate, ...papers });
  const bytes = async function* () {
    yield clip;
  };
  return verifyClip(bytes(), statement, { opened }).then(
    () => 'verified',
    ({ message }: Error) => message,
  );
};

/** A file that the bridge encrypts itself, for the grant of the clip. */
async function ownFile(key: SealKey, clip: Uint8Array): Promise<Uint8Array> {
  const path = join(fixture.folder, 'forged');
  await writeSealedFile(fixture.disk, random, { path, key, id: sent.item.grant }, [writeContents(sent.contents), clip]);
  return new Uint8Array(await readFile(path));
}

/** What a content key that the bridge chose looks like to `to`. */
const wrapped = (key: SealKey, to: string) => {
  const info = contentKeyInfo({ home: ownHome.id, grantSha256: sent.claims.grantSha256 });
  return toBase64url(encryptTo(to, key.secret, { info }, random) ?? new Uint8Array());
};

const damaged = { code: 'state_damaged' };

it('is what its owner granted as long as nobody has changed it', async () => {
  expect(await inDispute(sent.parcel.statement)).toBe('verified');
  expect((await openedByRecipient(fixture, sent.parcel.clip, sent.item.grant, sent)).clip).toEqual(sent.plain);
});

describe('a captured bridge cannot', () => {
  it('read the content key, nor encrypt it to another recipient', async () => {
    expect(contentKeyOf(sent, ownRecipient)).toBeNull();
    const recipientKey = ownRecipient.publicKey;
    // Whatever it names as content key, it does not open the file that the device signed for.
    const key = generateSealKey(random);
    const rewrapped = { recipientKey, contentKey: wrapped(key, recipientKey) };
    const named = contentKeyOf({ home: ownHome.id, claims: { ...sent.claims, ...rewrapped } }, ownRecipient);
    expect(named?.secret).toEqual(key.secret);
    const path = join(fixture.folder, 'kept');
    await fixture.disk.replaceFile(path, sent.parcel.clip);
    const opening = named && openSealedFile(fixture.disk, { path, key: named, id: sent.item.grant });
    await expect(opening).rejects.toMatchObject(damaged);
    // And nobody believes that the home encrypted it so.
    expect(await inDispute(restated(rewrapped))).toMatch(/the certificate is for another statement/);
    const signed = sent.parcel.statement.split('.');
    const changed = [signed[0], restated(rewrapped).split('.')[1], signed[2]].join('.');
    expect(await inDispute(changed)).toMatch(/the statement does not verify/);
  });

  it('swap the encrypted file: another clip’s does not open, nor one that it made itself', async () => {
    const other = await sealErrand(sender, request, { grantToken: sealedGrant(fixture, request) });
    const key = generateSealKey(random);
    for (const bytes of [other.parcel.clip, await ownFile(key, sent.plain)]) {
      await expect(openedByRecipient(fixture, bytes, sent.item.grant, sent)).rejects.toMatchObject(damaged);
      expect(sha256Hex(bytes)).not.toBe(claimsOf(sent.parcel.statement)['clipSha256']);
    }
    const flipped = sent.parcel.clip.slice();
    flipped[100_000] = (flipped[100_000] ?? 0) ^ 1;
    await expect(openedByRecipient(fixture, flipped, sent.item.grant, sent)).rejects.toMatchObject(damaged);
    await expect(
      openedByRecipient(fixture, sent.parcel.clip.slice(0, -1), sent.item.grant, sent),
    ).rejects.toMatchObject(damaged);
  });

  it('show a clip of its own as this home’s, though anybody can encrypt to the recipient', async () => {
    const forged = plainClip(90_000);
    const key = generateSealKey(random);
    const file = await ownFile(key, forged);
    const changes = { clipSha256: sha256Hex(file), clipBytes: file.length };
    const inner = { clipSha256: sha256Hex(forged), clipBytes: forged.length };
    const sealed = { ...inner, contentKey: wrapped(key, RECIPIENT.publicKey) };
    // It opens, and by its own statement alone it is a clip: the bridge vouches for that statement's key.
    const stated = { home: ownHome.id, claims: { ...sent.claims, ...sealed } };
    const opened = await openedByRecipient(fixture, file, sent.item.grant, stated);
    expect(opened.clip).toEqual(forged);
    const statement = restated(sealed, changes);
    expect(await inDispute(statement, forged)).toMatch(/the certificate is for another statement/);
    const certified = { ...claimsOf(sent.parcel.certificate), key: ownHome.key.publicKey };
    const byBridge = { ...certified, statementSha256: sha256Hex(statement), iss: fixture.cast.bridge.key.publicKey };
    const certificate = fixture.cast.sign('doorsill-certificate+jws', byBridge, fixture.cast.bridge);
    expect(await inDispute(statement, forged, { certificate })).toMatch(
      /the certificate is of another device than the manifest/,
    );
    // The home sees that the bridge's receipt is for another clip.
    const departure = departureOf(fixture, sent.parcel, null);
    const receipt = fixture.cast.intakeReceipt(sent.item.grant, { ...changes, unopened: true }, fixture.cast.bridge);
    const parties = { device: fixture.cast.device.id, bridgeKey: fixture.cast.bridge.key.publicKey };
    const crypto = { sha256, sha256Hex, verify: verifySignature };
    const found = checkSentClip(departure, { receipt, leaves: [], isWhole: true }, parties, crypto);
    expect(found.findings).toEqual([{ of: 'stored', ok: false, why: 'the receipt is for another clip' }]);
  });

  it('have the clip opened in a statement of its own, be it to another recipient or the same', () => {
    expect(contentKeyOf(sent)).not.toBeNull();
    expect(contentKeyOf({ ...sent, home: ownHome.id })).toBeNull();
  });

  it('use the clip under another grant: neither its content key nor its file opens there', async () => {
    const grantToken = sealedGrant(fixture, request);
    const grantSha256 = sha256Hex(grantToken);
    const grant = String(claimsOf(grantToken)['jti']);
    expect(contentKeyOf({ ...sent, claims: { ...sent.claims, grantSha256 } })).toBeNull();
    // Under the name of the other grant, but with the key of this one.
    await expect(openedByRecipient(fixture, sent.parcel.clip, grant, sent)).rejects.toMatchObject(damaged);
    expect(await inDispute(restated({ grantSha256 }, { grant }))).toMatch(/the certificate is for another statement/);
    // At another bridge, or after a restart: the device's papers are for one grant.
    const { manifestToken, statement, certificate, bearer } = sent.parcel;
    const manifest = fixture.cast.sign(
      'doorsill-manifest+jws',
      { ...claimsOf(manifestToken), grant: grantToken, sealed: { ...sent.claims, grantSha256 } },
      fixture.cast.bridge,
    );
    const { body } = await fixture.post('/v1/intakes', { manifest, statement, certificate }, bearer);
    expect(body).toMatchObject({ code: 'intake_manifest_invalid' });
  });

  it('say that the clip was never encrypted, or that it names other facts', async () => {
    for (const changes of [
      { sealed: undefined, disclosed: { address: '99 Other Street' } },
      { disclosed: { address: '99 Other Street' } },
      { sealed: { ...sent.claims, facts: { address: sha256Hex('99 Other Street') } } },
    ])
      expect(await inDispute(restated({}, changes))).toMatch(
        /the certificate is for another statement|it discloses facts that are not encrypted/,
      );
    // The device's certificate and the home's signature are for one statement.
    const { manifestToken, grant } = sent.parcel;
    const own = fixture.cast.statement(manifestToken, grant, { home: ownHome, device: fixture.cast.bridge });
    expect(await inDispute(own.statement, sent.plain, { certificate: own.certificate })).toMatch(
      /the certificate is of another device than the manifest/,
    );
  });
});
