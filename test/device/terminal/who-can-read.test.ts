// The terminal says who can read a clip: before it is granted by the newest credential or the search, afterwards by its receipt.
import { expect, it } from 'vitest';
import { ManualClock, wallSeconds } from '../../../device/base/clock.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { ReceiptClip } from '../../../device/contract/home-messages.ts';
import { readNotice } from '../../../device/contract/read-request-notice.ts';
import { readSighting } from '../../../device/contract/read-sighting.ts';
import type { ClipKeeper } from '../../../device/contract/sealing.ts';
import { showNotice, showSighting } from '../../../device/terminal/owner-requests.ts';
import { showClip } from '../../../device/terminal/who-can-read.ts';
import { Cast } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';

const clock = new ManualClock(1_790_000_000_000_000);
const cast = new Cast(clock);
const searching = new Searching(cast);
const random = new SystemRandom();
const reading = { nowS: wallSeconds(clock), sha256Hex, verify: verifySignature };
const trust = {
  device: cast.device.id,
  bridgeKey: cast.bridge.key.publicKey,
  registryKey: cast.registry.key.publicKey,
};
const sealingBy = (keeper: ClipKeeper | undefined) =>
  keeper === undefined ? {} : { sealing: { key: generateSealingKey(random).publicKey, keeper } };
const readersIn = (lines: string[]) => lines.filter((line) => line.startsWith('  can read  '));

it.each([
  [undefined, 'its recipient, you, and the bridge that carries it'],
  ['vault', 'only the agency’s vault and officers, and you: nobody on the way, not even the bridge'],
  ['recipient', 'only the agency’s officers, and you: nobody on the way, not even the bridge'],
] as const)('of a request whose clips the %s opens', (keeper, readers) => {
  const published = cast.published(undefined, cast.credential(sealingBy(keeper)));
  const notice = { device: cast.device.id, published, wouldDisclose: {}, askedKeys: [], coverage: [] };
  const lines = showNotice(readNotice(JSON.stringify(notice), trust, reading));
  expect(readersIn(lines)).toEqual([`  can read  ${readers}`]);
});

it.each([
  [undefined, 'its recipient, you, and the bridge that carries it'],
  ['recipient', 'only the neighbour who searches, and you: nobody on the way, not even the bridge'],
] as const)('of a sighting whose clips the %s opens', (keeper, readers) => {
  const search = searching.search(sealingBy(keeper));
  const startUs = cast.nowS() * 1_000_000 - 60_000_000;
  const sighted = [{ window: { startUs, endUs: startUs + 5_000_000 }, stillUs: startUs, likeness: 0.7 }];
  const papers = { search, publication: searching.publication(search) };
  const notice = { device: cast.device.id, papers, sighted, wouldDisclose: {} };
  const lines = showSighting(readSighting(JSON.stringify(notice), trust, reading));
  expect(readersIn(lines)).toEqual([`  can read  ${readers}`]);
});

it('of a sent clip names the clip itself and, if it was encrypted, the file that was sent', () => {
  const clip: ReceiptClip = {
    ...{ id: 'clip-a', sha256: 'a'.repeat(64), bytes: 20_000, frames: 30, method: 'copy', disclosed: [] },
    ...{ window: { startUs: 0, endUs: 1 }, manifestSha256: 'c'.repeat(64) },
  };
  expect(showClip(clip)).toBe(`30 frames, 20.0 kB, copy, sha256 ${clip.sha256}`);
  const sealed = { clipSha256: 'b'.repeat(64), clipBytes: 10_000, keeper: 'vault' } as const;
  expect(showClip({ ...clip, sealed })).toBe(
    `30 frames, 10.0 kB, copy, sha256 ${sealed.clipSha256}; sent encrypted: 20.0 kB, sha256 ${clip.sha256}`,
  );
});
