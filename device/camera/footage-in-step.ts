// For footage with a clock of its own (`reach` of source-interfaces.ts): merges the gray pictures and fragments of two pipes in the
// order of their times, and delivers each when the clock has reached its time.

/** Resolves when the footage's clock has reached `sourceUs`, or when the signal is aborted. Times never go back. */
export type Reach = (sourceUs: number, signal: AbortSignal) => Promise<void>;

type Lane = 'fragments' | 'pictures';

interface Item {
  readonly atUs: number;
  deliver(): Promise<void> | void;
}

/** Items of one lane that may wait for the other: ffmpeg may hold back pictures while it writes fragments, and vice versa. */
const WAITING_MAX = 4_096;

/** The waiting items of one lane, in order of time. */
class Waiting {
  readonly items: Item[] = [];
  isOver = false;
}

export class FootageInStep {
  private readonly lanes = { fragments: new Waiting(), pictures: new Waiting() };
  private readonly reach: Reach;
  private readonly signal: AbortSignal;
  private readonly delivering: Promise<void>;
  private readonly listeners = new Set<() => void>();
  private failed: { readonly thrown: unknown } | null = null;

  constructor(reach: Reach, signal: AbortSignal) {
    this.reach = reach;
    this.signal = signal;
    signal.addEventListener('abort', () => this.changed(), { once: true });
    this.delivering = this.deliverAll().catch((thrown: unknown) => {
      this.failed = { thrown };
      this.changed();
    });
  }

  /**
   * Delivers an item when the source's clock has reached `atUs`. Resolves when the lane may add more, which it may while the other lane
   * is empty, because ffmpeg may wait for us to read. Rejects with the error of delivering an earlier item.
   */
  async add(lane: Lane, atUs: number, deliver: Item['deliver']): Promise<void> {
    const own = this.lanes[lane];
    own.items.push({ atUs, deliver });
    this.changed();
    await this.until(() => own.items.length === 0 || (this.isStarved(lane) && own.items.length < WAITING_MAX));
  }

  /** Ends a lane: no more items follow. */
  over(lane: Lane): void {
    this.lanes[lane].isOver = true;
    this.changed();
  }

  /** Resolves when all items were delivered or the signal was aborted. Rejects with the error of a delivery. */
  async delivered(): Promise<void> {
    await this.delivering;
    if (this.failed) throw this.failed.thrown;
  }

  /** Whether the other lane has no item to compare with. */
  private isStarved(lane: Lane): boolean {
    const other = this.lanes[lane === 'fragments' ? 'pictures' : 'fragments'];
    return other.items.length === 0 && !other.isOver;
  }

  private async deliverAll(): Promise<void> {
    for (;;) {
      await this.until(() => this.isDecided());
      const lane = this.earliest();
      const [item] = lane?.items ?? [];
      if (!lane || !item || this.signal.aborted) return;
      await this.reach(item.atUs, this.signal);
      // A stopped camera films nothing more.
      if (this.signal.aborted) return;
      await item.deliver();
      lane.items.shift();
      this.changed();
    }
  }

  /** Whether it is known which item is next. */
  private isDecided(): boolean {
    return Object.values(this.lanes).every(({ items, isOver }) => isOver || items.length > 0);
  }

  /** The lane with the next item. At equal times fragments come first, so that footage is in the ring before motion is detected in it. */
  private earliest(): Waiting | null {
    const { fragments, pictures } = this.lanes;
    const [fragment] = fragments.items;
    const [picture] = pictures.items;
    if (!fragment) return picture ? pictures : null;
    return picture && picture.atUs < fragment.atUs ? pictures : fragments;
  }

  /** Resolves when the condition holds or the signal was aborted; rejects with the error of a delivery. */
  private async until(holds: () => boolean): Promise<void> {
    while (!this.failed && !this.signal.aborted && !holds()) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.listeners.delete(wake);
          resolve();
        };
        this.listeners.add(wake);
      });
    }
    if (this.failed) throw this.failed.thrown;
  }

  private changed(): void {
    for (const wake of [...this.listeners]) wake();
  }
}
