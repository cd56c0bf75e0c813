// Checks with the owner's grant and the clip's file alone that the granted zones are black in every frame. Only the device has the
// footage, so the picture outside the zones cannot be compared.

import { failure, isFailure } from '@doorsill/contract/errors';
import type { FileVideo } from '@doorsill/contract/media/clip-file-check';
import { joinAnnexB, splitSample } from '@doorsill/contract/media/nal';
import { readClipFile, type SampleCounts } from '@doorsill/contract/media/read-clip-file';
import type { Zone } from '@doorsill/contract/shared-claims';
import type { ClipDecoder } from './clip-deps.ts';
import type { ClipReader } from './finished-clip.ts';
import { SampleReader } from './read-ahead.ts';
import { forEachPicture, ZonePictures } from './zone-check.ts';

/** Failures that blame the clip; others blame the machine. */
const OF_THE_CLIP = new Set(['clip_check_failed', 'clip_not_exact', 'fragment_malformed', 'ffmpeg_failed']);

/**
 * Decodes every frame of a clip, one picture at a time, and checks its zones. Throws `verify_failed` unless the file has a clip's
 * structure with the sample counts of `due`, each frame decodes, and all zones are black to the self-check's tolerances (`cause`: the
 * failure of the check); or the signal's reason.
 */
export async function verifyZones(
  clip: ClipReader,
  due: SampleCounts & { zones: readonly Zone[] },
  decoder: ClipDecoder,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  try {
    const { video } = await readClipFile(clip, due);
    const pictures = new ZonePictures(due.zones, video);
    const frames = framesOf(video, new SampleReader(clip));
    await forEachPicture(decoder, { video, frames, signal }, (picture, number) =>
      pictures.assertBlack(picture, number),
    );
  } catch (thrown) {
    if (!isFailure(thrown) || !OF_THE_CLIP.has(thrown.code)) throw thrown;
    throw failure('verify_failed', { detail: String(thrown.facts['detail'] ?? thrown.message) }, thrown);
  }
}

async function* framesOf(video: FileVideo, reader: SampleReader): AsyncGenerator<Uint8Array> {
  yield joinAnnexB([...video.sps, ...video.pps]);
  for (const [at, size] of video.sizes.entries()) {
    yield joinAnnexB(splitSample(await reader.read(video.offsets[at] ?? 0, size), 4));
  }
}
