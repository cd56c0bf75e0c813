// The clips that faults are planted into, each with its ring: made once in a thread, which `npm run check:mutants` reuses. Nobody may
// change their bytes.
import type { Segment } from '../../../../device/camera/segment.ts';
import { type FileTables, FTYP_BYTES, readMoov } from '../../../../device/contract/media/clip-file-check.ts';
import type { Window } from '../../../../device/contract/shared-claims.ts';
import { npmFfmpeg } from '../../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../../support/live-grant.ts';
import { type CutClip, cut, depsFor } from './cutting.ts';
import { x264 } from './footage.ts';
import { capturedFootage, frameTimesUs } from './segmenter.ts';

/** A clip, the ring that it was cut from, and its window. */
export interface CheckedClip extends CutClip {
  segments: Segment[];
  window: Window;
}

export const ffmpeg = npmFfmpeg;

/** The tables of a clip's file. */
export function tablesOf(bytes: Uint8Array): FileTables {
  return readMoov(bytes.subarray(FTYP_BYTES, FTYP_BYTES + Buffer.from(bytes).readUInt32BE(FTYP_BYTES)));
}

/** The clip of frame `from` up to frame `to` and `moreUs` beyond. */
export async function cutOf(segments: Segment[], [from, to]: [number, number], audio = false, moreUs = 0) {
  const times = frameTimesUs(segments);
  const window = { startUs: times[from] ?? 0, endUs: (times[to] ?? 0) + moreUs };
  return { segments, window, ...(await cut(liveGrantFor({ window, audio }).live, depsFor(ffmpeg, segments))) };
}

let sounding: Promise<CheckedClip> | null = null;

/** 22 frames with sound: 12 are encoded anew, the others are copies of two slices each. */
export function clipWithSound(): Promise<CheckedClip> {
  const style = { video: x264(15, '-slices', '2'), frames: 60, sound: 'sine=r=48000' };
  sounding ??= capturedFootage(ffmpeg.path, style).then((segments) => cutOf(segments, [18, 40], true));
  return sounding;
}

/** Frames of the footage of `silentClips`. */
const FRAMES = 45;
/** Encoded frames of `smart`, before the copies. */
export const HEAD = 7;

/** Cut in the middle of a GOP; at the start of one; the same with a window beyond the last frame. */
type Silent = Record<'smart' | 'copy' | 'short' | 'reordered', CheckedClip>;
let silent: Promise<Silent> | null = null;

/** Clips without sound. No frame of `reordered` is copied: display order and decoding order differ. */
export function silentClips(): Promise<Silent> {
  silent ??= (async () => {
    const plain = await capturedFootage(ffmpeg.path, { video: x264(15, '-slices', '2'), frames: FRAMES });
    const shuffled = await capturedFootage(ffmpeg.path, {
      video: x264(15, '-preset', 'medium', '-bf', '3'),
      frames: FRAMES,
    });
    return {
      smart: await cutOf(plain, [15 - HEAD, 40]),
      copy: await cutOf(plain, [15, 40]),
      short: await cutOf(plain, [15, FRAMES - 1], false, 10_000_000),
      reordered: await cutOf(shuffled, [8, 40]),
    };
  })();
  return silent;
}
