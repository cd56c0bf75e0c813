// With a clip and its manifest alone, without a bridge, one can verify that it is exactly what the owner granted, on one chain from the
// device over its owner.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { decryptWith, encryptTo, generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256, sha256Hex } from '../../../device/base/keys.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { openSealedFile, writeSealedFile } from '../../../device/base/sealed-file.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { fromBase64url, toBase64url } from '../../../device/contract/bytes.ts';
import { SALT_BYTES } from '../../../device/contract/commitment.ts';
import { Statement } from '../../../device/contract/manifest.ts';
import type { Grant } from '../../../device/contract/owner-orders.ts';
import {
  areNamed,
  commitmentsOf,
  contentKeyInfo,
  readContents,
  SEALED_CONTENTS_BYTES,
  type SealedClip,
  type SealedContents,
  type Sealing,
  sealedBytesOf,
  writeContents,
} from '../../../device/contract/sealing.ts';
import { Window } from '../../../device/contract/shared-claims.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';

let fixture: BridgeFixture;
let request: string;
let asked: { startUs: number; endUs: number };
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
  asked = Window.parse(claimsOf(request)['window']);
});
afterAll(() => fixture.close());

type Changes = NonNullable<Parameters<BridgeFixture['parcel']>[1]>;

async function* once(bytes: Uint8Array) {
  yield bytes;
}

/** The verdict on a clip by its manifest, then by its statement and the manifest disclosed in a dispute. */
async function saidOf({ clip, manifestToken, statement, certificate }: Parcel): Promise<string[]> {
  const opened = JSON.stringify({ manifest: manifestToken, certificate });
  const said = [verifyClip(once(clip), manifestToken), verifyClip(once(clip), statement, { opened })];
  return Promise.all(
    said.map((each) =>
      each.then(
        () => 'verified',
        ({ message }: Error) => message,
      ),
    ),
  );
}

it('verifies a clip as granted', async () => {
  expect(await saidOf(fixture.parcel(request))).toEqual(['verified', 'verified']);
});

const random = new SystemRandom();
const another = makeParty('device', random);
const ZONE = { left: 0, top: 0, width: 5_000, height: 5_000 };
it.each<[string, RegExp, () => Changes]>([
  [
    'another window',
    /the window is not the granted one/,
    () => ({ manifest: { window: { ...asked, endUs: asked.endUs - 1_000_000 } } }),
  ],
  [
    'time before the window',
    /reaches outside the window/,
    () => ({ manifest: { coverage: { startUs: asked.startUs, endUs: asked.startUs + 62_000_000 }, gaps: [] } }),
  ],
  [
    'time after the window',
    /reaches outside the window/,
    () => ({ manifest: { coverage: { startUs: asked.endUs - 62_000_000, endUs: asked.endUs }, gaps: [] } }),
  ],
  ['a fact too many', /the disclosed facts are not the granted ones/, () => ({ grant: { disclose: ['email'] } })],
  [
    'another fact',
    /the disclosed facts are not the granted ones/,
    () => ({ manifest: { disclosed: { address: '12 Elm Street, Springfield', phone: '+12175550100' } } }),
  ],
  ['a fact too few', /the disclosed facts are not the granted ones/, () => ({ manifest: { disclosed: {} } })],
  ['sound', /there is sound that was not granted/, () => ({ grant: { audio: false } })],
  ['what zones should hide', /not redacted as granted/, () => ({ grant: { zones: [ZONE] } })],
  [
    'zones that nobody named',
    /not redacted as granted/,
    () => ({ manifest: { redacted: true, method: 're-encode', encodedFrames: 30 } }),
  ],
  ['too many bytes', /the clip is larger than granted/, () => ({ grant: { byteLimit: 1_000 } })],
  [
    'other bytes than its owner previewed',
    /the one that its owner previewed/,
    () => ({ grant: { clipSha256: 'a'.repeat(64) } }),
  ],
  ['a grant for another device', /the grant is for another device/, () => ({ grant: { aud: another.id } })],
  [
    'a grant of another request',
    /the grant is for another request/,
    () => ({ grant: { request: freshId(random, 'request') } }),
  ],
  ['the name of another device', /not signed by the device it names/, () => ({ manifest: { device: another.id } })],
  [
    'the pairing of another device',
    /the pairing statement is not of this device/,
    () => ({ device: another, manifest: { device: another.id } }),
  ],
])('refuses a clip with %s', async (_what, why, changes) => {
  expect(await saidOf(fixture.parcel(request, changes()))).toEqual([
    expect.stringMatching(why),
    expect.stringMatching(why),
  ]);
});

describe('a clip that only its recipient can read', () => {
  const recipient = generateSealingKey(random);
  const sealing: Sealing = { key: recipient.publicKey, keeper: 'vault' };
  const clip = plainMp4({ frames: 30, audioPackets: 12 });
  const salt = () => toBase64url(random.bytes(SALT_BYTES));
  const contents: SealedContents = {
    disclosed: { address: '12 Elm Street, Springfield', email: 'casey@home.example' },
    zones: [],
    salts: { address: salt(), email: salt(), zones: salt() },
  };
  const contentKey = generateSealKey(random);
  /** Stands for the encrypted file where a test does not open it. */
  const file = { sha256: sha256Hex('the encrypted file'), bytes: sealedBytesOf(clip.length) };

  interface SealedChanges {
    grant?: Partial<Grant>;
    /** Of the grant; null: none. */
    sealing?: Sealing | null;
    /** Of manifest and statement; null: none. */
    sealed?: Partial<SealedClip> | null;
    manifest?: object;
    statement?: object;
  }

  /** The papers of an encrypted clip, as a device makes them, and the clip itself. */
  function sealedParcel(changes: SealedChanges = {}, sent = file): Parcel {
    const { cast } = fixture;
    const granted = changes.sealing === undefined ? sealing : changes.sealing;
    const to = { kind: 'agency', key: cast.agency.key.publicKey, ...(granted ? { sealing: granted } : {}) } as const;
    const grantToken = cast.grant(request, { recipient: to, ...changes.grant });
    const grantSha256 = sha256Hex(grantToken);
    const home = makeParty('home', random);
    const info = contentKeyInfo({ home: home.id, grantSha256 });
    const key = encryptTo(recipient.publicKey, contentKey.secret, { info }, random);
    const sealed: SealedClip = {
      ...{ clipSha256: sha256Hex(clip), clipBytes: clip.length, recipientKey: recipient.publicKey },
      ...{ contentKey: toBase64url(key ?? new Uint8Array()), grantSha256, ...commitmentsOf(contents, sha256) },
      ...changes.sealed,
    };
    const isSealed = changes.sealed !== null;
    const about = isSealed ? { clipSha256: sent.sha256, clipBytes: sent.bytes, disclosed: {}, sealed } : {};
    const { statement = {} } = changes;
    return fixture.parcel(request, { clip, grantToken, manifest: { ...about, ...changes.manifest }, statement, home });
  }

  const verdict = (bytes: Uint8Array, token: string, opened?: string) =>
    verifyClip(once(bytes), token, opened === undefined ? {} : { opened }).then(
      ({ chain }) => chain,
      ({ message }: Error) => message,
    );

  it('is opened by its recipient with the statement alone, and then verifies by each document', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-verify-sealed-'));
    try {
      const disk = new SystemDisk();
      const grant = freshId(random, 'grant');
      const path = join(folder, 'clip');
      await writeSealedFile(disk, random, { path, key: contentKey, id: grant }, [writeContents(contents), clip]);
      const bytes = await readFile(path);
      const sent = { sha256: sha256Hex(bytes), bytes: bytes.length };
      const { statement, manifestToken, certificate } = sealedParcel({ grant: { jti: grant } }, sent);

      // The recipient has the file, the statement, and its private key.
      const received = join(folder, 'received');
      await writeFile(received, bytes);
      const stated = Statement.parse(claimsOf(statement));
      expect([stated.clipSha256, stated.clipBytes, stated.disclosed]).toEqual([sent.sha256, sent.bytes, {}]);
      const { sealed } = stated;
      if (!sealed) throw new Error('the statement is not of an encrypted clip');
      const info = contentKeyInfo({ home: stated.home, grantSha256: sealed.grantSha256 });
      const secret = decryptWith(recipient, fromBase64url(sealed.contentKey) ?? new Uint8Array(), { info });
      const key = { cipher: 'aes-256-gcm', secret: secret ?? new Uint8Array() } as const;
      const opening = await openSealedFile(disk, { path: received, key, id: stated.grant });
      const block = await opening.read(0, SEALED_CONTENTS_BYTES);
      const opened = await opening.read(SEALED_CONTENTS_BYTES, opening.sizeBytes - SEALED_CONTENTS_BYTES);
      await opening.close();
      const read = readContents(block);
      expect(read).toStrictEqual(contents);
      expect(read && areNamed(read, sealed, sha256)).toBe(true);

      const papers = JSON.stringify({ manifest: manifestToken, certificate });
      expect(await verdict(opened, statement)).toBe('statement');
      expect(await verdict(opened, manifestToken)).toBe('manifest');
      expect(await verdict(opened, statement, papers)).toBe('statement and manifest');
      // As it travelled it is no clip yet.
      expect(await verdict(bytes, statement)).toMatch(/its manifest says/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each<[string, () => SealedChanges]>([
    ['as granted', () => ({})],
    ['for officers who alone have the key', () => ({ sealing: { ...sealing, keeper: 'recipient' } })],
    [
      'with no more bytes than its owner allowed, before it was encrypted',
      () => ({ grant: { byteLimit: clip.length } }),
    ],
    ['that its owner previewed', () => ({ grant: { clipSha256: sha256Hex(clip) } })],
  ])('verifies %s', async (_what, changes) => {
    expect(await saidOf(sealedParcel(changes()))).toEqual(['verified', 'verified']);
  });

  it.each<[string, RegExp, () => SealedChanges]>([
    [
      'another recipient’s key',
      /the clip is not encrypted as granted/,
      () => ({ sealed: { recipientKey: generateSealingKey(random).publicKey } }),
    ],
    ['encryption that was not granted', /the clip is not encrypted as granted/, () => ({ sealing: null })],
    ['no encryption although it was granted', /the clip is not encrypted as granted/, () => ({ sealed: null })],
    [
      'a content key of another grant',
      /its content key is bound to another grant/,
      () => ({ sealed: { grantSha256: sha256Hex(fixture.cast.grant(request)) } }),
    ],
    [
      'plain facts besides',
      /it discloses facts that are not encrypted/,
      () => ({ manifest: { disclosed: { address: '12 Elm Street, Springfield' } } }),
    ],
    [
      'all its facts in plain, too',
      /it discloses facts that are not encrypted/,
      () => ({ manifest: { disclosed: contents.disclosed } }),
    ],
    [
      'an encrypted fact too many',
      /the disclosed facts are not the granted ones/,
      () => ({ grant: { disclose: ['email'] } }),
    ],
    [
      'an encrypted fact too few',
      /the disclosed facts are not the granted ones/,
      () => ({ sealed: { facts: { email: sha256Hex('email') } } }),
    ],
    [
      'another encrypted fact',
      /the disclosed facts are not the granted ones/,
      () => ({ sealed: { facts: { address: sha256Hex('address'), phone: sha256Hex('phone') } } }),
    ],
    ['too many bytes', /the clip is larger than granted/, () => ({ grant: { byteLimit: clip.length - 1 } })],
    [
      'other bytes than its owner previewed',
      /the one that its owner previewed/,
      () => ({ grant: { clipSha256: file.sha256 } }),
    ],
    [
      'another clip in it than is given',
      /not the one its manifest names/,
      () => ({ sealed: { clipSha256: sha256Hex('another clip') } }),
    ],
    ['another size than its file has', /not the size of its clip/, () => ({ sealed: { clipBytes: clip.length - 1 } })],
    [
      'another size than is given',
      /its manifest says/,
      () => ({
        sealed: { clipBytes: clip.length - 1 },
        manifest: { clipBytes: sealedBytesOf(clip.length - 1) },
      }),
    ],
  ])('is refused with %s', async (_what, why, changes) => {
    expect(await saidOf(sealedParcel(changes()))).toEqual([expect.stringMatching(why), expect.stringMatching(why)]);
  });

  it.each<[string, (sealed: unknown) => object]>([
    ['states another encrypted clip', (sealed) => ({ sealed: { ...Object(sealed), clipSha256: sha256Hex('other') } })],
    ['states another key', (sealed) => ({ sealed: { ...Object(sealed), contentKey: 'A'.repeat(107) } })],
    ['states other facts', (sealed) => ({ sealed: { ...Object(sealed), facts: {} } })],
    ['does not state encryption', () => ({ sealed: undefined })],
  ])('is refused in a dispute where the statement %s than the manifest', async (_what, change) => {
    const { manifestToken, grant } = sealedParcel();
    const changed = change(claimsOf(manifestToken)['sealed']);
    const { statement, certificate } = fixture.cast.statement(manifestToken, grant, { statement: changed });
    const papers = JSON.stringify({ manifest: manifestToken, certificate });
    expect(await verdict(clip, statement, papers)).toMatch(/statement and manifest differ about the clip/);
  });

  it('is refused by the statement alone, too, if that discloses facts in plain besides', async () => {
    const { statement } = sealedParcel({ manifest: { disclosed: { address: '12 Elm Street, Springfield' } } });
    expect(await verdict(clip, statement)).toMatch(/it discloses facts that are not encrypted/);
  });
});
