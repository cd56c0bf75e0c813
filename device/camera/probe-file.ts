// Owns: looking through a file before it is captured: how long it is, which streams to take, whether they can be copied.
// Not here: network cameras, which are judged while they run (capture.ts), so that they see one connection, not two.

import type { Clock } from '@doorsill/base/clock';
import { assert } from '@doorsill/contract/assert';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { failure, isFailure } from '@doorsill/contract/errors';
import { type InitInfo, parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { FragmentSplitter, type SplitPart } from '@doorsill/contract/media/fragment-splitter';
import { faultOfGop, faultOfTrack, gopTooLong } from './copy-rules.ts';
import { isEncryptedMp4 } from './encrypted-mp4.ts';
import { type CapturePlan, FRAGMENT_ARGS, fileInput } from './ffmpeg-capture-command.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';
import { endOf } from './fragments-to-segments.ts';
import { type Container, sniffFile } from './sniff.ts';
import type { Pace, Shown } from './source-options.ts';
import { StreamFacts } from './stream-facts.ts';

/** A media file. `path` is absolute. */
export interface FileSource extends Shown {
  readonly kind: 'file';
  readonly path: string;
  readonly loop: boolean;
  readonly pace: Pace;
}

/** What a file turned out to be. */
export interface FileFacts {
  readonly container: Container;
  /** Length from the container's start to its end, rather too long than too short; null when nobody needs to know. */
  readonly durationUs: number | null;
  /** The length as the container tells it, cut to 10 ms; null when it does not. */
  readonly toldUs: number | null;
  /** When it says that it was shot, wall time in microseconds; null when it does not. */
  readonly creationUs: number | null;
  readonly plan: CapturePlan;
  /** Why the video is encoded and not copied; null when it is copied. */
  readonly encodedBecause: string | null;
}

interface LookOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How much of a copy of it is looked at, in seconds; absent: all that can be in ten seconds. The rest is judged while capturing. */
  readonly lookS?: number;
}

/** ffmpeg prints lengths cut to 10 ms. */
const TOLD_SLACK_US = 10_000;

/** Without time stamps in the file, packets and decoded pictures are numbered a few frames apart. */
const MEASURE_SLACK_US = 200_000;

/** Looking at a copy of a file takes as long as reading it; what was not reached in this time is judged while capturing. */
const LOOK_MS_MAX = 10_000;

/** Measuring a file that does not tell its length means reading all of it. */
const MEASURE_MS_MAX = 120_000;

/** Probing passes this much through; it is looked at and thrown away. */
const PASSED_BYTES_MAX = 2 ** 44;

/** ffmpeg's own message, unless there is none or it says, in its old or new wording, that a mapped stream does not exist. */
function whyNoVideo(words: string | null): string {
  return words === null || /option 'map'|matches no streams/.test(words) ? 'it has no video stream' : words;
}

/** Static builds crash on a transport stream that names its service: converting that text needs a library they cannot load. */
const CRASHES_ON_TRANSPORT_STREAMS = 'this ffmpeg crashes on transport streams; install a newer one';

/**
 * Looks through a file. Throws `camera_not_found`, `camera_refused_format`, `camera_no_video`, or the signal's reason.
 * Nothing is opened but the file itself, and only by the demuxer that its content calls for.
 */
export async function probeFile(ffmpeg: Ffmpeg, source: FileSource, options: LookOptions): Promise<FileFacts> {
  const container = await sniffFile(source.path, source.shown);
  if (container.demuxer === 'mov' && (await isEncryptedMp4(source.path))) {
    throw failure('camera_no_video', { source: source.shown, detail: 'it is encrypted' });
  }
  const facts = new StreamFacts();
  const look = await lookThroughCopy(ffmpeg, source, container, facts, options);
  if (!facts.video) {
    const crashes = container.demuxer === 'mpegts' && look.words?.startsWith('SIG') === true;
    const detail = crashes ? CRASHES_ON_TRANSPORT_STREAMS : whyNoVideo(look.words);
    throw failure('camera_no_video', { source: source.shown, detail });
  }
  const encodedBecause = facts.video.codec === 'h264' ? look.fault : `the codec is ${facts.video.codec}`;
  const audio = source.audio ? facts.audio : null;
  const plan: CapturePlan = {
    video: encodedBecause === null ? 'copy' : 'encode',
    audio: audio === null ? 'none' : audio.codec === 'aac' && audio.profile === 'LC' ? 'copy' : 'encode',
    videoStream: `0:${facts.video.index}`,
    audioStream: `0:${audio?.index ?? 0}`,
  };
  const toldUs = facts.durationUs;
  const known = { container, toldUs, creationUs: facts.creationUs, plan, encodedBecause };
  if (source.pace !== 'fast') return { ...known, durationUs: null };
  if (toldUs !== null) return { ...known, durationUs: toldUs + TOLD_SLACK_US };
  const copiedUs = encodedBecause === null ? look.endUs : null;
  const measuredUs = copiedUs ?? (await measureUs(ffmpeg, source, container, plan.videoStream, options));
  return { ...known, durationUs: measuredUs + MEASURE_SLACK_US };
}

/** Copies the video into nothing and judges every GOP that passes; ends at the first fault. */
async function lookThroughCopy(
  ffmpeg: Ffmpeg,
  source: FileSource,
  container: Container,
  facts: StreamFacts,
  { clock, signal, lookS }: LookOptions,
): Promise<{ fault: string | null; words: string | null; endUs: number | null }> {
  const judge = new CopyJudge();
  const enough = new AbortController();
  const timer = clock.after(LOOK_MS_MAX, () => enough.abort());
  const input = fileInput(source.path, container);
  const part = lookS === undefined ? [] : ['-t', String(lookS)];
  try {
    await runFfmpeg(ffmpeg, {
      doing: 'looking through the file',
      // `V` is video that is not a cover picture.
      args: [
        ...input.options,
        ...part,
        '-i',
        input.address,
        '-map',
        '0:V:0',
        '-c',
        'copy',
        '-an',
        ...FRAGMENT_ARGS,
        'pipe:1',
      ],
      stdoutBytesMax: PASSED_BYTES_MAX,
      onStdout: (chunk) => {
        judge.read(chunk);
        if (judge.fault !== null) enough.abort();
      },
      onLine: (line) => facts.read(line),
      timeoutMs: LOOK_MS_MAX * 2,
      clock,
      signal: AbortSignal.any([signal, enough.signal]),
    });
    return {
      fault: judge.fault ?? (judge.endUs === null ? 'nothing could be copied' : null),
      words: null,
      endUs: judge.endUs,
    };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    if (enough.signal.aborted) return { fault: judge.fault, words: null, endUs: null };
    if (!isFailure(thrown)) throw thrown;
    return { fault: 'it cannot be copied', words: String(thrown.facts['detail'] ?? thrown.code), endUs: null };
  } finally {
    timer.cancel();
  }
}

/** Judges a stream copy as it passes. */
class CopyJudge {
  private readonly splitter = new FragmentSplitter();
  private init: InitInfo | null = null;
  fault: string | null = null;
  /** Where the last GOP ends, in the source's own time. */
  endUs: number | null = null;

  read(chunk: Uint8Array): void {
    if (this.fault !== null) return;
    try {
      for (const part of this.splitter.push(chunk)) this.fault ??= this.judge(part);
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      this.fault = thrown.message;
    }
  }

  private judge(part: SplitPart): string | null {
    if (part.kind === 'init') {
      this.init = parseInit(part.bytes);
      return faultOfTrack(this.init);
    }
    assert(this.init, 'the splitter gives the init segment first');
    const { video } = parseFragment(this.init, part.bytes);
    const [first, ...more] = video;
    const { timescale } = this.init.video;
    if (first) this.endUs = Math.ceil((endOf([first, ...more], timescale) * 1_000_000) / timescale);
    return faultOfGop(this.init, video) ?? (gopTooLong(this.init, video) ? 'keyframes are too far apart' : null);
  }
}

/** The length of a file whose container does not tell: the end of its last packet, read from a list of all of them. */
async function measureUs(
  ffmpeg: Ffmpeg,
  source: FileSource,
  container: Container,
  stream: string,
  { clock, signal }: LookOptions,
): Promise<number> {
  const input = fileInput(source.path, container);
  let unfinished = '';
  let [ticksPerS, end] = [0, 0];
  const measured = runFfmpeg(ffmpeg, {
    doing: 'measuring the file',
    args: [...input.options, '-i', input.address, '-map', stream, '-c', 'copy', '-f', 'framecrc', 'pipe:1'],
    stdoutBytesMax: PASSED_BYTES_MAX,
    onStdout: (chunk) => {
      const lines = (unfinished + (fromUtf8(chunk) ?? '')).split('\n');
      unfinished = (lines.pop() ?? '').slice(0, 200);
      for (const line of lines) {
        const base = /^#tb 0: (\d+)\/(\d+)/.exec(line);
        if (base) ticksPerS = Number(base[2]) / Number(base[1]);
        const packet = /^0,\s*-?\d+,\s*(-?\d+),\s*(\d+),/.exec(line);
        if (packet) end = Math.max(end, Number(packet[1]) + Number(packet[2]));
      }
    },
    timeoutMs: MEASURE_MS_MAX,
    clock,
    signal,
  });
  // What cannot be measured now will not be after another try: the file does not change.
  const words = await measured.then(
    () => null,
    (thrown) => {
      if (signal.aborted || !isFailure(thrown)) throw thrown;
      return String(thrown.facts['detail'] ?? thrown.code);
    },
  );
  if (words !== null || !(ticksPerS > 0 && end > 0)) {
    const detail = `its length cannot be measured: ${words ?? 'it has no pictures'}`;
    throw failure('camera_no_video', { source: source.shown, detail });
  }
  return Math.ceil((end * 1_000_000) / ticksPerS);
}
