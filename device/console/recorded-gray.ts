// Decodes recorded footage into the gray pictures of motion detection, in the background, one stretch at a time.

import type { Clock } from '@doorsill/base/clock';
import { equalBytes } from '@doorsill/contract/bytes';
import { GRAY_ARGS, GRAY_FPS, GRAY_HEIGHT, GRAY_WIDTH } from '../camera/ffmpeg-capture-command.ts';
import { runFfmpeg } from '../camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import type { Segment } from '../camera/segment.ts';
import { GAP_US } from '../ring/ring-interface.ts';

export interface RecordedGrayDeps {
  /** Footage of the window, in order of time. */
  segments: AsyncIterable<Segment>;
  ffmpeg: Ffmpeg;
  clock: Clock;
}

const FRAME_BYTES = GRAY_WIDTH * GRAY_HEIGHT;
const FRAME_US = 1_000_000 / GRAY_FPS;
/** Footage decoded by one ffmpeg process. */
const STRETCH_US_MAX = 300_000_000;
/** Far longer than a slow board needs for a stretch. */
const STRETCH_MS_MAX = 600_000;

/**
 * Calls `picture` with each gray picture of the footage in order and its wall time in microseconds. Skips footage recorded with an
 * untrusted clock. Throws `ffmpeg_failed`, the signal's reason, and `picture`'s errors.
 */
export async function recordedGray(
  deps: RecordedGrayDeps,
  picture: (pixels: Uint8Array, atUs: number) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const footage = new FootageReader(deps.segments);
  for (let first = await footage.peek(); first; first = await footage.peek()) {
    signal.throwIfAborted();
    await decodeStretch(deps, first, footage, picture, signal);
  }
}

async function decodeStretch(
  { ffmpeg, clock }: RecordedGrayDeps,
  first: Segment,
  footage: FootageReader,
  picture: (pixels: Uint8Array, atUs: number) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const pixels = new Uint8Array(FRAME_BYTES);
  let filled = 0;
  let shown = 0;
  await runFfmpeg(ffmpeg, {
    doing: 'looking for motion in recorded footage',
    args: [
      ...['-protocol_whitelist', 'pipe', '-threads', '1', '-f', 'mp4', '-i', 'pipe:0', '-map', '0:v:0'],
      ...['-filter_threads', '1', ...GRAY_ARGS, 'pipe:1'],
    ],
    stdin: footage.stretch(first),
    onStdout: async (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + FRAME_BYTES - filled);
        pixels.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < FRAME_BYTES) continue;
        filled = 0;
        await picture(pixels, first.startUs + shown * FRAME_US);
        shown += 1;
      }
    },
    // Output has a fixed frame rate. Twice the longest stretch, because the last frame's duration may add frames.
    stdoutBytesMax: FRAME_BYTES * ((2 * STRETCH_US_MAX) / FRAME_US),
    timeoutMs: STRETCH_MS_MAX,
    clock,
    signal,
    isBackground: true,
  });
  // If ffmpeg did not even read it, it must not be offered again forever.
  footage.skip(first);
}

/** Splits footage into stretches for one decoder: one stream, no gap. */
class FootageReader {
  private readonly segments: AsyncIterator<Segment>;
  private next: Segment | null = null;

  constructor(segments: AsyncIterable<Segment>) {
    this.segments = segments[Symbol.asyncIterator]();
  }

  /** The next segment, without consuming it; null at the end. */
  async peek(): Promise<Segment | null> {
    while (!this.next) {
      const { done, value } = await this.segments.next();
      if (done) return null;
      if (value.clockTrusted) this.next = value;
    }
    return this.next;
  }

  skip(segment: Segment): void {
    if (this.next === segment) this.next = null;
  }

  /** The bytes of the stretch that begins with `first`. */
  async *stretch(first: Segment): AsyncGenerator<Uint8Array> {
    yield first.init;
    let last: Segment = first;
    for (let segment = await this.peek(); segment; segment = await this.peek()) {
      if (segment !== first && !follows(last, segment, first)) return;
      this.next = null;
      last = segment;
      yield segment.fragment;
    }
  }
}

function follows(last: Segment, next: Segment, first: Segment): boolean {
  return (
    next.recording === first.recording &&
    Math.abs(next.startUs - last.endUs) <= GAP_US &&
    next.endUs - first.startUs <= STRETCH_US_MAX &&
    equalBytes(next.init, first.init)
  );
}
