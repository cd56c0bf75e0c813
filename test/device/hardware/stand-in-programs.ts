// Substitute programs, whose output and end a test decides, on its own clock.
import type { ProgramEnd, Programs, RunningProgram } from '../../../device/base/system-programs.ts';

export class StandInProgram implements RunningProgram {
  readonly command: readonly string[];
  readonly ended: Promise<ProgramEnd>;
  isOver = false;
  private readonly output: (chunk: Uint8Array) => void;
  private resolve: (end: ProgramEnd) => void = () => undefined;

  constructor(command: readonly string[], output: (chunk: Uint8Array) => void) {
    this.command = command;
    this.output = output;
    this.ended = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  print(bytes: Uint8Array | string): void {
    if (!this.isOver) this.output(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes);
  }

  end(end: Partial<ProgramEnd> = {}): void {
    this.isOver = true;
    this.resolve({ missing: false, status: 0, words: '', ...end });
  }

  stop(): void {
    if (!this.isOver) this.end({ status: null });
  }
}

export class StandInPrograms implements Programs {
  readonly runs: StandInProgram[] = [];
  /** Output of `--version`. */
  version: string;
  /** Called with each program that is started. */
  started: (program: StandInProgram) => void = () => undefined;

  constructor(version = 'gpiomon (libgpiod) v2.2.1') {
    this.version = version;
  }

  run(command: readonly string[], output: (chunk: Uint8Array) => void = () => undefined): StandInProgram {
    const program = new StandInProgram(command, output);
    if (command.includes('--version')) {
      program.print(`${this.version}\n`);
      program.end();
    } else {
      this.runs.push(program);
      this.started(program);
    }
    return program;
  }

  /** The one started last. */
  get last(): StandInProgram {
    const last = this.runs.at(-1);
    if (!last) throw new Error('no program was started');
    return last;
  }
}
