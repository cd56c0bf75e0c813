// The chime inside: a command, or a virtual one.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Programs, RunningProgram } from '@doorsill/base/system-programs';
import { type Failure, failure } from '@doorsill/contract/errors';
import { z } from 'zod';

/** A program with its arguments; run without a shell. */
export const commandSchema = z.array(z.string().min(1).max(1_000)).min(1).max(32);

export const chimeSchema = z.strictObject({
  command: commandSchema,
  /** The command is stopped after this time. */
  timeoutS: z.int().min(1).max(60).default(10),
});

export interface Chime {
  /** Starts the chime and returns at once; ignored while it sounds. */
  ring(): void;
  /** Stops the sound at once. */
  stop(): void;
}

/** A chime without sound, of two seconds. `sounded` is called at each start. */
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
  /** Called after each ring with the failure, or null. */
  trouble(failure: Failure | null): void;
}

/** Runs a command, such as `aplay ding-dong.wav`. */
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
    // Stopped, and perhaps rung again since: the result of this run does not matter.
    if (this.sounding !== run) return;
    this.sounding = null;
    if (end.status === 0) trouble(null);
    else trouble(failure('hardware_unavailable', { what: 'chime', detail: whyNot(end, isLate, settings.timeoutS) }));
  }
}

function whyNot(end: { missing: boolean; words: string; status: number | null }, isLate: boolean, timeoutS: number) {
  if (isLate) return `its command took longer than ${timeoutS} s`;
  if (end.missing) return 'its command was not found';
  return end.words || `its command ended with status ${end.status}`;
}
