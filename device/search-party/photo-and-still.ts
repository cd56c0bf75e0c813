// Owns: JPEGs on the device: a posted photo, untrusted even when signed, decoded within limits; and a still of this home's
// own footage, for its owner's eyes. The only code here that loads sharp, and only once the home takes part.
// Not here: making a photo plain (the bridge's), what it shows (likeness-interfaces.ts).
import { fromBase64url } from '../base/bytes.ts';
import { sha256Hex } from '../base/keys.ts';
import { plainJpegSize } from '../protocol/plain-jpeg.ts';
import { PHOTO_BYTES_MAX, PHOTO_SIDE_MAX } from '../protocol/search.ts';
import type { Picture } from './likeness-interfaces.ts';

/** Longest side of a decoded photo in pixels: what comparing needs. */
const SIDE_MAX = 160;
const STILL_QUALITY = 80;

async function loadSharp() {
  const { default: sharp } = await import('sharp');
  // One photo now and then: nothing is worth being kept, nor a second thread.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}

/** The photo as published, decoded; null for anything but the very plain JPEG that its poster signed. */
export async function decodePhoto(photo: string, photoSha256: string): Promise<Picture | null> {
  const bytes = photo.length > 2 * PHOTO_BYTES_MAX ? null : fromBase64url(photo);
  if (!bytes || bytes.length > PHOTO_BYTES_MAX || sha256Hex(bytes) !== photoSha256) return null;
  const size = plainJpegSize(bytes);
  if (!size || Math.max(size.width, size.height) > PHOTO_SIDE_MAX || Math.min(size.width, size.height) < 16)
    return null;
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: PHOTO_SIDE_MAX ** 2, pages: 1 })
      .resize(SIDE_MAX, SIDE_MAX, { fit: 'inside', withoutEnlargement: true })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return info.channels === 3 ? { width: info.width, height: info.height, rgb: new Uint8Array(data) } : null;
  } catch {
    // Decoder errors for a stranger's bytes are not reported.
    return null;
  }
}

/** Encodes a picture as a JPEG without metadata. */
export async function encodeStill({ width, height, rgb }: Picture): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const image = sharp(rgb, { raw: { width, height, channels: 3 } });
  return new Uint8Array(await image.jpeg({ quality: STILL_QUALITY }).toBuffer());
}
