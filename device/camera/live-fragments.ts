// Owns: the pictures of this moment for whoever watches: one fragment a frame, what a viewer who comes later needs to begin at once,
// and telling viewers that the pictures have ended. Not here: reading them (live-frame-reader.ts), sending them (console/).
import type { Log } from '@doorsill/base/log';
import { type LiveFragment, LiveFrameReader, type LiveInit, type LiveRunContext } from './live-frame-reader.ts';

export type { LiveFragment, LiveInit } from './live-frame-reader.ts';

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

/** All viewers of a camera. It holds the current GOP's frames while there are pictures, and nothing otherwise. */
export class LiveFragments {
  private readonly log: Log;
  private readonly viewers = new Set<Viewer>();
  private run: LiveFrameReader | null = null;
  private init: LiveInit | null = null;
  /** The frames since the last keyframe; null when they were too many bytes. */
  private held: LiveFragment[] | null = null;
  private heldBytes = 0;
  /** Whether viewers were told of a stream's beginning and not of its end. */
  private isShowing = false;

  constructor(log: Log) {
    this.log = log;
  }

  /**
   * Adds a viewer, which before this returns has been told the stream's beginning and its frames since the last keyframe, if there is
   * a stream. Returns what removes it again; removed, it is told nothing more.
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

  /** A run of ffmpeg begins, in place of the one before if there was one; what it writes is written to what this returns. */
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

  /** Ends the stream: what was held is gone when this returns, every viewer knows, and whatever the run still writes reaches nobody. */
  end(): void {
    this.forget();
    if (!this.isShowing) return;
    this.isShowing = false;
    for (const viewer of [...this.viewers]) this.tell(viewer, null, () => viewer.listener.ended());
  }

  /** How many frames are held for viewers to come, and how many bytes, with those that nobody has looked at yet. */
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
   * Tells a viewer what happened in the stream that began with `init`, unless another viewer has ended that meanwhile. A viewer's
   * trouble costs that viewer alone, never the recording.
   */
  private tell(viewer: Viewer, init: LiveInit | null, event: () => void): void {
    if (this.init !== init || !this.viewers.has(viewer)) return;
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
