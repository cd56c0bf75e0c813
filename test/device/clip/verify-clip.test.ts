// With a clip and its manifest alone, without a bridge, one can verify that it is exactly what the owner granted, on one chain from the
// device over its owner.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { Window } from '../../../device/contract/shared-claims.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';

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
