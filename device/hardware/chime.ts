// Owns: what sounds inside when somebody rings: a command of the owner's, and its virtual twin.
// Not here: when it rings (doorbell.ts): after the press was published, never before.

import type { Clock, Timer } from '@doorsill/base/clock';
import type { Programs, RunningProgram } from '@doorsill/base/system-programs';
import { type Failure, failure } from '@doorsill/contract/errors';
import { z } from 'zod';

/** A program with its arguments, as a list: no shell reads it. */
export const commandSchema = z.array(z.string().min(1).max(1_000)).min(1).max(32);

export const chimeSchema = z.strictObject({
  command: commandSchema,
  /** A chime that sounds longer is cut off. */
  timeoutS: z.int().min(1).max(60).default(10),
});

/** A chime, real or virtual. */
export interface Chime {
  /** Lets it sound and returns at once; while it sounds, a further ring changes nothing. */
  ring(): void;
  /** Silence, at once. It can be rung again. */
  stop(): void;
}

/** A chime that nobody hears, which sounds for two seconds. `sounded` is told of each time it begins. */
export class VirtualChime implements Chime {
  private readonly clock: Clock;
  private readonly sounded: () => void;
  private sounding: Timer | null = null;

  constructor(clock: Clock, sounded: () => void = () => undefined) {
    this.clock = clock;
    this.sounded = sounded;
  }

  ring(): void {
    if (this.sounding) return;
    this.sounding = this.clock.after(2_000, () => {
      this.sounding = null;
    });
    this.sounded();
  }

  stop(): void {
    this.sounding?.cancel();
    this.sounding = null;
  }
}

export interface CommandChimeOptions {
  settings: z.infer<typeof chimeSchema>;
  clock: Clock;
  programs: Programs;
  /** It did not sound, or (null) it did. */
  trouble(failure: Failure | null): void;
}

/** Runs a command: `aplay ding-dong.wav`, or whatever switches the bell in the hall. */
export class CommandChime implements Chime {
  private readonly options: CommandChimeOptions;
  private sounding: RunningProgram | null = null;

  constructor(options: CommandChimeOptions) {
    this.options = options;
  }

  ring(): void {
    if (!this.sounding) void this.sound();
  }

  stop(): void {
    this.sounding?.stop();
    this.sounding = null;
  }

  private async sound(): Promise<void> {
    const { settings, clock, programs, trouble } = this.options;
    const run = programs.run(settings.command);
    this.sounding = run;
    let isLate = false;
    const timer = clock.after(settings.timeoutS * 1_000, () => {
      isLate = true;
      run.stop();
    });
    const end = await run.ended;
    timer.cancel();
    // Stopped from outside, and perhaps rung again since: how this one ended is nobody's concern.
    if (this.sounding !== run) return;
    this.sounding = null;
    if (end.status === 0) trouble(null);
    else trouble(failure('hardware_unavailable', { what: 'chime', detail: whyNot(end, isLate, settings.timeoutS) }));
  }
}

function whyNot(end: { missing: boolean; words: string; status: number | null }, isLate: boolean, timeoutS: number) {
  if (isLate) return `its command took longer than ${timeoutS} s`;
  if (end.missing) return 'its command is not there';
  return end.words || `its command ended with status ${end.status}`;
}
