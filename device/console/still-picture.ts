// Decodes one recorded moment into a JPEG.

import type { Clock } from '@doorsill/base/clock';
import { concatBytes } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import type { Window } from '@doorsill/contract/shared-claims';
import { runFfmpeg } from '../camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import { type Segment, wallTimeUs } from '../camera/segment.ts';

export interface StillDeps {
  segments(window: Window): AsyncIterable<Segment>;
  ffmpeg: Ffmpeg;
  clock: Clock;
}

export interface StillPicture {
  jpeg: Uint8Array;
  /** Wall time of the frame. */
  atUs: number;
}

export interface StillAsked {
  atUs: number;
  /** `exact`: the frame shown at that moment. `key`: the keyframe of its GOP, which decodes faster. */
  precision: 'exact' | 'key';
  /** Greatest width in pixels; the aspect ratio stays. */
  widthMax: number;
}

const DECODE_MS_MAX = 20_000;
const JPEG_BYTES_MAX = 32 * 1024 * 1024;

/** The picture of a recorded moment. Throws `console_no_footage`, `ffmpeg_failed`, or the signal's reason. */
export async function stillPicture(deps: StillDeps, asked: StillAsked, signal: AbortSignal): Promise<StillPicture> {
  const { atUs } = asked;
  for await (const segment of deps.segments({ startUs: atUs, endUs: atUs + 1 })) {
    const { index, frameUs } = frameAt(segment, asked);
    const shrink = `scale='min(iw,${asked.widthMax})':-2:flags=bicubic`;
    const jpeg = await runFfmpeg(deps.ffmpeg, {
      doing: 'making a still',
      args: [
        ...['-protocol_whitelist', 'pipe', '-threads', '1', '-f', 'mp4', '-i', 'pipe:0', '-map', '0:v:0', '-an'],
        ...['-vf', `select='eq(n,${index})',${shrink},format=yuvj420p`, '-frames:v', '1', '-fps_mode', 'passthrough'],
        ...['-map_metadata', '-1', '-c:v', 'mjpeg', '-q:v', '4', '-flags:v', '+bitexact', '-f', 'mjpeg', 'pipe:1'],
      ],
      stdin: concatBytes([segment.init, segment.fragment]),
      stdoutBytesMax: JPEG_BYTES_MAX,
      timeoutMs: DECODE_MS_MAX,
      clock: deps.clock,
      signal,
    });
    if (jpeg.length > 0) return { jpeg, atUs: frameUs };
  }
  throw failure('console_no_footage');
}

/** The frame of a segment shown at a moment, by its index in presentation order; the first frame for an earlier moment. */
function frameAt(segment: Segment, { atUs, precision }: StillAsked): { index: number; frameUs: number } {
  const info = parseInit(segment.init);
  const times = parseFragment(info, segment.fragment)
    .video.map(({ pts }) => wallTimeUs(pts, info.video.timescale, segment.wallOffsetUs))
    .sort((a, b) => a - b);
  const index =
    precision === 'key'
      ? 0
      : Math.max(
          0,
          times.findLastIndex((frameUs) => frameUs <= atUs),
        );
  return { index, frameUs: times[index] ?? segment.startUs };
}
