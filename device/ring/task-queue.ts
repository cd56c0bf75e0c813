// Owns: one thing after the other, in the order asked for, with a bound on what waits.
// Not here: what the tasks are (ring-file.ts, ring-memory.ts).

/** Runs tasks one at a time. A task that fails does not stop the next. */
export class TaskQueue {
  private readonly weightMax: number;
  private weight = 0;
  private tail: Promise<unknown> = Promise.resolve();

  /** `weightMax`: the sum of weights that may wait or run at once, e.g. bytes held in memory. */
  constructor(weightMax: number) {
    this.weightMax = weightMax;
  }

  /** Whether a task of this weight may be added now. */
  hasRoom(weight: number): boolean {
    return this.weight + weight <= this.weightMax;
  }

  /** Runs `task` after all that were added before it. */
  run<Result>(task: () => Promise<Result>, weight = 0): Promise<Result> {
    this.weight += weight;
    const result = this.tail.then(task).finally(() => {
      this.weight -= weight;
    });
    this.tail = result.catch(() => undefined);
    return result;
  }
}
