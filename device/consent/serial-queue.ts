// Owns: doing one thing at a time, in the order asked, with a limit on how many wait.
// Not here: what is done (gate.ts).

/** Runs jobs one after another; a failed job fails its own promise and nothing else. */
export class SerialQueue {
  private tail: Promise<unknown> = Promise.resolve();
  private waitingCount = 0;

  /** Jobs that have not ended yet. */
  get waiting(): number {
    return this.waitingCount;
  }

  /** Runs `job` after all that came before it. */
  run<Result>(job: () => Promise<Result>): Promise<Result> {
    this.waitingCount += 1;
    const result = this.tail.then(job).finally(() => {
      this.waitingCount -= 1;
    });
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything asked for so far has ended. */
  async idle(): Promise<void> {
    await this.tail;
  }
}
