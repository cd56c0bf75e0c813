// The device compares its own motion events by itself, tells its gate alone, and forgets what must be forgotten. On real
// footage through a real ffmpeg: the drawn porch with a dog on it, and with somebody who rings.
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { type Ffmpeg, findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import type { ReceivedSearch } from '../../../device/consent/gate-interfaces.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import type { Sighted } from '../../../device/contract/home-messages.ts';
import { plainJpegSize } from '../../../device/contract/plain-jpeg.ts';
import type { PetKind } from '../../../device/contract/search.ts';
import { ColourAndSize } from '../../../device/search-party/colour-and-size.ts';
import { encodeStill, SearchParty } from '../../../device/search-party/search-party.ts';
import { Recorder } from '../camera/support/recorder.ts';
import { BLUE, BROWN, petPhoto, type Rgb } from './pictures.ts';

let ffmpeg: Ffmpeg;
let dog: Segment[];
let visitor: Segment[];
beforeAll(async () => {
  ffmpeg = await findFfmpeg();
  const shot = async (play: string) =>
    (await new Recorder(ffmpeg, `synthetic?play=${play}&pace=fast&seconds=13&size=320x180&audio=off`).whole()).segments;
  [dog, visitor] = [await shot('dog'), await shot('visitor')];
}, 30_000);

let footage: Segment[];
let isOn: boolean;
let seen: ({ search: string } & Sighted)[];
let settled: number;
let party: SearchParty;
beforeEach(async () => {
  [footage, isOn, seen, settled] = [dog, true, [], 0];
  party = new SearchParty({
    ffmpeg,
    clock: new SystemClock(),
    log: silentLog(),
    model: new ColourAndSize(),
    segments: async function* (window) {
      yield* footage.filter(({ startUs, endUs }) => endUs > window.startUs && startUs < window.endUs);
    },
    isOn: () => isOn,
    settled: async () => {
      settled += 1;
    },
    sighted: async (search, one) => void seen.push({ search, ...one }),
  });
  await party.start();
});
afterEach(() => party.stop());

async function search(colour: Rgb = BROWN, jti = 'search-1', kind: PetKind = 'dog'): Promise<ReceivedSearch> {
  const photo = await encodeStill(petPhoto(colour));
  const startUs = startOf(footage);
  const request = { jti, kind, photoSha256: sha256Hex(photo), window: { startUs, endUs: startUs + 60_000_000 } };
  return { request, photo: toBase64url(photo) } as ReceivedSearch;
}

const startOf = (segments: readonly Segment[]) => segments[0]?.startUs ?? 0;

/** Motion from the 7th second to the 12th, with a press only on request. */
function move(cause: 'motion' | 'ring' = 'motion', [from, to] = [7.2, 12]): void {
  const at = (second: number) => startOf(footage) + second * 1_000_000;
  party.happened({ type: 'motion-start', zones: [] }, at(from));
  party.happened({ type: 'event-window', cause, window: { startUs: at(from - 2), endUs: at(to + 1) } }, at(to + 1));
}

it('a searched dog is found in motion from before the search as after it', async () => {
  move();
  party.searches([await search()]);
  await party.idle();
  party.searches([await search(), await search(BROWN, 'search-2')]);
  await party.idle();
  expect(seen.map((one) => one.search)).toEqual(['search-1', 'search-2']);
  const [first] = seen;
  const [startS, endS, stillS] = [first?.window.startUs, first?.window.endUs, first?.stillUs].map(
    (us) => ((us ?? 0) - startOf(footage)) / 1e6,
  );
  expect([startS, endS]).toEqual([expect.closeTo(7.5, -0.3), expect.closeTo(11.5, -0.3)]);
  // The still names an existing frame: a grant of exactly that moment holds one frame.
  const frameTimes = Array.from({ length: 13 * 15 }, (_, frame) => Math.round((frame * 1e6) / 15));
  expect(frameTimes.some((us) => Math.abs(us - (stillS ?? 0) * 1e6) <= 1)).toBe(true);
  expect(first?.likeness).toBeGreaterThan(0.7);
  const still = party.still('search-1');
  expect([still?.atUs, still && plainJpegSize(still.jpeg)]).toEqual([first?.stillUs, { width: 320, height: 180 }]);
  expect(settled).toBe(2);
}, 20_000);

describe('nothing is reported', () => {
  it.each<[string, () => Promise<void> | void, () => Promise<ReceivedSearch>]>([
    ['of a pet of other colours', () => move(), () => search(BLUE)],
    ['of a photo that cannot be decoded', () => move(), async () => ({ ...(await search()), photo: 'AAAA' })],
    ['of a window in which somebody rang', () => move('ring'), () => search()],
    ['of motion before the loss', () => move(), async () => later(await search())],
    ['without motion', () => undefined, () => search()],
    ['of somebody who comes to the door', () => visit(), () => search([189, 84, 51])],
  ])('%s', async (_what, happen, make) => {
    party.searches([await make()]);
    await happen();
    await party.idle();
    expect([seen, party.still('search-1')]).toEqual([[], null]);
  });

  const later = (one: ReceivedSearch): ReceivedSearch => {
    const startUs = startOf(footage) + 30_000_000;
    return { ...one, request: { ...one.request, window: { startUs, endUs: startUs + 60_000_000 } } };
  };
  function visit(): void {
    footage = visitor;
    move('motion', [0.5, 12]);
  }

  it('while Search Party is off, and that time’s motion is not examined later', async () => {
    isOn = false;
    move();
    isOn = true;
    party.searches([await search()]);
    await party.idle();
    expect([seen, settled]).toEqual([[], 0]);
  });

  it('once Search Party is turned off, though a comparison was running', async () => {
    party.searches([await search()]);
    move();
    isOn = false;
    party.searches([]);
    await party.idle();
    expect([seen, party.still('search-1')]).toEqual([[], null]);
  });
});

describe('a still is gone', () => {
  beforeEach(async () => {
    move();
    party.searches([await search()]);
    await party.idle();
    expect(party.still('search-1')).not.toBeNull();
  });

  it('with its footage, and no other', () => {
    const startUs = startOf(footage);
    party.forget({ startUs, endUs: startUs + 1_000_000 });
    expect(party.still('search-1')).not.toBeNull();
    party.forget({ startUs, endUs: startUs + 13_000_000 });
    expect(party.still('search-1')).toBeNull();
  });

  it('with its search', () => {
    party.searches([]);
    expect(party.still('search-1')).toBeNull();
  });
});
