// Splits one run's live output into frames with their times: at once while somebody watches, else in batches, which cost less.
import { assert } from '@doorsill/contract/assert';
import { type Failure, isFailure } from '@doorsill/contract/errors';
import { type InitInfo, parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { FragmentSplitter } from '@doorsill/contract/media/fragment-splitter';
import { wallTimeUs } from './segment.ts';

/** `ftyp` + `moov` of a live stream (video only), and their parsed content. */
export interface LiveInit {
  readonly bytes: Uint8Array;
  readonly info: InitInfo;
}

/** `moof` + `mdat` of one frame. All viewers share the bytes, so nobody may change them. */
export interface LiveFragment {
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** Wall time of the frame in microseconds; null while the camera's times have no mapping to it. */
  readonly startUs: number | null;
  readonly durationUs: number;
}

export interface LiveRunContext {
  /** Wall time of the run's time 0 in microseconds; null while it is unknown. */
  offsetUs(): number | null;
  /** Whether this stream can be shown. */
  accepts(info: InitInfo): boolean;
  /** Called when the output cannot be parsed; the reader is closed then. */
  broken(why: Failure): void;
}

export interface LiveReaderSinks {
  isWatched(): boolean;
  init(init: LiveInit): void;
  fragment(fragment: LiveFragment): void;
}

/** Limits of a batch while nobody watches, in reads of the pipe (usually one frame each) and in bytes. */
const WAITING_MAX = 16;
const WAITING_BYTES_MAX = 1024 * 1024;

export class LiveFrameReader {
  private readonly context: LiveRunContext;
  private readonly sinks: LiveReaderSinks;
  private splitter: FragmentSplitter | null = new FragmentSplitter();
  private init: InitInfo | null = null;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;

  constructor(context: LiveRunContext, sinks: LiveReaderSinks) {
    this.context = context;
    this.sinks = sinks;
  }

  /** Takes the next bytes; does nothing once it is closed. */
  write(chunk: Uint8Array): void {
    if (!this.splitter) return;
    this.waiting.push(chunk);
    this.waitingBytes += chunk.length;
    const isFull = this.waiting.length >= WAITING_MAX || this.waitingBytes >= WAITING_BYTES_MAX;
    if (isFull || this.sinks.isWatched()) this.catchUp();
  }

  /** Passes all received frames to the sinks. */
  catchUp(): void {
    const { waiting } = this;
    this.waiting = [];
    this.waitingBytes = 0;
    try {
      for (const chunk of waiting) this.split(chunk);
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      this.close();
      this.context.broken(thrown);
    }
  }

  /** Drops the received bytes and ignores further ones. */
  close(): void {
    this.splitter = null;
    this.waiting = [];
    this.waitingBytes = 0;
  }

  /** Received bytes not yet parsed. */
  get holdsBytes(): number {
    return this.waitingBytes;
  }

  private split(chunk: Uint8Array): void {
    for (const { kind, bytes } of this.splitter?.push(chunk) ?? []) {
      // A viewer may have ended the stream.
      if (!this.splitter) return;
      if (kind === 'fragment') this.frame(bytes);
      else this.begin(bytes);
    }
  }

  private begin(bytes: Uint8Array): void {
    const info = parseInit(bytes);
    if (this.context.accepts(info)) {
      this.init = info;
      this.sinks.init({ bytes, info });
    } else this.close();
  }

  private frame(bytes: Uint8Array): void {
    assert(this.init, 'the splitter gives the init segment first');
    const [frame] = parseFragment(this.init, bytes).video;
    if (!frame) return;
    const { timescale } = this.init.video;
    const offsetUs = this.context.offsetUs();
    this.sinks.fragment({
      bytes,
      key: frame.key,
      startUs: offsetUs === null ? null : wallTimeUs(frame.pts, timescale, offsetUs),
      durationUs: Math.round((frame.duration * 1_000_000) / timescale),
    });
  }
}
