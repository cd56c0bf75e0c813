// Distributes live frames to viewers, one fragment a frame. Holds the current GOP, so that a new viewer can begin at once.
import type { Log } from '@doorsill/base/log';
import { type LiveFragment, LiveFrameReader, type LiveInit, type LiveRunContext } from './live-frame-reader.ts';

export type { LiveFragment, LiveInit } from './live-frame-reader.ts';

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
      this.log.error('a viewer of the live picture failed', { detail: String(thrown) });
    }
  }

  private clear(): void {
    this.held = null;
    this.heldBytes = 0;
  }
}
