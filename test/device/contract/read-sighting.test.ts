// Holds: the owner's side shows only what the poster signed and the bridge published, and nothing that does not verify.
import { beforeEach, expect, it } from 'vitest';
import { ManualClock, wallSeconds } from '../../../device/base/clock.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import type { SightingNotice } from '../../../device/contract/home-messages.ts';
import { readSighting } from '../../../device/contract/read-sighting.ts';
import { makeGrant } from '../../../device/owner/sign-owner-messages.ts';
import { Cast } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';

let clock: ManualClock;
let cast: Cast;
let searching: Searching;
beforeEach(() => {
  clock = new ManualClock(1_790_000_000_000_000);
  cast = new Cast(clock);
  searching = new Searching(cast);
});

function notice(changes: Partial<SightingNotice> = {}, search = searching.search()): SightingNotice {
  const startUs = cast.nowS() * 1_000_000 - 60_000_000;
  const sighted = [{ window: { startUs, endUs: startUs + 5_000_000 }, stillUs: startUs + 1_000_000, likeness: 0.7 }];
  const papers = { search, publication: searching.publication(search) };
  return { device: cast.device.id, papers, sighted, wouldDisclose: {}, ...changes };
}

function read(payload: SightingNotice | string) {
  const trust = {
    device: cast.device.id,
    bridgeKey: cast.bridge.key.publicKey,
    registryKey: cast.registry.key.publicKey,
  };
  return readSighting(typeof payload === 'string' ? payload : JSON.stringify(payload), trust, {
    nowS: wallSeconds(clock),
    sha256Hex,
    verify: verifySignature,
  });
}

function codeOf(payload: SightingNotice | string): unknown {
  try {
    return read(payload);
  } catch (thrown) {
    return isFailure(thrown) ? thrown.code : thrown;
  }
}

it('reads a sighting; a grant of it is for the poster, for the window of the sighting, and discloses nothing', () => {
  const sighting = read(notice());
  const { claims } = makeGrant({ key: cast.owner.key, clock, random: new SystemRandom() }, sighting);
  expect(claims).toMatchObject({
    recipient: { kind: 'neighbor', key: searching.poster.key.publicKey },
    window: sighting.sighted[0].window,
    disclose: [],
    audio: false,
    requestSha256: sighting.requestSha256,
  });
});

it('a grant of it encrypts the clip as the poster’s search says, and not otherwise', () => {
  const signer = { key: cast.owner.key, clock, random: new SystemRandom() };
  const sealing = { key: generateSealingKey(new SystemRandom()).publicKey, keeper: 'recipient' } as const;
  const key = searching.poster.key.publicKey;
  const sealed = makeGrant(signer, read(notice({}, searching.search({ sealing }))));
  expect(sealed.claims.recipient).toStrictEqual({ kind: 'neighbor', key, sealing });
  expect(makeGrant(signer, read(notice())).claims.recipient).toStrictEqual({ kind: 'neighbor', key });
});

it.each<[string, () => SightingNotice | string, string]>([
  ['what is no notice', () => '{}', 'token_malformed'],
  ['of another device', () => notice({ device: 'device-other' }), 'message_topic_mismatch'],
  ['with a publication of another bridge', () => ofOtherBridge(), 'token_unknown_signer'],
  [
    'with a publication of other bytes',
    () => withPublication({ searchSha256: '0'.repeat(64) }),
    'consent_request_changed',
  ],
  ['of a search that is over', () => notice({}, searching.search({ exp: cast.nowS() })), 'consent_request_expired'],
  [
    'from before the loss',
    () => notice({ sighted: [{ window: { startUs: 1, endUs: 2 }, stillUs: 1, likeness: 1 }] }),
    'consent_window_outside',
  ],
  ['without a moment', () => notice({ sighted: [] }), 'token_malformed'],
  [
    'that would disclose what was not asked for',
    () => notice({ wouldDisclose: { address: '1 Elm' } }),
    'consent_disclosure_beyond',
  ],
  ['with a pixel in it', () => ({ ...notice(), still: 'AAAA' }) as SightingNotice, 'token_malformed'],
  ['larger than a payload', () => `"${'x'.repeat(65_536)}"`, 'token_too_large'],
])('a sighting %s is not shown', (_what, make, code) => {
  expect(codeOf(make())).toBe(code);
});

const withPublication = (changes: object, by = cast.bridge) => {
  const search = searching.search();
  return notice({ papers: { search, publication: searching.publication(search, changes, by) } }, search);
};
const ofOtherBridge = () => withPublication({}, new Cast(clock).bridge);
