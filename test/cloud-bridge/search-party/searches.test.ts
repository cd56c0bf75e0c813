// Who may post a search and how often, what happens to the photo, what is retained at a real broker, and how a search ends.
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { cellsAround } from '../../../device/contract/area-cells.ts';
import { fromBase64url, toBase64url } from '../../../device/contract/bytes.ts';
import { plainJpegSize } from '../../../device/contract/plain-jpeg.ts';
import { openSearch, PHOTO_BYTES_MAX, PHOTO_SIDE_MAX, SearchDocument } from '../../../device/contract/search.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { drawDogPhoto } from '../../../sim/porch/dog-art.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { collector, startBroker } from '../../support/broker.ts';
import { claimsOf, makeParty, type Party, textClaim } from '../../support/parties.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';

let fixture: BridgeFixture;
let searching: Searching;
let home: Party;
beforeAll(async () => {
  fixture = await BridgeFixture.open();
});
afterAll(() => fixture.close());
/** Each test has its own poster and home, because limits are counted by home. */
beforeEach(() => moveIn());

async function moveIn(): Promise<void> {
  searching = new Searching(fixture.cast);
  home = makeParty('device', new SystemRandom());
  await fixture.enrol(home);
}

const pairing = (device = home, key = searching.poster.key.publicKey) =>
  fixture.cast.pairing({ device: device.id, key }, device);

async function post(search: string, photo: Uint8Array = BARE_JPEG, word = pairing()): Promise<string> {
  const body = { search, photo: toBase64url(photo), pairing: word };
  const answer = await fixture.post('/v1/search-party/searches', body);
  return answer.status === 201 ? String(answer.body['state']) : `${answer.body['code']}: ${answer.body['title']}`;
}

async function end(search: string, by = searching.poster): Promise<string> {
  const id = textClaim(search, 'jti');
  const answer = await fixture.post(
    `/v1/search-party/searches/${id}/end`,
    {},
    searching.call({ action: 'end', search: id }, by),
  );
  return String(answer.body['state'] ?? answer.body['code']);
}

describe('a search', () => {
  it.each(['request-1', 'pet-1'])('is refused under the id %s, which is not one of a search', async (jti) => {
    expect(await post(searching.search({ jti }))).toMatch(/^id_kind_wrong/);
  });

  it('is published once, and the same bytes again change nothing', async () => {
    const search = searching.search();
    expect([await post(search), await post(search)]).toEqual(['open', 'open']);
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    [
      'by somebody without a home here',
      () => post(searching.search(), BARE_JPEG, pairing(fixture.cast.device)),
      /^search_poster_unknown.*enrolled/,
    ],
    [
      'under another’s name',
      () => post(searching.search(), BARE_JPEG, pairing(home, fixture.cast.owner.key.publicKey)),
      /^search_poster_unknown.*another key/,
    ],
    [
      'with a certificate that the device did not sign',
      () => post(searching.search(), BARE_JPEG, forged()),
      /^search_poster_unknown.*invalid/,
    ],
    ['for another bridge', () => post(searching.search({ aud: 'bridge-none' })), /^token_wrong_audience/],
    [
      'that lives too long',
      () => post(searching.search({ exp: fixture.cast.nowS() + 6 * 3600 + 60 })),
      /^search_limits.*21600/,
    ],
    [
      'that is over',
      () => post(searching.search({ iat: fixture.cast.nowS() - 100, exp: fixture.cast.nowS() - 1 })),
      /^search_limits/,
    ],
    [
      'dated yesterday',
      () => post(searching.search({ iat: fixture.cast.nowS() - 24 * 3600 })),
      /^search_limits.*dated/,
    ],
    ['that looks back for days', () => post(searching.search({ window: back(48) })), /^search_limits.*back/],
    [
      'with another photo than was signed',
      () => post(searching.search({ photoSha256: '0'.repeat(64) })),
      /^search_photo_invalid.*signed/,
    ],
    [
      'with a photo that has EXIF',
      async () => post(...(await withPhoto(await smallWithExif()))),
      /^search_photo_invalid/,
    ],
    [
      'with a photo that is not plain',
      async () => post(...(await withPhoto(new Uint8Array([...BARE_JPEG, 1])))),
      /^search_photo_invalid.*plain/,
    ],
    ['for a person', () => post(searching.search({ kind: 'person' } as never)), /^token_unknown_claims/],
  ])('%s is refused', async (_what, refused, words) => {
    expect(await refused()).toMatch(words);
  });

  const smallWithExif = async () =>
    new Uint8Array(
      await sharp(await drawDogPhoto())
        .resize(100)
        .keepExif()
        .jpeg()
        .toBuffer(),
    );
  const forged = () =>
    fixture.cast.pairing(
      { device: home.id, key: searching.poster.key.publicKey, iss: home.key.publicKey },
      fixture.cast.device,
    );
  const back = (hours: number) => {
    const nowUs = fixture.cast.nowS() * 1_000_000;
    return { startUs: nowUs - hours * 3_600_000_000, endUs: nowUs };
  };
  const withPhoto = async (photo: Uint8Array): Promise<[string, Uint8Array]> => [
    searching.search({ photoSha256: sha256Hex(photo) }),
    photo,
  ];

  it('may be open once for a home, whichever of its owners posts, and posted three times a day', async () => {
    const [first, second] = [searching.search(), searching.search()];
    expect([await post(first), await post(second)]).toEqual([
      'open',
      expect.stringMatching(/^search_limits.*open search/),
    ]);
    expect([await end(first), await post(second), await end(second)]).toEqual(['ended', 'open', 'ended']);
    const third = searching.search();
    expect([await post(third), await end(third)]).toEqual(['open', 'ended']);
    expect(await post(searching.search())).toMatch(/^search_limits.*of the day/);
    fixture.clock.shiftS += 24 * 3600 + 1;
    expect(await post(searching.search())).toBe('open');
    fixture.clock.shiftS = 0;
  });

  it('is ended by its poster alone, permanently', async () => {
    const search = searching.search();
    await post(search);
    expect(await end(search, fixture.cast.owner)).toBe('search_not_open');
    expect([await end(search), await end(search)]).toEqual(['ended', 'ended']);
    expect(await end(searching.search())).toBe('search_not_open');
    expect(await post(search)).toBe('ended');
  });
});

describe('a photo', () => {
  const plain = async (photo: Uint8Array, type = 'image/jpeg', bearer = call()) => {
    const headers = { 'content-type': type, authorization: `Bearer ${bearer}` };
    const { status, body } = await fixture.send('POST', '/v1/search-party/photos', headers, new Uint8Array(photo));
    return status === 201 ? fromBase64url(String(body['photo'])) : `${body['code']}: ${body['title']}`;
  };
  const call = (by = searching.poster) => searching.call({ action: 'photo', pairing: pairing() }, by);

  it('is returned as a small plain picture without EXIF, whatever its format was', async () => {
    const jpeg = await drawDogPhoto();
    expect((await sharp(jpeg).metadata()).exif?.includes('Telephone')).toBe(true);
    for (const photo of [
      jpeg,
      await sharp(jpeg).png().toBuffer(),
      await sharp(jpeg).keepMetadata().webp().toBuffer(),
    ]) {
      const bytes = await plain(photo, 'image/png');
      if (!(bytes instanceof Uint8Array)) throw new Error(String(bytes));
      expect(bytes.length).toBeLessThanOrEqual(PHOTO_BYTES_MAX);
      expect(plainJpegSize(bytes)).toEqual({ width: PHOTO_SIDE_MAX, height: 229 });
      const facts = await sharp(bytes).metadata();
      expect([facts.exif, facts.icc, facts.xmp, facts.iptc, facts.comments]).toEqual(Array(5).fill(undefined));
    }
  });

  it('is rotated as its EXIF orientation says', async () => {
    const photo = await sharp({ create: { width: 200, height: 100, channels: 3, background: '#613615' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const bytes = await plain(photo);
    expect(bytes instanceof Uint8Array && plainJpegSize(bytes)).toEqual({ width: 100, height: 200 });
  });

  it('that is noise is made small, too', async () => {
    const noise = new Uint8Array(new SystemRandom().bytes(320 * 320 * 3));
    const bytes = await plain(
      await sharp(noise, { raw: { width: 320, height: 320, channels: 3 } })
        .png()
        .toBuffer(),
    );
    expect(bytes instanceof Uint8Array ? bytes.length <= PHOTO_BYTES_MAX : bytes).toSatisfy(
      (found) => found === true || /^search_photo_invalid.*small/.test(String(found)),
    );
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['nothing that can be read', () => plain(new Uint8Array(5_000).fill(7)), /^search_photo_invalid/],
    [
      'an SVG',
      () =>
        plain(
          new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>'),
          'image/svg',
        ),
      /^search_photo_invalid/,
    ],
    ['a picture of a billion pixels', async () => plain(await hugePng()), /^search_photo_invalid/],
    ['cut short', async () => plain((await drawDogPhoto()).subarray(0, 9_000)), /^search_photo_invalid/],
    [
      'by somebody without a home here',
      () => plain(BARE_JPEG, 'image/jpeg', call(fixture.cast.owner)),
      /^search_poster_unknown/,
    ],
    [
      'with a call for something else',
      () => plain(BARE_JPEG, 'image/jpeg', searching.call({ action: 'see', clip: 'all' })),
      /^token_unknown_claims/,
    ],
    ['without a call', () => plain(BARE_JPEG, 'image/jpeg', 'none'), /^(token_malformed|http_unauthorised)/],
    [
      'sent as something else',
      () => plain(new TextEncoder().encode('{}'), 'application/json'),
      /^search_photo_invalid.*image/,
    ],
    ['larger than a photo', () => plain(new Uint8Array(8_000_001)), /^http_/],
  ])('that is %s is refused', async (_what, refused, words) => {
    expect(await refused()).toMatch(words);
  });

  it('is accepted at its own route and no other', async () => {
    const headers = { 'content-type': 'image/jpeg', authorization: `Bearer ${call()}` };
    const answer = await fixture.send('POST', '/v1/search-party/searches', headers, new Uint8Array(BARE_JPEG));
    expect([answer.status, String(answer.body['code'])]).toEqual([expect.any(Number), expect.stringMatching(/^http_/)]);
  });

  /** A file of a few kilobytes that declares 30,000 by 30,000 pixels. */
  async function hugePng(): Promise<Uint8Array> {
    const png = new Uint8Array(
      await sharp({ create: { width: 8, height: 8, channels: 3, background: '#000' } })
        .png()
        .toBuffer(),
    );
    new DataView(png.buffer, png.byteOffset).setUint32(16, 30_000);
    new DataView(png.buffer, png.byteOffset).setUint32(20, 30_000);
    return png;
  }
});

it('a search is refused where too many pets are being searched for', async () => {
  await fixture.close();
  fixture = await BridgeFixture.open({ bridge: { searchParty: { openPerHome: 2, openPerCellMax: 1 } } });
  await moveIn();
  expect([await post(searching.search()), await post(searching.search())]).toEqual([
    'open',
    expect.stringMatching(/^search_limits.*in that area/),
  ]);
});

describe('the board', () => {
  it('shows an open search in its cell and the adjacent ones, then that it ended, and nothing once it has expired', async () => {
    await fixture.close();
    const broker = await startBroker();
    fixture = await BridgeFixture.open({ areaUrl: broker.url, accounts: broker.accounts });
    await moveIn();
    const link = await broker.link({ role: 'device-area', id: home.id });
    const { areaSearches, areaRequests } = topicsUnder(DEFAULT_PREFIX);
    const around = cellsAround(fixture.cast.cell);
    const inbox = collector<{ topic: string; text: string }>();
    const topics = [...around.map((cell) => areaSearches(cell, 1)), areaRequests(fixture.cast.cell, 1)];
    link.start();
    link.subscribe(topics, ({ topic, payload }) => inbox.take({ topic, text: new TextDecoder().decode(payload) }));
    try {
      const search = searching.search();
      await post(search);
      for (const _cell of around) {
        const { topic, text } = await inbox.next();
        const document = SearchDocument.parse(claimsOf(text));
        expect(topic).toBe(areaSearches(document.cell, 1));
        const [{ photo, ...papers } = { photo: '', search: '', publication: '' }] = document.searches;
        const trust = { bridgeKey: fixture.cast.bridge.key.publicKey };
        expect(openSearch(papers, trust, { verify: verifySignature, sha256Hex })).toMatchObject({
          ok: true,
          opened: { requestToken: search },
        });
        expect(fromBase64url(photo)).toEqual(BARE_JPEG);
        // The poster is known by a key alone, which does not disclose the home.
        expect(text + JSON.stringify(claimsOf(text))).not.toContain(home.id);
      }
      await end(search);
      for (const _cell of around) {
        const document = SearchDocument.parse(claimsOf((await inbox.next()).text));
        expect([document.searches, document.ended]).toEqual([[], [textClaim(search, 'jti')]]);
      }
    } finally {
      await link.stop();
      await broker.stop();
    }
  });
});
