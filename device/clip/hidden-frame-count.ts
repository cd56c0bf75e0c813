// Measures the leak that this project prevents: how many frames of a video file a player shows, and how many it contains.
import type { Clock } from '@doorsill/base/clock';
import { PIXELS_MAX, runFfmpeg } from '../camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import { LineCounter } from './encode-frames.ts';

/** Frames of a file's first video stream. `held - shown` frames are hidden: in the file and decodable, but not shown. */
interface FrameCounts {
  shown: number;
  held: number;
}

const TIMEOUT_MS = 600_000;

/**
 * Decodes an MP4 file twice: like a player, and ignoring its edit list. The path must not come from outside.
 * Throws `ffmpeg_failed` or the signal's reason.
 */
export async function countFrames(
  path: string,
  deps: { ffmpeg: Ffmpeg; clock: Clock; signal?: AbortSignal },
): Promise<FrameCounts> {
  return { shown: await decode(path, deps, []), held: await decode(path, deps, ['-ignore_editlist', '1']) };
}

async function decode(
  path: string,
  deps: { ffmpeg: Ffmpeg; clock: Clock; signal?: AbortSignal },
  options: readonly string[],
): Promise<number> {
  const frames = new LineCounter();
  await runFfmpeg(deps.ffmpeg, {
    doing: 'counting frames',
    args: [
      ...[
        '-protocol_whitelist',
        'file,pipe',
        '-max_pixels',
        String(PIXELS_MAX),
        '-f',
        'mov',
        ...options,
        '-i',
        `file:${path}`,
      ],
      ...['-map', '0:v:0', '-an', '-fps_mode', 'passthrough', '-f', 'framecrc', 'pipe:1'],
    ],
    onStdout: (part) => frames.push(part),
    stdoutBytesMax: 1_000_000_000,
    timeoutMs: TIMEOUT_MS,
    clock: deps.clock,
    ...(deps.signal ? { signal: deps.signal } : {}),
  });
  return frames.lines;
}
