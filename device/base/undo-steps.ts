type UndoStep = () => Promise<void> | void;

/** Steps that undo a start, collected while a part starts and run in reverse when it stops or its start fails. */
export class UndoSteps {
  private steps: UndoStep[] = [];

  readonly add = (step: UndoStep): void => {
    this.steps.push(step);
  };

  /** Runs and forgets the steps, last first. Rejects with a step's error; the steps that were added before it are not run then. */
  async run(): Promise<void> {
    const steps = this.steps.reverse();
    this.steps = [];
    for (const step of steps) await step();
  }
}
