/** Runs tasks one at a time, in order. A failing task rejects its own promise and stops no other. */
export class TaskQueue {
  private readonly weightMax: number;
  private weight = 0;
  private waitingCount = 0;
  private tail: Promise<unknown> = Promise.resolve();

  /** `weightMax`: the sum of weights that may wait or run at once, e.g. bytes held in memory. */
  constructor(weightMax = Number.POSITIVE_INFINITY) {
    this.weightMax = weightMax;
  }

  /** Tasks that have not ended yet. */
  get waiting(): number {
    return this.waitingCount;
  }

  /** Whether a task of this weight may be added now. */
  hasRoom(weight: number): boolean {
    return this.weight + weight <= this.weightMax;
  }

  /** Runs `task` after all that were added before it. */
  run<Result>(task: () => Promise<Result>, weight = 0): Promise<Result> {
    this.weight += weight;
    this.waitingCount += 1;
    const result = this.tail.then(task).finally(() => {
      this.weight -= weight;
      this.waitingCount -= 1;
    });
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all tasks added so far have ended. */
  async idle(): Promise<void> {
    await this.tail;
  }
}
