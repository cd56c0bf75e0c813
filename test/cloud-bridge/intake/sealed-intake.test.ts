// A clip that only its recipient can read comes to a bridge that cannot read it: its files show neither clip nor facts, its receipt says
// that it has not seen the clip, and it refuses one that is not encrypted exactly as granted.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { IntakeReceipt } from '../../../device/contract/manifest.ts';
import type { Grant } from '../../../device/contract/owner-orders.ts';
import { type SealedClip, sealedBytesOf } from '../../../device/contract/sealing.ts';
import {
  GRANTED_VALUES,
  HOME_VALUES,
  openedByRecipient,
  plainClip,
  type SealedErrandParts,
  sealErrand,
  sealedGrant,
} from '../../device/upload/support/sealed-errand.ts';
import { makeErrand, Sender } from '../../device/upload/support/sender.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { documentOf } from '../../support/bridge-tour.ts';
import { claimsOf, makeParty, textClaim } from '../../support/parties.ts';
import { filesThatShow, formsOf, slicesOf } from '../../support/readable-traces.ts';
import { custodyCall } from '../../support/sent-clip.ts';

let fixture: BridgeFixture;
let request: string;
let sender: Sender;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  sender = await Sender.open(fixture);
});
afterEach(() => sender.close());

const bridgeFile = (clip: string, name: string) => readFile(join(fixture.bridgeFolder, 'clips', clip, name));
const receiptOf = (token: unknown) => IntakeReceipt.parse(claimsOf(String(token)));

/** Asks for everything that there is about a clip, in every role. Returns which answers show one of the secrets. */
async function answersThatShow(
  at: BridgeFixture,
  request: string,
  parcel: Parcel,
  secrets: readonly (string | Uint8Array)[],
): Promise<{ answered: number; showing: string[] }> {
  const { cast, bridge } = at;
  const { clipId: clip, grant } = parcel;
  const id = textClaim(request, 'jti');
  const roles: Record<string, (path: string) => string> = {
    nobody: () => '',
    admin: () => bridge.adminToken,
    agency: () => at.agencyCall({ action: 'see-request', request: id }),
    officer: (path) => at.access(path.includes('{clip}') ? clip : 'all'),
    device: (path) => (/custody|manifest/.test(path) ? custodyCall(at, cast.device, grant) : parcel.bearer),
    owner: () => custodyCall(at, cast.owner, grant),
    stranger: (path) => at.access(path.includes('{clip}') ? clip : 'all', makeParty('agency', at.random)),
  };
  const { paths } = await documentOf(at);
  const gets = Object.keys(paths).filter((path) => paths[path]?.['get']);
  const forms = secrets.flatMap(formsOf);
  const found = { answered: 0, showing: [] as string[] };
  for (const [role, bearerFor] of Object.entries(roles)) {
    for (const path of [...gets, '/v1/disputes']) {
      const names: Record<string, string> = { clip, grant, request: id, agency: cast.agency.id };
      const url = bridge.url + path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? 'nothing');
      const headers = { authorization: `Bearer ${bearerFor(path)}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ clip, reason: 'court order 2026-311' });
      const isGet = path !== '/v1/disputes';
      const answer = await fetch(url, isGet ? { headers } : { method: 'POST', headers, body });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.ok) found.answered += 1;
      if (forms.some((form) => bytes.includes(form))) found.showing.push(`${role}: ${isGet ? 'GET' : 'POST'} ${path}`);
    }
  }
  return found;
}

describe('an encrypted clip at the bridge', () => {
  it('is stored as it was sent, and the receipts for home and recipient say that the bridge has not opened it', async () => {
    const errand = await sealErrand(sender, request, { plain: plainClip(500_000) });
    const { live, item, parcel, plain, claims, contents } = errand;
    const receipt = receiptOf(await sender.uploader.send(live, item));
    const { clipSha256, clipBytes, manifestSha256 } = item;
    const named = { outcome: 'stored', unopened: true, clipSha256, clipBytes, manifestSha256 };
    expect(receipt).toMatchObject({ ...named, aud: fixture.cast.device.id });
    const access = fixture.access(parcel.clipId);
    const { body } = await fixture.get(`/v1/clips/${parcel.clipId}/custody`, access);
    expect(receiptOf(body['receipt'])).toMatchObject({ ...named, aud: fixture.cast.agency.id });
    const stored = await bridgeFile(parcel.clipId, 'clip.mp4');
    expect(sha256Hex(stored)).toBe(clipSha256);
    expect(await openedByRecipient(fixture, stored, item.grant, errand)).toEqual({ contents, clip: plain });
    const statement = claimsOf((await bridgeFile(parcel.clipId, 'manifest.jws')).toString());
    expect(statement).toMatchObject({ sealed: claims, disclosed: {}, clipSha256, clipBytes });
  });

  it('shows neither clip nor facts in any file of the bridge, as a clip that is not encrypted does', async () => {
    const own = await BridgeFixture.openReady();
    const from = await Sender.open(own.fixture);
    try {
      const { live, item, plain } = await sealErrand(from, own.request, { plain: plainClip(300_000) });
      const secrets = [...slicesOf(plain), ...Object.values(HOME_VALUES)];
      await from.uploader.send(live, item);
      const seen = await filesThatShow(own.fixture.bridgeFolder, secrets);
      expect(seen.showing).toEqual([]);
      expect(seen.files).toBeGreaterThan(3);
      await own.fixture.bridge.stop();
      expect((await filesThatShow(own.fixture.folder, secrets)).showing).toEqual([]);
      await own.fixture.startBridge();
      const open = makeErrand(own.fixture, own.request, 300_000);
      await from.uploader.send(open.live, await from.seal(open));
      const { showing } = await filesThatShow(own.fixture.bridgeFolder, secrets);
      for (const name of ['clip.mp4', 'manifest.jws', 'manifest.json'])
        expect(showing).toContain(join('clips', open.parcel.clipId, name));
    } finally {
      await from.close();
      await own.fixture.close();
    }
  });

  it('shows neither in any answer to any role; one that is not encrypted is shown to officers, its home, and in disputes', async () => {
    const own = await BridgeFixture.openReady();
    const from = await Sender.open(own.fixture);
    try {
      const { live, item, plain, parcel } = await sealErrand(from, own.request, { plain: plainClip(60_000) });
      await from.uploader.send(live, item);
      const sealed = await answersThatShow(own.fixture, own.request, parcel, [
        ...slicesOf(plain),
        ...Object.values(HOME_VALUES),
      ]);
      expect(sealed.showing).toEqual([]);
      expect(sealed.answered).toBeGreaterThan(30);
      const open = makeErrand(own.fixture, own.request, 60_000);
      await from.uploader.send(open.live, await from.seal(open));
      const secrets = [...slicesOf(open.parcel.clip), HOME_VALUES.address, HOME_VALUES.email];
      const readable = await answersThatShow(own.fixture, own.request, open.parcel, secrets);
      expect(readable.showing).toEqual([
        'admin: POST /v1/disputes',
        'officer: GET /v1/clips/{clip}',
        'officer: GET /v1/clips/{clip}/manifest',
        'device: GET /v1/intakes/{grant}/manifest',
        'owner: GET /v1/intakes/{grant}/manifest',
      ]);
    } finally {
      await from.close();
      await own.fixture.close();
    }
  });

  it('is not seen as unopened when it is not encrypted', async () => {
    const errand = makeErrand(fixture, request, 20_000);
    const receipt = receiptOf(await sender.uploader.send(errand.live, await sender.seal(errand)));
    expect(receipt.outcome).toBe('stored');
    expect(receipt).not.toHaveProperty('unopened');
  });

  it('is deleted when it is revoked, with a receipt for the encrypted file', async () => {
    const { live, item, parcel } = await sealErrand(sender, request);
    await sender.uploader.send(live, item);
    const { body } = await fixture.revoke(parcel);
    const { clipSha256, clipBytes } = item;
    expect(receiptOf(body['receipt'])).toMatchObject({ outcome: 'deleted', clipSha256, clipBytes });
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'clips'))).not.toContain(parcel.clipId);
  });
});

const detailOf = (body: Record<string, unknown>) => String(Object(body['facts'])['detail']);

/** What the bridge answers to an opening: code and detail, or `accepted`. */
async function said(parcel: Parcel): Promise<string> {
  const { status, body } = await fixture.openIntake(parcel);
  return status === 200 ? 'accepted' : `${status} ${String(body['code'])}: ${detailOf(body)}`;
}

const PLAIN = plainClip(20_000);
const other = generateSealingKey({ bytes: (length) => new Uint8Array(length).fill(3), fraction: () => 0 });
const SHA = 'a'.repeat(64);
const TEN_GB = 10_000_000_000;
const sealedWith =
  (change: (claims: SealedClip) => Partial<SealedClip>): SealedErrandParts['manifest'] =>
  (claims) => ({ sealed: { ...claims, ...change(claims) } });
const wrong = (detail: string) => `intake_manifest_invalid: ${detail}`;

describe('an encrypted clip is', () => {
  it.each<[string, Partial<Grant>]>([
    ['encrypted as granted', {}],
    ['that discloses nothing, as granted', { disclose: [] }],
    ['the one that its owner previewed', { clipSha256: sha256Hex(PLAIN) }],
    ['as large as granted, though its file is larger', { byteLimit: PLAIN.length }],
  ])('accepted if it is %s', async (_what, changes) => {
    const grantToken = sealedGrant(fixture, request, changes);
    expect(await said((await sealErrand(sender, request, { plain: PLAIN, grantToken })).parcel)).toBe('accepted');
  });

  it.each<[string, SealedErrandParts['manifest'], string, Partial<Grant>?]>([
    [
      'without its claims',
      () => ({ sealed: undefined, disclosed: GRANTED_VALUES }),
      wrong('it is not encrypted as granted'),
    ],
    [
      'to another key than granted',
      sealedWith(() => ({ recipientKey: other.publicKey })),
      wrong('it is encrypted to another key than granted'),
    ],
    [
      'under another grant',
      sealedWith(() => ({ grantSha256: SHA })),
      wrong('its content key is bound to another grant'),
    ],
    [
      'that is said to be a byte longer than its file holds',
      sealedWith(({ clipBytes }) => ({ clipBytes: clipBytes + 1 })),
      wrong('its encrypted file has not the size of its clip'),
    ],
    [
      'in a file of a byte more',
      () => ({ clipBytes: sealedBytesOf(PLAIN.length) + 1 }),
      wrong('its encrypted file has not the size of its clip'),
    ],
    [
      'with facts that anybody can read besides',
      () => ({ disclosed: { email: GRANTED_VALUES.email } }),
      wrong('it discloses facts that are not encrypted'),
    ],
    [
      'with fewer facts than granted',
      sealedWith(({ facts: { address } }) => ({ facts: { address } })),
      wrong('it discloses other facts than granted'),
    ],
    [
      'with more facts than granted',
      sealedWith(({ facts }) => ({ facts: { ...facts, phone: SHA } })),
      wrong('it discloses other facts than granted'),
    ],
    [
      'with another fact than granted',
      sealedWith(({ facts: { address } }) => ({ facts: { address, name: SHA } })),
      wrong('it discloses other facts than granted'),
    ],
    [
      'that is larger than granted',
      undefined,
      wrong('the clip is longer than the grant allows'),
      { byteLimit: PLAIN.length - 1 },
    ],
    [
      'of ten gigabytes, though its owner grants that',
      (claims) => ({ clipBytes: sealedBytesOf(TEN_GB), sealed: { ...claims, clipBytes: TEN_GB } }),
      wrong('this bridge takes clips of 2147483648 bytes at most'),
      { byteLimit: TEN_GB },
    ],
    [
      'that is not the previewed one',
      undefined,
      wrong('the owner granted another clip, which they had looked at'),
      { clipSha256: SHA },
    ],
    [
      'whose file alone has the hash of the previewed one',
      () => ({ clipSha256: SHA }),
      wrong('the owner granted another clip, which they had looked at'),
      { clipSha256: SHA },
    ],
    [
      'that is not redacted as granted',
      undefined,
      wrong('it is not redacted as granted'),
      { zones: [{ left: 0, top: 0, width: 10, height: 10 }] },
    ],
  ])('refused %s', async (_what, manifest, expected, changes = {}) => {
    const grantToken = sealedGrant(fixture, request, changes);
    const parts = { plain: PLAIN, grantToken, ...(manifest ? { manifest } : {}) };
    expect(await said((await sealErrand(sender, request, parts)).parcel)).toBe(`422 ${expected}`);
  });

  it.each<[string, object]>([
    ['with a content key that is cut short', { contentKey: 'A'.repeat(106) }],
    ['with an unknown claim', { address: HOME_VALUES.address }],
    ['with a hash that is none', { zones: 'none' }],
  ])('refused %s', async (_what, changes) => {
    const manifest = (claims: SealedClip) => ({ sealed: { ...claims, ...changes } });
    const { parcel } = await sealErrand(sender, request, { plain: PLAIN, manifest });
    expect((await fixture.openIntake(parcel)).body['code']).toBe('token_unknown_claims');
  });

  it('refused where the grant encrypts nothing', async () => {
    const { claims, item } = await sealErrand(sender, request, { plain: PLAIN });
    const grantToken = fixture.cast.grant(request);
    const sealed = { ...claims, grantSha256: sha256Hex(grantToken) };
    const { clipSha256, clipBytes } = item;
    const manifest = { clipSha256, clipBytes, sealed, disclosed: {} };
    const parcel = fixture.parcel(request, { grantToken, manifest });
    expect(await said(parcel)).toBe(`422 ${wrong('it is not encrypted as granted')}`);
    const plain = fixture.parcel(request, { grantToken: sealedGrant(fixture, request) });
    expect(await said(plain)).toBe(`422 ${wrong('it is not encrypted as granted')}`);
  });
});

describe('the statement of an encrypted clip is refused', () => {
  const due = '422 intake_statement_invalid: its sealed does not follow from the manifest';

  it.each<[string, (claims: SealedClip) => SealedClip | undefined]>([
    ['without what the manifest says about it', () => undefined],
    ['with another hash of the clip', (claims) => ({ ...claims, clipSha256: SHA })],
    ['with another content key', (claims) => ({ ...claims, contentKey: 'A'.repeat(107) })],
    ['with another hash of a fact', (claims) => ({ ...claims, facts: { ...claims.facts, email: SHA } })],
    ['with a fact more', (claims) => ({ ...claims, facts: { ...claims.facts, phone: SHA } })],
  ])('%s', async (_what, change) => {
    const { parcel, claims } = await sealErrand(sender, request, { plain: PLAIN });
    const papers = fixture.cast.statement(parcel.manifestToken, parcel.grant, {
      statement: { sealed: change(claims) },
    });
    expect(await said({ ...parcel, ...papers })).toBe(due);
    expect(await said(parcel)).toBe('accepted');
  });

  it('when only it says that the clip is encrypted', async () => {
    const { claims } = await sealErrand(sender, request, { plain: PLAIN });
    expect(await said(fixture.parcel(request, { statement: { sealed: claims } }))).toBe(due);
  });
});

describe('bytes that are said to be an encrypted clip are refused and deleted', () => {
  it.each<[string, (size: number) => Uint8Array]>([
    [
      'if they are a plain recording',
      (size) => {
        const bytes = new Uint8Array(size);
        bytes.set(PLAIN);
        return bytes;
      },
    ],
    ['if they are random', (size) => fixture.random.bytes(size)],
    [
      'if they are those of a sealed file of another version',
      (size) => {
        const bytes = fixture.random.bytes(size);
        bytes.set(Buffer.from('DSSEAL02'));
        return bytes;
      },
    ],
  ])('%s', async (_what, make) => {
    const bytes = make(sealedBytesOf(PLAIN.length));
    const manifest = () => ({ clipSha256: sha256Hex(bytes) });
    const { parcel } = await sealErrand(sender, request, { plain: PLAIN, manifest });
    const answer = await fixture.deliver({ ...parcel, clip: bytes });
    expect([answer.status, answer.body['code'], detailOf(answer.body)]).toEqual([
      ...[422, 'intake_structure', 'it is not an encrypted file of the stated size'],
    ]);
    expect((await fixture.status(parcel)).body['state']).toBe('deleted');
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'clips'))).not.toContain(parcel.clipId);
  });
});
