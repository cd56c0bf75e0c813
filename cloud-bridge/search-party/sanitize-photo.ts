// Sanitises a pet's photo: decoded within limits, rotated upright, shrunk and encoded again, so that no EXIF and no location is left.
import { TaskQueue } from '@doorsill/base/task-queue';
import { failure, isFailure } from '@doorsill/contract/errors';
import { plainJpegSize } from '@doorsill/contract/plain-jpeg';
import { PHOTO_BYTES_MAX, PHOTO_SIDE_MAX } from '@doorsill/contract/search';

/** Limits on the posted file and on its decoded picture. */
export const PHOTO_POSTED_BYTES_MAX = 8_000_000;
const PIXELS_MAX = 50_000_000;
const FORMATS = ['jpeg', 'png', 'webp'];
/** JPEG qualities, tried in turn until the photo is small enough. */
const QUALITIES = [80, 65, 50, 35, 20];
const SIDE_LEAST = 16;
const WAITING_MAX = 16;

export class PhotoSanitizer {
  private readonly queue = new TaskQueue();

  /** A plain JPEG of at most PHOTO_BYTES_MAX bytes. Throws `search_photo_invalid`, `http_rate_limited`. */
  async sanitise(posted: Uint8Array): Promise<Uint8Array> {
    // One at a time: a decoder needs as much memory as its picture.
    if (this.queue.waiting >= WAITING_MAX) throw failure('http_rate_limited');
    return this.queue.run(() => sanitised(posted));
  }
}

async function sanitised(posted: Uint8Array): Promise<Uint8Array> {
  const refuse = (detail: string, cause?: unknown) => failure('search_photo_invalid', { detail }, cause);
  const { default: sharp } = await import('sharp');
  try {
    const image = sharp(posted, { failOn: 'error', limitInputPixels: PIXELS_MAX, pages: 1 });
    const { format, width, height } = await image.metadata();
    if (!FORMATS.includes(format)) throw refuse(`it is ${format}`);
    if (Math.min(width, height) < SIDE_LEAST) throw refuse('it is too small');
    const small = image
      .autoOrient()
      .resize(PHOTO_SIDE_MAX, PHOTO_SIDE_MAX, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#808080' })
      .toColourspace('srgb');
    for (const quality of QUALITIES) {
      const jpeg = new Uint8Array(await small.clone().jpeg({ quality, progressive: false }).toBuffer());
      const size = plainJpegSize(jpeg);
      if (!size) throw refuse('it could not be converted to a plain picture');
      if (Math.min(size.width, size.height) < SIDE_LEAST) throw refuse('it is too narrow');
      if (jpeg.length <= PHOTO_BYTES_MAX) return jpeg;
    }
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    throw refuse('it is not a readable picture', thrown);
  }
  throw refuse('it has too much detail to be made small enough');
}
