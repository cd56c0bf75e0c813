// Owns: a span of this home's own footage as one fragmented MP4 (ISO/IEC 14496-12 §8.8) that begins at time 0, whole groups of
// pictures, for whom the device's own server lets see it. Not here: who that is (picture-access.ts), exact clips (clip/).
import { sha256Hex } from '../base/keys.ts';
import type { Segment } from '../camera/segment.ts';
import { type InitInfo, parseInit } from '../media/fragment.ts';
import { moveFragment } from '../media/move-fragment.ts';
import { failure } from '../protocol/errors.ts';
import type { Window } from '../protocol/shared-claims.ts';

/** A span that can be sent as one file. */
export interface FootageFile {
  /** What it covers: from the first frame of its first group of pictures to the end of its last. */
  window: Window;
  byteLength: number;
  bytes: AsyncIterable<Uint8Array>;
}

/**
 * Opens the footage of a window. It ends early where the camera's format changes, because one file has one format: ask again from
 * `window.endUs` then. Gaps stay gaps. Throws `console_no_footage`.
 */
export async function footageFile(
  segments: (window: Window) => AsyncIterable<Segment>,
  window: Window,
): Promise<FootageFile> {
  let first: { init: Uint8Array; format: string; startUs: number } | null = null;
  let [endUs, byteLength] = [0, 0];
  for await (const { init, fragment, startUs, endUs: untilUs } of segments(window)) {
    const format = sha256Hex(init);
    if (first === null) {
      first = { init, format, startUs };
      byteLength = init.length;
    } else if (format !== first.format) break;
    endUs = Math.max(endUs, untilUs);
    byteLength += fragment.length;
  }
  if (first === null) throw failure('console_no_footage');
  const covered = { startUs: first.startUs, endUs };
  return { window: covered, byteLength, bytes: pieces(segments(covered), { ...first, info: parseInit(first.init) }) };
}

async function* pieces(
  segments: AsyncIterable<Segment>,
  file: { format: string; info: InitInfo; startUs: number; init: Uint8Array },
): AsyncGenerator<Uint8Array> {
  yield file.init;
  for await (const segment of segments) {
    // The ring goes on while this is sent: what was overwritten is left out, and a new format ends the file.
    if (sha256Hex(segment.init) !== file.format) return;
    yield moveFragment(file.info, segment.fragment, segment.wallOffsetUs - file.startUs);
  }
}
