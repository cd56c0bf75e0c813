// Owns: the steps that undo a start, collected while a part starts and run last first when it stops or its start fails.
type UndoStep = () => Promise<void> | void;

/** What has to be undone of a part's start. */
export class UndoSteps {
  private steps: UndoStep[] = [];

  readonly add = (step: UndoStep): void => {
    this.steps.push(step);
  };

  /** Runs the steps, last first, and forgets them. Rejects with a step's error; the steps before it are not run then. */
  async run(): Promise<void> {
    const steps = this.steps.reverse();
    this.steps = [];
    for (const step of steps) await step();
  }
}
