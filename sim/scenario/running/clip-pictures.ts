// Reads the frame numbers in a clip of the drawn porch.
import type { Clock } from '@doorsill/base/clock';
import { runFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { readFrameNumber } from '../../porch/frame-number.ts';

/** Small, but large enough for the frame numbers to be readable. */
const WIDTH = 320;
const HEIGHT = 180;
const PICTURES_BYTES_MAX = 1024 * 1024 * 1024;
const DECODE_MS_MAX = 60_000;

/** The frame number in each picture of a clip, in display order; null if unreadable. Throws `ffmpeg_failed`. */
export async function numbersIn(
  clip: Uint8Array | AsyncIterable<Uint8Array>,
  { ffmpeg, clock }: { ffmpeg: Ffmpeg; clock: Clock },
): Promise<(number | null)[]> {
  const numbers: (number | null)[] = [];
  const picture = new Uint8Array(WIDTH * HEIGHT);
  let filled = 0;
  await runFfmpeg(ffmpeg, {
    doing: 'reading the numbers in the pictures of a clip',
    args: [
      ...['-i', 'pipe:0', '-map', '0:V:0', '-fps_mode', 'passthrough', '-vf', `scale=${WIDTH}:${HEIGHT}`],
      ...['-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1'],
    ],
    stdin: clip,
    onStdout: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + picture.length - filled);
        picture.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < picture.length) continue;
        numbers.push(readFrameNumber(picture, WIDTH, HEIGHT));
        filled = 0;
      }
    },
    stdoutBytesMax: PICTURES_BYTES_MAX,
    timeoutMs: DECODE_MS_MAX,
    clock,
  });
  return numbers;
}
