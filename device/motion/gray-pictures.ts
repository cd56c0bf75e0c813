// Owns: handing the camera's small gray pictures to whoever watches them for a while, beside the detector that always does.
// Not here: making them (camera/), looking for motion in them (detector.ts).
import type { GrayFrame } from '../camera/capture.ts';

export class GrayPictures {
  private readonly watchers = new Set<(frame: GrayFrame) => void>();

  /** Calls `watcher`, which must not throw nor keep the pixels, with each picture from now on; returns what ends that. */
  watch(watcher: (frame: GrayFrame) => void): () => void {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }

  give(frame: GrayFrame): void {
    for (const watcher of [...this.watchers]) watcher(frame);
  }
}
