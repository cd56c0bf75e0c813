// Exactly the granted facts about a home leave it; the claims of a manifest.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { buildManifest, disclose } from '../../../device/clip/disclosure.ts';
import type { CutFacts } from '../../../device/clip/finished-clip.ts';
import type { LiveGrant } from '../../../device/consent/live-grant.ts';
import { actorId } from '../../../device/contract/ids.ts';
import { Manifest } from '../../../device/contract/manifest.ts';
import { type DisclosedValues, DisclosureKey } from '../../../device/contract/shared-claims.ts';
import { liveGrantFor } from '../../support/live-grant.ts';

const window = { startUs: 1_800_000_000_000_000, endUs: 1_800_000_010_000_000 };
const VALUES = { name: 'R. Ash', address: '1 Elm St', email: 'ash@home.example', phone: '555-0100' };

const clip: CutFacts = {
  sizeBytes: 1234,
  frames: 150,
  coverage: window,
  gaps: [],
  audioPackets: 0,
  method: 'smart-cut',
  encodedFrames: 7,
  redacted: false,
};

describe('disclose', () => {
  it('gives exactly the granted keys, for every set of keys', () => {
    for (let set = 0; set < 16; set += 1) {
      const keys = DisclosureKey.options.filter((_, at) => (set >> at) & 1);
      const { live } = liveGrantFor({ window, disclose: keys });
      const expected = Object.fromEntries(keys.map((key) => [key, VALUES[key]]));
      expect(disclose(live, VALUES)).toStrictEqual(expected);
    }
  });

  it('refuses a granted key without a value, rather than leaving it out', () => {
    const { live } = liveGrantFor({ window, disclose: ['address', 'email'] });
    expect(() => disclose(live, { address: '1 Elm St' })).toThrow(
      expect.objectContaining({ code: 'consent_disclosure_missing', facts: { key: 'email' } }),
    );
    expect(() => disclose(live, Object.create(VALUES) as DisclosedValues)).toThrow(/holds no value/);
  });

  it('refuses a grant that is not live', () => {
    const clock = new ManualClock(window.startUs);
    const { live, end } = liveGrantFor({ window, disclose: ['name'], clock });
    end('it was revoked');
    expect(() => disclose(live, VALUES)).toThrow(expect.objectContaining({ code: 'grant_dead' }));
    expect(() => disclose({ ...live } as LiveGrant, VALUES)).toThrow(expect.objectContaining({ code: 'grant_dead' }));
  });
});

describe('a manifest', () => {
  const parts = {
    clipId: 'clip-1',
    clip,
    clipSha256: 'a'.repeat(64),
    device: { id: 'device-1', publicKey: 'A'.repeat(43) },
    iat: 1_800_000_100,
  };

  it('follows the contract’s schema and names the grant, the request and the clip', () => {
    const { live } = liveGrantFor({ window, disclose: ['email'] });
    const manifest = buildManifest(live, { ...parts, disclosed: disclose(live, VALUES) });
    expect(Manifest.parse(manifest)).toStrictEqual(manifest);
    expect(manifest).toMatchObject({
      aud: 'agency' in live.facts.request && live.facts.request.agency,
      request: live.facts.request.jti,
      grant: live.facts.grantToken,
      pairing: live.facts.pairingToken,
      window,
      clipBytes: 1234,
      frames: 150,
      method: 'smart-cut',
      encodedFrames: 7,
    });
    expect(manifest.disclosed).toStrictEqual({ email: VALUES.email });
  });

  it('has exactly these claims', () => {
    const { live } = liveGrantFor({ window, disclose: ['email'], audio: true });
    const { grant, request, grantToken, pairingToken } = live.facts;
    const cut = { ...clip, gaps: [window], audioPackets: 3, redacted: true };
    expect(buildManifest(live, { ...parts, clip: cut, disclosed: { email: VALUES.email } })).toStrictEqual({
      ...{ iss: parts.device.publicKey, aud: actorId('agency', sha256Hex(grant.recipient.key)), iat: parts.iat },
      ...{ jti: 'clip-1', device: 'device-1', request: request.jti, grant: grantToken, pairing: pairingToken },
      ...{ clipSha256: parts.clipSha256, clipBytes: 1_234, window, frames: 150, coverage: window, gaps: [window] },
      ...{ audioPackets: 3, method: 'smart-cut', encodedFrames: 7, redacted: true },
      disclosed: { email: VALUES.email },
    });
  });

  it('is made only under a live grant', () => {
    const { live, end } = liveGrantFor({ window, disclose: ['email'] });
    end('it was revoked');
    expect(() => buildManifest(live, { ...parts, disclosed: VALUES })).toThrow(
      expect.objectContaining({ code: 'grant_dead' }),
    );
  });

  it('never discloses more than was granted, whatever values it gets', () => {
    const { live } = liveGrantFor({ window, disclose: ['email'] });
    expect(buildManifest(live, { ...parts, disclosed: VALUES }).disclosed).toStrictEqual({ email: VALUES.email });
  });
});
