// A span of recorded footage as one fragmented MP4 (ISO/IEC 14496-12 §8.8) of whole GOPs, beginning at time 0.

import { assert } from '@doorsill/contract/assert';
import { equalBytes } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { parseInit } from '@doorsill/contract/media/fragment';
import { moveFragment } from '@doorsill/contract/media/move-fragment';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';

export interface FootageFile {
  /** The covered time: from the first frame of its first GOP to the end of its last. */
  window: Window;
  byteLength: number;
  bytes: AsyncIterable<Uint8Array>;
}

/**
 * Opens the footage of a window. The file ends early where the camera's format changes, because one file has one format: ask again from
 * `window.endUs` then. Gaps stay gaps. Throws `console_no_footage`; reading `bytes` throws `console_footage_gone` if the ring has
 * overwritten some of it meanwhile, because the announced length can no longer be kept.
 */
export async function footageFile(
  segments: (window: Window) => AsyncIterable<Segment>,
  window: Window,
): Promise<FootageFile> {
  let init: Uint8Array | null = null;
  const places: Place[] = [];
  let byteLength = 0;
  for await (const segment of segments(window)) {
    if (init !== null && !equalBytes(init, segment.init)) break;
    if (init === null) byteLength = segment.init.length;
    init ??= segment.init;
    byteLength += segment.fragment.length;
    places.push({ startUs: segment.startUs, endUs: segment.endUs, byteLength: segment.fragment.length });
  }
  const [first] = places;
  if (init === null || !first) throw failure('console_no_footage');
  const covered = { startUs: first.startUs, endUs: Math.max(...places.map(({ endUs }) => endUs)) };
  return { window: covered, byteLength, bytes: pieces(segments(window), init, places) };
}

/** A segment of the file. Its times and length show whether the second reading returns the same segment. */
interface Place extends Window {
  byteLength: number;
}

async function* pieces(
  segments: AsyncIterable<Segment>,
  init: Uint8Array,
  places: readonly Place[],
): AsyncGenerator<Uint8Array> {
  const info = parseInit(init);
  const [first] = places;
  assert(first !== undefined, 'a file has a segment');
  yield init;
  let sent = 0;
  for await (const { startUs, endUs, fragment, wallOffsetUs } of segments) {
    const place = places[sent];
    if (!place) return;
    if (place.startUs !== startUs || place.endUs !== endUs || place.byteLength !== fragment.length) break;
    yield moveFragment(info, fragment, wallOffsetUs - first.startUs);
    sent += 1;
  }
  if (sent < places.length) throw failure('console_footage_gone');
}
