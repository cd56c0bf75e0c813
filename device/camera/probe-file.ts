// Examines a file before it is captured: its length, which streams to take, whether they can be copied. Network cameras are examined
// while they run, so that they get one connection, not two.

import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '@doorsill/base/clock';
import { assert } from '@doorsill/contract/assert';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { failure, isFailure } from '@doorsill/contract/errors';
import { type InitInfo, parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { FragmentSplitter, type SplitPart } from '@doorsill/contract/media/fragment-splitter';
import { type Box, readBox } from '@doorsill/contract/media/read-boxes';
import { faultOfGop, faultOfTrack, gopTooLong } from './copy-rules.ts';
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

/** Results of examining a file. */
export interface FileFacts {
  readonly container: Container;
  /** Length from the container's start to its end, rounded up; null if the pace does not need it. */
  readonly durationUs: number | null;
  /** The length that the container states, cut to 10 ms; null if it states none. */
  readonly toldUs: number | null;
  /** The creation time that the file states, wall time in microseconds; null if it states none. */
  readonly creationUs: number | null;
  readonly plan: CapturePlan;
  /** Why the video is encoded; null if it is copied. */
  readonly encodedBecause: string | null;
}

interface LookOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Seconds of the video to examine; absent: as much as ten seconds allow. The rest is judged while capturing. */
  readonly lookS?: number;
}

/** ffmpeg prints lengths cut to 10 ms. */
const TOLD_SLACK_US = 10_000;

/** Without time stamps in the file, the times of packets and of decoded pictures differ by a few frames. */
const MEASURE_SLACK_US = 200_000;

/** Examining a copy takes as long as reading the file; the part not reached in this time is judged while capturing. */
const LOOK_MS_MAX = 10_000;

/** Measuring a file that does not state its length means reading all of it. */
const MEASURE_MS_MAX = 120_000;

/** Limit of ffmpeg's output, which is examined and discarded. */
const PASSED_BYTES_MAX = 2 ** 44;

/** ffmpeg's own message, unless it is missing or says, in its old or new wording, that a mapped stream does not exist. */
function whyNoVideo(words: string | null): string {
  return words === null || /option 'map'|matches no streams/.test(words) ? 'it has no video stream' : words;
}

/** Static builds crash on a transport stream that names its service: they cannot load the library that converts the name. */
const CRASHES_ON_TRANSPORT_STREAMS = 'this ffmpeg crashes on transport streams; install a newer one';

/**
 * Examines a file. Throws `camera_not_found`, `camera_refused_format`, `camera_no_video`, or the signal's reason. Only the file itself
 * is opened, and only by the demuxer that its content calls for.
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

/** Copies the video, judges every GOP and discards it; ends at the first fault. */
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

/** The length of a file whose container states none: the end of the last packet in a list of all packets. */
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
  // Not retried: the file does not change.
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

/** Boxes read at most. */
const BOXES_MAX = 10_000;

const HEADER_BYTES_MAX = 16;

/** Fields of `stsd` before its entries: version, flags and count (§8.5.2). */
const STSD_FIELDS_BYTES = 8;

/** Where the handler type lies in `hdlr` (§8.4.3): behind version, flags and a reserved field. */
const HANDLER_AT = 8;

/**
 * Whether the first video track of an MP4 is encrypted (ISO/IEC 23001-7), by the type of its sample entry. ffmpeg does not report it: it
 * decodes the encrypted bytes into noise. False if the file cannot be read up to there, which ffmpeg reports.
 */
async function isEncryptedMp4(path: string): Promise<boolean> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    return await new BoxFile(handle).videoIsEncrypted(size);
  } catch {
    return false;
  } finally {
    await handle?.close();
  }
}

/** A range of the file that holds boxes: the whole file, or a box. */
type Span = Pick<Box, 'contentStart' | 'end'>;

/** Reads only the headers of a file's boxes, whatever their length. */
class BoxFile {
  private readonly handle: FileHandle;
  private looked = 0;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  async videoIsEncrypted(sizeBytes: number): Promise<boolean> {
    const moov = await this.find(['moov'], { contentStart: 0, end: sizeBytes });
    if (!moov) return false;
    for await (const trak of this.boxes('trak', moov)) {
      const hdlr = await this.find(['mdia', 'hdlr'], trak);
      if (!hdlr || (await this.text(hdlr.contentStart + HANDLER_AT)) !== 'vide') continue;
      const stsd = await this.find(['mdia', 'minf', 'stbl', 'stsd'], trak);
      return stsd !== null && (await this.text(stsd.contentStart + STSD_FIELDS_BYTES + 4)) === 'encv';
    }
    return false;
  }

  /** The first box at the end of a path of types. */
  private async find([type, ...inner]: readonly string[], within: Span): Promise<Span | null> {
    if (type === undefined) return within;
    for await (const box of this.boxes(type, within)) return this.find(inner, box);
    return null;
  }

  private async *boxes(type: string, { contentStart, end }: Span): AsyncGenerator<Span> {
    for (let at = contentStart; at < end && this.looked < BOXES_MAX; this.looked += 1) {
      const box = readBox(await this.bytes(at, Math.min(HEADER_BYTES_MAX, end - at)), 0);
      if (!box) return;
      const next = Math.min(end, at + box.end);
      if (box.type === type) yield { contentStart: at + box.contentStart, end: next };
      at = next;
    }
  }

  private async text(at: number): Promise<string> {
    return String.fromCharCode(...(await this.bytes(at, 4)));
  }

  private async bytes(at: number, length: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.handle.read(new Uint8Array(length), 0, length, at);
    return buffer.subarray(0, bytesRead);
  }
}
