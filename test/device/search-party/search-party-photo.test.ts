// Only the plain small JPEG that was signed is decoded, whoever vouches for a photo.
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { plainJpegSize } from '../../../device/contract/plain-jpeg.ts';
import { PHOTO_BYTES_MAX } from '../../../device/contract/search.ts';
import { decodePhoto, encodeStill } from '../../../device/search-party/search-party.ts';
import { BARE_JPEG } from '../../support/searches.ts';
import { BROWN, petPhoto } from './pictures.ts';

const decode = (bytes: Uint8Array) => decodePhoto(toBase64url(bytes), sha256Hex(bytes));
const jpegOf = async (width: number, height: number, options: object = {}) =>
  new Uint8Array(
    await sharp({ create: { width, height, channels: 3, background: '#613615' } })
      .jpeg(options)
      .toBuffer(),
  );

describe('a photo', () => {
  it('that is plain is decoded, small enough to compare', async () => {
    const picture = await decode(await jpegOf(320, 200));
    expect([picture?.width, picture?.height, picture?.rgb.length]).toEqual([160, 100, 160 * 100 * 3]);
    expect([...(picture?.rgb.subarray(0, 3) ?? [])].map((value) => Math.round(value / 10))).toEqual([10, 5, 2]);
  });

  it('in gray is decoded like any other', async () => {
    const gray = new Uint8Array(
      await sharp({ create: { width: 60, height: 60, channels: 3, background: '#777' } })
        .toColourspace('b-w')
        .jpeg()
        .toBuffer(),
    );
    expect((await decode(gray))?.rgb.length).toBe(60 * 60 * 3);
  });

  it.each<[string, () => Promise<Uint8Array>]>([
    ['wider than is allowed', () => jpegOf(321, 100)],
    ['a thin line', () => jpegOf(100, 8)],
    ['progressive', () => jpegOf(100, 100, { progressive: true })],
    [
      'a PNG',
      async () =>
        new Uint8Array(
          await sharp(await jpegOf(60, 60))
            .png()
            .toBuffer(),
        ),
    ],
    [
      'with EXIF',
      async () =>
        new Uint8Array(
          await sharp(await jpegOf(60, 60))
            .withExif({ IFD0: { Make: 'x' } })
            .jpeg()
            .toBuffer(),
        ),
    ],
    ['plain by its markers, but not a picture', async () => BARE_JPEG],
    ['truncated', async () => (await jpegOf(200, 200)).slice(0, -40)],
    ['with bytes after its end', async () => new Uint8Array([...(await jpegOf(60, 60)), 1, 2, 3])],
    ['that claims to be larger than it is', async () => enlarged(await jpegOf(60, 60))],
    ['of too many bytes', async () => new Uint8Array(PHOTO_BYTES_MAX + 1)],
    ['empty', async () => new Uint8Array()],
  ])('that is %s is not', async (_what, make) => {
    expect(await decode(await make())).toBeNull();
  });

  it('with another hash than the signed one is not decoded', async () => {
    expect(await decodePhoto(toBase64url(await jpegOf(60, 60)), '0'.repeat(64))).toBeNull();
    expect(await decodePhoto('!', sha256Hex(''))).toBeNull();
  });

  /** SOF0's width and height, as in a decompression bomb. */
  function enlarged(jpeg: Uint8Array): Uint8Array {
    const at = jpeg.findIndex((byte, index) => byte === 0xff && jpeg[index + 1] === 0xc0);
    new DataView(jpeg.buffer).setUint32(at + 5, 0xfff0fff0);
    return jpeg;
  }
});

it('a still holds nothing but the picture', async () => {
  const jpeg = await encodeStill(petPhoto(BROWN));
  expect(plainJpegSize(jpeg)).toEqual({ width: 120, height: 90 });
});
