// Owns: how a story is told: line by line what happened, each checked as it is told, and at the end what it proved.
// Not here: the stories.
import { failure } from '../../device/index.ts';
import type { Output } from '../terminal/output.ts';

export class Narrator {
  private readonly output: Output;
  private readonly story: string;
  private lines = 0;

  constructor(output: Output, story: string) {
    this.output = output;
    this.story = story;
  }

  /** Tells what happened, if it did. Throws `story_failed` when it did not: a story never tells what is not so. */
  tell(text: string, holds: boolean): void {
    if (!holds) throw failure('story_failed', { story: this.story, detail: text });
    this.lines += 1;
    this.output.result({ event: 'told', line: this.lines, text }, `${String(this.lines).padStart(2)}. ${text}`);
  }

  /** Ends with what all of it proved. */
  proved(text: string): void {
    this.output.result({ event: 'proved', story: this.story, lines: this.lines, proved: text }, `\nProved: ${text}`);
  }
}
