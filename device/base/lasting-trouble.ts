// Owns: warning of a trouble that has lasted, once until it is over. Not here: what is in trouble, and when that is over.

import { CodedError } from '@doorsill/contract/errors/coded-error';
import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';

/** What is over sooner is no news: links and cameras come back by themselves. */
const LASTING_MS = 30_000;

/** Warns once of a trouble that has lasted 30 s, and again only when it was over in between. */
export class LastingTrouble {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly message: string;
  private why: Error | null = null;
  private timer: Timer | null = null;

  /** `message`: the log's line. */
  constructor(seams: { clock: Clock; log: Log }, message: string) {
    this.clock = seams.clock;
    this.log = seams.log;
    this.message = message;
  }

  /** There is trouble, for this reason by now; null: there is none, or none any more. The reason that is known at the end of 30 s is told. */
  is(why: Error | null): void {
    this.why = why;
    if (why === null) {
      this.timer?.cancel();
      this.timer = null;
    } else this.timer ??= this.clock.after(LASTING_MS, () => this.tell());
  }

  private tell(): void {
    const { why } = this;
    if (why === null) return;
    const coded = why instanceof CodedError ? { code: why.code, advice: why.advice } : {};
    this.log.warn(this.message, { detail: why.message, ...coded, forS: LASTING_MS / 1_000 });
  }
}
