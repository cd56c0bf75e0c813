// Owns: the pictures of this moment for whoever watches: one fragment a frame, what a viewer who comes later needs to begin at once,
// and telling viewers that the pictures have ended. Not here: making the fragments (ffmpeg-capture-command.ts), sending them (console/).
import type { Log } from '../base/log.ts';
import type { InitInfo } from '../media/fragment.ts';

/** `ftyp` + `moov` of a live stream, video alone, and what they say. */
export interface LiveInit {
  readonly bytes: Uint8Array;
  readonly info: InitInfo;
}

/** `moof` + `mdat` of one frame. The bytes are shared by all viewers: nobody changes them. */
export interface LiveFragment {
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** Wall time of the frame in microseconds; null while a camera's times have no place in it yet. */
  readonly startUs: number | null;
  readonly durationUs: number;
}

/**
 * One viewer. Called at once as frames come, and must return at once: a viewer whose connection is slow leaves fragments out, and
 * goes on at a keyframe. One that throws is told nothing more.
 */
export interface LiveListener {
  /** A stream begins: what comes after this belongs to it, and its first fragment is a keyframe. */
  init(init: LiveInit): void;
  fragment(fragment: LiveFragment): void;
  /** There are no pictures any more: privacy, or a camera that is gone. When they come back, so does `init`. */
  ended(): void;
}

/** A larger frame is left out, and so is all that follows it up to the next keyframe; as much of a GOP is held for those who come later. */
export const LIVE_BYTES_MAX = 4 * 1024 * 1024;

interface Viewer {
  readonly listener: LiveListener;
  /** Has not seen all of this GOP's frames so far, so it can show none of those to come. */
  waitsForKey: boolean;
}

interface Stream {
  readonly init: LiveInit;
}

/** What a run of ffmpeg writes its frames to. */
export interface LiveStream {
  /** Does nothing once the stream has ended or another one has begun. */
  push(fragment: LiveFragment): void;
}

/** All viewers of a camera. It holds the current GOP's frames while there are pictures, and nothing otherwise. */
export class LiveFragments {
  private readonly log: Log;
  private readonly viewers = new Set<Viewer>();
  private stream: Stream | null = null;
  /** The frames since the last keyframe; null when they were too many bytes. */
  private held: LiveFragment[] | null = null;
  private heldBytes = 0;

  constructor(log: Log) {
    this.log = log;
  }

  /**
   * Adds a viewer, which before this returns has been told the stream's beginning and its frames since the last keyframe, if there is
   * a stream. Returns what removes it again; removed, it is told nothing more.
   */
  subscribe(listener: LiveListener): () => void {
    const viewer: Viewer = { listener, waitsForKey: true };
    this.viewers.add(viewer);
    const { stream, held } = this;
    if (stream) this.tell(viewer, stream, () => listener.init(stream.init));
    for (const fragment of held ?? []) this.show(viewer, stream, fragment);
    return () => void this.viewers.delete(viewer);
  }

  /** Begins a stream in place of the one before, if there was one. */
  begin(init: LiveInit): LiveStream {
    const stream: Stream = { init };
    this.clear();
    this.stream = stream;
    for (const viewer of [...this.viewers]) {
      viewer.waitsForKey = true;
      this.tell(viewer, stream, () => viewer.listener.init(init));
    }
    return { push: (fragment) => this.stream === stream && this.push(fragment) };
  }

  /** Ends the stream: what was held is gone when this returns, every viewer knows, and whatever the run still writes reaches nobody. */
  end(): void {
    const hadPictures = this.stream !== null;
    this.clear();
    this.stream = null;
    if (!hadPictures) return;
    for (const viewer of [...this.viewers]) this.tell(viewer, null, () => viewer.listener.ended());
  }

  /** How many frames are held for viewers to come, and how many bytes. */
  get holds(): { readonly fragments: number; readonly bytes: number } {
    return { fragments: this.held?.length ?? 0, bytes: this.heldBytes };
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
    if (this.held && this.heldBytes + length > LIVE_BYTES_MAX) this.clear();
    this.held?.push(fragment);
    if (this.held) this.heldBytes += length;
    const { stream } = this;
    for (const viewer of [...this.viewers]) this.show(viewer, stream, fragment);
  }

  private show(viewer: Viewer, stream: Stream | null, fragment: LiveFragment): void {
    if (viewer.waitsForKey && !fragment.key) return;
    viewer.waitsForKey = false;
    this.tell(viewer, stream, () => viewer.listener.fragment(fragment));
  }

  /**
   * Tells a viewer what happened in `stream`, unless another viewer has ended that meanwhile. A viewer's trouble costs that viewer
   * alone, never the recording.
   */
  private tell(viewer: Viewer, stream: Stream | null, event: () => void): void {
    if (this.stream !== stream || !this.viewers.has(viewer)) return;
    try {
      event();
    } catch (thrown) {
      this.viewers.delete(viewer);
      this.log.error('a viewer of the live picture failed', { detail: String(thrown) });
    }
  }

  private clear(): void {
    this.held = null;
    this.heldBytes = 0;
  }
}
