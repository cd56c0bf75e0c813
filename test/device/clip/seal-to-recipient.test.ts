// What a clip is encrypted with holds exactly the granted facts, opens for its recipient under its own grant alone, and its manifest tells
// nobody else a word of them.
import { describe, expect, it } from 'vitest';
import { decryptWith, generateSealingKey, type SealingKeyPair } from '../../../device/base/hpke.ts';
import { sha256, sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { buildManifest } from '../../../device/clip/disclosure.ts';
import type { CutFacts } from '../../../device/clip/finished-clip.ts';
import { contentsOf, sealedClaims } from '../../../device/clip/seal-to-recipient.ts';
import type { LiveGrant } from '../../../device/consent/live-grant.ts';
import { fromBase64url, toBase64url } from '../../../device/contract/bytes.ts';
import { SALT_BYTES } from '../../../device/contract/commitment.ts';
import { Manifest } from '../../../device/contract/manifest.ts';
import {
  areNamed,
  contentKeyInfo,
  readContents,
  SealedClip,
  type SealedContents,
  sealedBytesOf,
  writeContents,
} from '../../../device/contract/sealing.ts';
import { DisclosureKey } from '../../../device/contract/shared-claims.ts';
import { liveGrantFor } from '../../support/live-grant.ts';

const random = new SystemRandom();
const window = { startUs: 1_800_000_000_000_000, endUs: 1_800_000_010_000_000 };
const VALUES = { name: 'R. Ash', address: '1 Elm St', email: 'ash@home.example', phone: '555-0100' };
const zones = [{ left: 4_321, top: 10, width: 5_000, height: 20 }];
const recipient = generateSealingKey(random);
const sealing = { key: recipient.publicKey, keeper: 'vault' } as const;
const dead = expect.objectContaining({ code: 'grant_dead' });

/** The contents under a grant that encrypts its clip. */
function madeOf(live: LiveGrant): SealedContents {
  const contents = contentsOf(live, VALUES, random);
  if (!contents) throw new Error('the grant encrypts nothing');
  return contents;
}

describe('the contents', () => {
  it('are exactly the granted facts and zones, with a salt for each, for every set of facts', () => {
    for (let set = 0; set < 16; set += 1) {
      const disclose = DisclosureKey.options.filter((_, at) => (set >> at) & 1);
      const granted = set % 2 ? zones : [];
      const contents = madeOf(liveGrantFor({ window, disclose, zones: granted, sealing }).live);
      expect(contents.disclosed).toStrictEqual(Object.fromEntries(disclose.map((key) => [key, VALUES[key]])));
      expect(contents.zones).toStrictEqual(granted);
      expect(Object.keys(contents.salts)).toEqual([...disclose, 'zones']);
      const salts = Object.values(contents.salts);
      expect(new Set(salts).size).toBe(disclose.length + 1);
      expect(salts.map((salt) => fromBase64url(salt ?? '')?.length)).toEqual(salts.map(() => SALT_BYTES));
      expect(readContents(writeContents(contents))).toStrictEqual(contents);
    }
  });

  it('are none for a grant that encrypts nothing', () => {
    expect(contentsOf(liveGrantFor({ window, disclose: ['name'], zones }).live, VALUES, random)).toBeNull();
  });

  it('have new salts each time', () => {
    const { live } = liveGrantFor({ window, disclose: ['name', 'email'], zones, sealing });
    const [one, other] = [madeOf(live), madeOf(live)];
    expect(one.disclosed).toStrictEqual(other.disclosed);
    expect(new Set([...Object.values(one.salts), ...Object.values(other.salts)]).size).toBe(6);
  });

  it('are refused where a granted fact has no value', () => {
    const { live } = liveGrantFor({ window, disclose: ['address', 'email'], sealing });
    expect(() => contentsOf(live, { address: '1 Elm St' }, random)).toThrow(
      expect.objectContaining({ code: 'consent_disclosure_missing', facts: { key: 'email' } }),
    );
  });
});

const contentKey = generateSealKey(random);
const home = 'home-1';
const inner = { clipSha256: 'b'.repeat(64), clipBytes: 1_234, contentKey, home };

describe('the claims of an encrypted clip', () => {
  const { live } = liveGrantFor({ window, disclose: ['name', 'email'], zones, sealing });
  const contents = madeOf(live);
  const claims = sealedClaims(live, contents, inner, random);
  const grantSha256 = sha256Hex(live.facts.grantToken);
  const message = fromBase64url(claims.contentKey) ?? new Uint8Array();
  const opened = (by: SealingKeyPair, grant: string, sealed = message, stated = home) =>
    decryptWith(by, sealed, { info: contentKeyInfo({ home: stated, grantSha256: grant }) });

  it('fit the contract, and name clip, key, grant and contents', () => {
    expect(SealedClip.parse(claims)).toStrictEqual(claims);
    expect(claims).toMatchObject({ clipSha256: inner.clipSha256, clipBytes: 1_234, recipientKey: recipient.publicKey });
    expect(claims.grantSha256).toBe(grantSha256);
    expect(areNamed(contents, claims, sha256)).toBe(true);
    expect(areNamed(madeOf(live), claims, sha256)).toBe(false);
  });

  it('hold the content key for the recipient’s private key, bound to grant and statement', () => {
    expect(opened(recipient, grantSha256)).toEqual(contentKey.secret);
    expect(claims.contentKey).not.toContain(toBase64url(contentKey.secret));
  });

  it.each<[string, () => Uint8Array | null]>([
    ['another key', () => opened(generateSealingKey(random), grantSha256)],
    ['the hash of another grant', () => opened(recipient, sha256Hex('another grant'))],
    ['the grant itself instead of its hash', () => opened(recipient, live.facts.grantToken)],
    ['no grant', () => opened(recipient, '')],
    ['the statement of another key', () => opened(recipient, grantSha256, message, 'home-2')],
    ['no binding at all', () => decryptWith(recipient, message, { info: new Uint8Array() })],
    ['a part of it', () => opened(recipient, grantSha256, message.subarray(0, -1))],
  ])('do not open with %s', (_what, open) => {
    expect(open()).toBeNull();
  });

  it('encrypt the key anew each time', () => {
    const again = sealedClaims(live, contents, inner, random);
    expect(again.contentKey).not.toBe(claims.contentKey);
    expect({ ...again, contentKey: '' }).toStrictEqual({ ...claims, contentKey: '' });
  });

  it('are refused for a key of low order', () => {
    const low = liveGrantFor({ window, sealing: { key: toBase64url(new Uint8Array(32)), keeper: 'recipient' } }).live;
    expect(() => sealedClaims(low, madeOf(low), inner, random)).toThrow(
      expect.objectContaining({ code: 'consent_sealing_key' }),
    );
  });
});

describe('the manifest of an encrypted clip', () => {
  const clip: CutFacts = {
    ...{ sizeBytes: inner.clipBytes, frames: 150, coverage: window, gaps: [], audioPackets: 0 },
    ...{ method: 're-encode', encodedFrames: 150, redacted: true },
  };
  const { live } = liveGrantFor({ window, disclose: DisclosureKey.options, zones, sealing });
  const contents = madeOf(live);
  const claims = sealedClaims(live, contents, inner, random);
  const manifest = buildManifest(live, {
    ...{ clipId: 'clip-1', clip, clipSha256: inner.clipSha256, disclosed: contents.disclosed },
    sealed: { sha256: 'd'.repeat(64), bytes: sealedBytesOf(inner.clipBytes), claims },
    ...{ device: { id: 'device-1', publicKey: 'A'.repeat(43) }, iat: 1_800_000_100 },
  });

  it('names the encrypted file, and the clip in it', () => {
    expect(Manifest.parse(manifest)).toStrictEqual(manifest);
    expect(manifest).toMatchObject({ clipSha256: 'd'.repeat(64), clipBytes: sealedBytesOf(1_234), sealed: claims });
    expect(manifest.disclosed).toStrictEqual({});
  });

  it('has no word of what it discloses, no salt and no key', () => {
    // The grant in it, which only owner and bridge see, names zones; so it is left out here.
    const text = JSON.stringify({ ...manifest, grant: '' });
    const secrets = [...Object.values(VALUES), ...Object.values(contents.salts), toBase64url(contentKey.secret)];
    for (const secret of [...secrets, '4321,', '"left"']) expect(text).not.toContain(secret);
    expect(Buffer.from(text).includes(Buffer.from(contentKey.secret))).toBe(false);
    const grantClaims = Buffer.from(manifest.grant.split('.')[1] ?? '', 'base64url').toString('utf8');
    for (const secret of secrets) expect(grantClaims).not.toContain(secret);
  });

  it('of a clip that is not encrypted says nothing of encryption', () => {
    const plain = liveGrantFor({ window, disclose: ['email'] }).live;
    const parts = {
      ...{ clipId: 'clip-1', clip: { ...clip, redacted: false }, clipSha256: inner.clipSha256, disclosed: VALUES },
      ...{ device: { id: 'device-1', publicKey: 'A'.repeat(43) }, iat: 1_800_000_100 },
    };
    expect(buildManifest(plain, { ...parts, sealed: null })).toStrictEqual(buildManifest(plain, parts));
    expect(Object.keys(buildManifest(plain, parts))).not.toContain('sealed');
  });
});

describe('under a dead grant', () => {
  it.each<[string, (live: LiveGrant, contents: SealedContents) => unknown]>([
    ['no contents are made', (live) => contentsOf(live, VALUES, random)],
    ['no content key is encrypted', (live, contents) => sealedClaims(live, contents, inner, random)],
  ])('%s', (_what, make) => {
    const { live, end } = liveGrantFor({ window, disclose: ['name'], sealing });
    const contents = madeOf(live);
    expect(() => make({ ...live } as LiveGrant, contents)).toThrow(dead);
    end('it was revoked');
    expect(() => make(live, contents)).toThrow(dead);
  });

  it('nothing is said either where it encrypts nothing', () => {
    const { live, end } = liveGrantFor({ window });
    end('it was revoked');
    expect(() => contentsOf(live, VALUES, random)).toThrow(dead);
  });
});
