import type { Output } from '@doorsill/device/terminal/output';
import { failure } from '../errors.ts';

/** Prints a story: one line for each step, checked before it is printed, and finally what the story proved. */
export class Narrator {
  private readonly output: Output;
  private readonly story: string;
  private lines = 0;

  constructor(output: Output, story: string) {
    this.output = output;
    this.story = story;
  }

  /** Prints one step. Throws `story_failed` unless it `holds`: a story never prints a false claim. */
  tell(text: string, holds: boolean): void {
    if (!holds) throw failure('story_failed', { story: this.story, detail: text });
    this.lines += 1;
    this.output.result({ event: 'told', line: this.lines, text }, `${String(this.lines).padStart(2)}. ${text}`);
  }

  /** Ends the story with what it proved. */
  proved(text: string): void {
    this.output.result({ event: 'proved', story: this.story, lines: this.lines, proved: text }, `\nProved: ${text}`);
  }
}
