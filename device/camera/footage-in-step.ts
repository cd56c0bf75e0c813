// Owns: footage of another time than this process's: gives what two pipes bring, pictures and fragments, in the order of their times,
// each when that time has come. Not here: whose time it is (source-interfaces.ts, `reach`), the pipes (capture-run.ts).

/** Resolves when the footage's time has come to `sourceUs`, or when the signal is aborted. Times never go back. */
export type Reach = (sourceUs: number, signal: AbortSignal) => Promise<void>;

/** Pictures and fragments of one run. */
type Lane = 'fragments' | 'pictures';

interface Item {
  readonly atUs: number;
  give(): Promise<void> | void;
}

/** ffmpeg may hold back pictures while it writes fragments, and the other way round: so much may wait for the other lane. */
const WAITING_MAX = 4_096;

/** What waits in one lane, in order of time. */
class Waiting {
  readonly items: Item[] = [];
  isOver = false;
}

/** One run's pictures and fragments. */
export class FootageInStep {
  private readonly lanes = { fragments: new Waiting(), pictures: new Waiting() };
  private readonly reach: Reach;
  private readonly signal: AbortSignal;
  private readonly giving: Promise<void>;
  private readonly listeners = new Set<() => void>();
  private failed: { readonly thrown: unknown } | null = null;

  constructor(reach: Reach, signal: AbortSignal) {
    this.reach = reach;
    this.signal = signal;
    signal.addEventListener('abort', () => this.changed(), { once: true });
    this.giving = this.giveAll().catch((thrown: unknown) => {
      this.failed = { thrown };
      this.changed();
    });
  }

  /**
   * Gives an item when the time has come to `atUs`, in the source's time. Resolves when the lane may bring more: while the other lane has
   * nothing, more is taken in, for ffmpeg may wait for us to read. Rejects with what giving an earlier item threw.
   */
  async add(lane: Lane, atUs: number, give: Item['give']): Promise<void> {
    const own = this.lanes[lane];
    own.items.push({ atUs, give });
    this.changed();
    await this.until(() => own.items.length === 0 || (this.isStarved(lane) && own.items.length < WAITING_MAX));
  }

  /** The lane brings nothing more. */
  over(lane: Lane): void {
    this.lanes[lane].isOver = true;
    this.changed();
  }

  /** Resolves when all was given, or the signal was aborted. Rejects with what giving threw. */
  async given(): Promise<void> {
    await this.giving;
    if (this.failed) throw this.failed.thrown;
  }

  /** Whether the other lane has brought nothing that this one could be compared with. */
  private isStarved(lane: Lane): boolean {
    const other = this.lanes[lane === 'fragments' ? 'pictures' : 'fragments'];
    return other.items.length === 0 && !other.isOver;
  }

  private async giveAll(): Promise<void> {
    for (;;) {
      await this.until(() => this.isDecided());
      const lane = this.earliest();
      const [item] = lane?.items ?? [];
      if (!lane || !item || this.signal.aborted) return;
      await this.reach(item.atUs, this.signal);
      // What the camera would film after it was stopped does not exist.
      if (this.signal.aborted) return;
      await item.give();
      lane.items.shift();
      this.changed();
    }
  }

  /** Whether it is known what comes next. */
  private isDecided(): boolean {
    return Object.values(this.lanes).every(({ items, isOver }) => isOver || items.length > 0);
  }

  /** At the same time footage comes before pictures: what a picture tells is then in the ring. */
  private earliest(): Waiting | null {
    const { fragments, pictures } = this.lanes;
    const [fragment] = fragments.items;
    const [picture] = pictures.items;
    if (!fragment) return picture ? pictures : null;
    return picture && picture.atUs < fragment.atUs ? pictures : fragments;
  }

  /** Resolves when the condition holds or the signal was aborted; rejects with what giving threw. */
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
