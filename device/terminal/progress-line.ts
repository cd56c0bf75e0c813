// A line of progress on stderr, only where that is a terminal.

/** A line of progress on stderr, shown only where that is a terminal. */
export class ProgressLine {
  private readonly isShown: boolean;
  private isThere = false;

  /** `isWanted`: whether a person reads the output. */
  constructor(isWanted: boolean) {
    this.isShown = process.stderr.isTTY === true && isWanted;
  }

  /** Replaces the line's text. */
  show(text: () => string): void {
    if (!this.isShown) return;
    process.stderr.write(`\r\x1b[K${text()}`);
    this.isThere = true;
  }

  /** Removes the line, so that other output can take its place. */
  clear(): void {
    if (this.isThere) process.stderr.write('\r\x1b[K');
    this.isThere = false;
  }
}
