// Fetches stills while scrubbing: one at a time, always for the newest position; once the finger rests, the exact frame replaces the
// nearest keyframe.
import type { Timer } from './browser-seams.ts';

export interface Still {
  blob: Blob;
  /** Wall time of the frame. */
  atUs: number;
}

export interface StillFetcherDeps {
  fetch(atUs: number, precision: 'key' | 'exact', signal: AbortSignal): Promise<Still>;
  after(delayMs: number, call: () => void): Timer;
  show(still: Still): void;
  /** The picture of the newest position could not be fetched. */
  failed(thrown: unknown): void;
}

/** After this rest the exact frame is fetched. */
const REST_MS = 180;

export class StillFetcher {
  private readonly deps: StillFetcherDeps;
  private wanted: { atUs: number; precision: 'key' | 'exact' } | null = null;
  private asking: AbortController | null = null;
  private rest: Timer | null = null;

  constructor(deps: StillFetcherDeps) {
    this.deps = deps;
  }

  /** Shows the picture of a moment as soon as it is fetched. */
  want(atUs: number): void {
    this.rest?.cancel();
    this.rest = this.deps.after(REST_MS, () => this.ask({ atUs, precision: 'exact' }));
    this.ask({ atUs, precision: 'key' });
  }

  stop(): void {
    this.rest?.cancel();
    this.wanted = null;
    this.asking?.abort();
  }

  private ask(position: { atUs: number; precision: 'key' | 'exact' }): void {
    this.wanted = position;
    if (!this.asking) void this.work();
  }

  private async work(): Promise<void> {
    while (this.wanted) {
      const { atUs, precision } = this.wanted;
      this.wanted = null;
      const asking = new AbortController();
      this.asking = asking;
      try {
        const still = await this.deps.fetch(atUs, precision, asking.signal);
        if (!asking.signal.aborted) this.deps.show(still);
      } catch (thrown) {
        if (!asking.signal.aborted && !this.wanted) this.deps.failed(thrown);
      }
      this.asking = null;
    }
  }
}
