// A viewer of the live picture that records its calls.
import type { LiveFragment, LiveInit, LiveListener } from '../../../../device/camera/live-fragments.ts';

export class LiveViewer implements LiveListener {
  /** Calls in order; consecutive frames are one entry. */
  readonly told: ('init' | 'frames' | 'ended')[] = [];
  readonly inits: LiveInit[] = [];
  readonly fragments: LiveFragment[] = [];
  private watchers: (() => void)[] = [];

  init(init: LiveInit): void {
    this.inits.push(init);
    this.note('init');
  }

  fragment(fragment: LiveFragment): void {
    this.fragments.push(fragment);
    this.note('frames');
  }

  ended(): void {
    this.note('ended');
  }

  /** Resolves when `condition` holds; checked at every call. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }

  private note(what: 'init' | 'frames' | 'ended'): void {
    if (what !== 'frames' || this.told.at(-1) !== 'frames') this.told.push(what);
    for (const watcher of this.watchers.splice(0)) watcher();
  }
}
