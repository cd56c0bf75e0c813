// Distributes the camera's gray pictures to temporary watchers, besides the detector.
import type { GrayFrame } from '../camera/capture.ts';

export class GrayPictures {
  private readonly watchers = new Set<(frame: GrayFrame) => void>();

  /** Calls `watcher`, which must not throw or keep the pixels, with each picture; returns a function that ends it. */
  watch(watcher: (frame: GrayFrame) => void): () => void {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }

  publish(frame: GrayFrame): void {
    for (const watcher of [...this.watchers]) watcher(frame);
  }
}
