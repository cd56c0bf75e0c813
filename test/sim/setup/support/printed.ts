import type { ChildProcess } from 'node:child_process';

/** Collects what a program prints, so that a test can wait for a piece of it. */
export class Printed {
  text = '';
  private waiting: (() => void)[] = [];

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => this.take(String(chunk)));
    child.once('close', () => this.take('\n(the program has ended)\n'));
  }

  async find(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text)?.[0];
      if (found !== undefined) return found;
      if (this.text.includes('(the program has ended)')) throw new Error(this.text);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private take(text: string): void {
    this.text += text;
    for (const resume of this.waiting.splice(0)) resume();
  }
}
