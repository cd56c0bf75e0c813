// Distributes live frames to viewers, one fragment a frame. Holds the current GOP, so that a new viewer can begin at once.
import type { Log } from '@doorsill/base/log';
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

interface LiveRunContext {
  /** Wall time of the run's time 0 in microseconds; null while it is unknown. */
  offsetUs(): number | null;
  /** Whether this stream can be shown. */
  accepts(info: InitInfo): boolean;
  /** Called when the output cannot be parsed; the reader is closed then. */
  broken(why: Failure): void;
}

/**
 * One viewer. Called with each frame as it comes, and must return at once: a viewer with a slow connection must skip fragments up to a
 * keyframe. A viewer that throws is removed.
 */
export interface LiveListener {
  /** A stream begins; its first fragment is a keyframe. */
  init(init: LiveInit): void;
  fragment(fragment: LiveFragment): void;
  /** The stream has ended, by privacy or a lost camera. A new one begins with `init`. */
  ended(): void;
}

/** Largest frame, and largest part of a GOP that is held. After a larger frame all frames up to the next keyframe are left out. */
export const LIVE_BYTES_MAX = 4 * 1024 * 1024;

interface Viewer {
  readonly listener: LiveListener;
  /** It has missed a frame of this GOP, so it cannot decode the rest. */
  waitsForKey: boolean;
}

export class LiveFragments {
  private readonly log: Log;
  private readonly viewers = new Set<Viewer>();
  private run: LiveFrameReader | null = null;
  private init: LiveInit | null = null;
  /** The frames since the last keyframe; null if they were too many bytes. */
  private held: LiveFragment[] | null = null;
  private heldBytes = 0;
  /** Whether a stream has begun and not ended. */
  private isShowing = false;

  constructor(log: Log) {
    this.log = log;
  }

  /**
   * Adds a viewer; if there is a stream, gives it `init` and the frames since the last keyframe before this returns. Returns a function
   * that removes the viewer.
   */
  subscribe(listener: LiveListener): () => void {
    this.run?.catchUp();
    const viewer: Viewer = { listener, waitsForKey: true };
    this.viewers.add(viewer);
    const { init, held } = this;
    if (init) this.tell(viewer, init, () => listener.init(init));
    for (const fragment of held ?? []) this.show(viewer, init, fragment);
    return () => void this.viewers.delete(viewer);
  }

  /** Begins a run of ffmpeg, which replaces the one before; its live output must be written to the result. */
  open(context: LiveRunContext): Pick<LiveFrameReader, 'write'> {
    this.forget();
    const broken: LiveRunContext['broken'] = (why) => {
      this.end();
      context.broken(why);
    };
    const run = new LiveFrameReader(
      { ...context, broken },
      {
        isWatched: () => this.viewers.size > 0,
        init: (init) => this.begin(init),
        fragment: (fragment) => this.push(fragment),
      },
    );
    this.run = run;
    return run;
  }

  /** Ends the stream at once: drops the held frames, notifies every viewer, and ignores further output of the run. */
  end(): void {
    this.forget();
    if (!this.isShowing) return;
    this.isShowing = false;
    for (const viewer of [...this.viewers]) this.tell(viewer, null, () => viewer.listener.ended());
  }

  /** Number of frames held for new viewers, and bytes held, those not yet parsed included. */
  get holds(): { readonly fragments: number; readonly bytes: number } {
    return { fragments: this.held?.length ?? 0, bytes: this.heldBytes + (this.run?.holdsBytes ?? 0) };
  }

  private forget(): void {
    this.run?.close();
    this.run = null;
    this.init = null;
    this.clear();
  }

  private begin(init: LiveInit): void {
    this.init = init;
    this.isShowing = true;
    for (const viewer of [...this.viewers]) {
      viewer.waitsForKey = true;
      this.tell(viewer, init, () => viewer.listener.init(init));
    }
  }

  private push(fragment: LiveFragment): void {
    const { length } = fragment.bytes;
    if (length > LIVE_BYTES_MAX) {
      this.clear();
      for (const viewer of this.viewers) viewer.waitsForKey = true;
      return;
    }
    if (fragment.key) {
      this.clear();
      this.held = [];
    }
    if (this.heldBytes + length > LIVE_BYTES_MAX) this.clear();
    if (this.held) {
      this.held.push(fragment);
      this.heldBytes += length;
    }
    const { init } = this;
    for (const viewer of [...this.viewers]) this.show(viewer, init, fragment);
  }

  private show(viewer: Viewer, init: LiveInit | null, fragment: LiveFragment): void {
    if (viewer.waitsForKey && !fragment.key) return;
    viewer.waitsForKey = false;
    this.tell(viewer, init, () => viewer.listener.fragment(fragment));
  }

  /**
   * Calls a viewer with an event of the stream that began with `init`, unless another viewer has ended that stream. An error removes
   * the viewer and never affects the recording.
   */
  private tell(viewer: Viewer, init: LiveInit | null, event: () => void): void {
    if (this.init !== init || !this.viewers.has(viewer)) return;
    try {
      event();
    } catch (thrown) {
      this.viewers.delete(viewer);
      this.log.error('a viewer of the live picture failed and is cut off; recording goes on', {
        detail: String(thrown),
      });
    }
  }

  private clear(): void {
    this.held = null;
    this.heldBytes = 0;
  }
}

interface LiveReaderSinks {
  isWatched(): boolean;
  init(init: LiveInit): void;
  fragment(fragment: LiveFragment): void;
}

/** Limits of a batch while nobody watches, in reads of the pipe (usually one frame each) and in bytes. */
const WAITING_MAX = 16;
const WAITING_BYTES_MAX = 1024 * 1024;

/** Splits one run's live output into frames with their times: at once while somebody watches, else in batches, which cost less. */
class LiveFrameReader {
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
