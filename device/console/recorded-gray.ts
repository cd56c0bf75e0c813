// Owns: the gray pictures that motion would have looked at, made anew from recorded footage: decoded in the background, a stretch at a
// time. Not here: whose footage may be decoded (picture-access.ts), what is found in it (motion/motion-trial.ts).

import type { Clock } from '@doorsill/base/clock';
import { equalBytes } from '@doorsill/contract/bytes';
import { GRAY_ARGS, GRAY_FPS, GRAY_HEIGHT, GRAY_WIDTH } from '../camera/ffmpeg-capture-command.ts';
import { runFfmpeg } from '../camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import type { Segment } from '../camera/segment.ts';
import { GAP_US } from '../ring/ring-interface.ts';

export interface RecordedGrayDeps {
  /** Footage of the window, by time. */
  segments: AsyncIterable<Segment>;
  ffmpeg: Ffmpeg;
  clock: Clock;
}

const FRAME_BYTES = GRAY_WIDTH * GRAY_HEIGHT;
const FRAME_US = 1_000_000 / GRAY_FPS;
/** Footage that one ffmpeg decodes. */
const STRETCH_US_MAX = 300_000_000;
/** Far more than a slow board takes for a stretch. */
const STRETCH_MS_MAX = 600_000;

/**
 * Calls `picture` with each gray picture of the footage in order, its wall time in microseconds. Footage whose clock was not trusted is
 * left out. Throws `ffmpeg_failed`, the signal's reason, what `picture` throws.
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
    // Frames at a fixed rate: as many as the stretch lasts, and the last one's duration.
    stdoutBytesMax: FRAME_BYTES * ((2 * STRETCH_US_MAX) / FRAME_US),
    timeoutMs: STRETCH_MS_MAX,
    clock,
    signal,
    isBackground: true,
  });
  // One that ffmpeg did not even take must not be offered again for ever.
  footage.passBy(first);
}

/** Footage as stretches that one decoder can take: of one stream, without a gap. */
class FootageReader {
  private readonly segments: AsyncIterator<Segment>;
  private next: Segment | null = null;

  constructor(segments: AsyncIterable<Segment>) {
    this.segments = segments[Symbol.asyncIterator]();
  }

  /** The next segment, which stays the next one; null at the end. */
  async peek(): Promise<Segment | null> {
    while (!this.next) {
      const { done, value } = await this.segments.next();
      if (done) return null;
      if (value.clockTrusted) this.next = value;
    }
    return this.next;
  }

  passBy(segment: Segment): void {
    if (this.next === segment) this.next = null;
  }

  /** The bytes of a stretch that begins with `first`. */
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
