// Owns: one line of a terminal that says how far a command is, and makes way for others. Not here: what it says.

/** On stderr, and only where that is a terminal. */
export class ProgressLine {
  private readonly isShown: boolean;
  private isThere = false;

  /** `isWanted`: whether a person reads the output. */
  constructor(isWanted: boolean) {
    this.isShown = process.stderr.isTTY === true && isWanted;
  }

  /** Puts a text in the place of the last one. */
  show(text: () => string): void {
    if (!this.isShown) return;
    process.stderr.write(`\r\x1b[K${text()}`);
    this.isThere = true;
  }

  /** Takes it away, so that what is printed next has the line. */
  clear(): void {
    if (this.isThere) process.stderr.write('\r\x1b[K');
    this.isThere = false;
  }
}
