// Owns: when doorbells of a process are started: in the order in which their time comes, a bounded number at the same time, and one after the
// other while those that run are late. Not here: when their time comes, and how one is started (fleet-process.ts).

export interface PacedStartsOptions {
  /** At most so many are being started at the same time. */
  readonly atOnce: number;
  /** Whether what runs is late. Starts take processor time from it: too many of them, and a full machine never catches up. */
  readonly isLate: () => boolean;
}

/** A start; it does not throw. */
type Start = () => Promise<void>;

export class PacedStarts {
  private readonly options: PacedStartsOptions;
  private readonly waiting: Start[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private isOver = false;

  constructor(options: PacedStartsOptions) {
    this.options = options;
  }

  /** Starts it when its turn comes, maybe at once. */
  add(start: Start): void {
    this.waiting.push(start);
    this.fill();
  }

  /** Starts nothing any more; resolves when what is being started has ended. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.underWay);
  }

  private fill(): void {
    // One always goes on: a machine that stays late starts its doorbells slowly, and tells how late they are.
    const { atOnce, isLate } = this.options;
    while (!this.isOver && this.underWay.size < (isLate() ? 1 : atOnce)) {
      const next = this.waiting.shift();
      if (!next) return;
      const started = next().finally(() => {
        this.underWay.delete(started);
        this.fill();
      });
      this.underWay.add(started);
    }
  }
}
