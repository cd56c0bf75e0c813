import { CodedError } from '@doorsill/contract/errors/coded-error';
import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';

/** Shorter trouble is not reported: links and cameras come back by themselves. */
const LASTING_MS = 30_000;

/** Logs a warning about trouble that has lasted 30 s, and another one only after it was over in between. */
export class LastingTrouble {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly message: string;
  private why: Error | null = null;
  private timer: Timer | null = null;

  /** `message`: of the log line. */
  constructor(seams: { clock: Clock; log: Log }, message: string) {
    this.clock = seams.clock;
    this.log = seams.log;
    this.message = message;
  }

  /** Sets the present trouble; null: there is none. The warning after 30 s has the latest one. */
  is(why: Error | null): void {
    this.why = why;
    if (why === null) {
      this.timer?.cancel();
      this.timer = null;
    } else this.timer ??= this.clock.after(LASTING_MS, () => this.warn());
  }

  private warn(): void {
    const { why } = this;
    if (why === null) return;
    const coded = why instanceof CodedError ? { code: why.code, advice: why.advice } : {};
    this.log.warn(this.message, { detail: why.message, ...coded, forS: LASTING_MS / 1_000 });
  }
}
