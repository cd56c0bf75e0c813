// Runs a small program of the operating system: an argument list, no shell, a bare environment, bounded output. A seam like the disk, so
// that a simulation can own it.
import { spawn } from 'node:child_process';

/** How a program ended. */
export interface ProgramEnd {
  /** It is not installed. */
  missing: boolean;
  /** Exit status; null when a signal ended it or it never ran. */
  status: number | null;
  /** The end of its standard error, for people. */
  words: string;
}

/** A program that was started. */
export interface RunningProgram {
  /** Resolves once it has ended and all its output was passed on; never rejects. */
  readonly ended: Promise<ProgramEnd>;
  /** Ends it and every program it started. Does nothing once it has ended. */
  stop(): void;
}

/** Runs programs. */
export interface Programs {
  /** Starts `command` (program and arguments) and passes on its standard output as it comes. */
  run(command: readonly string[], output?: (chunk: Uint8Array) => void): RunningProgram;
}

const WORDS_LETTERS_MAX = 300;
/** Programs find their libraries and sound card by these variables, and get no others of ours. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'XDG_RUNTIME_DIR', 'ALSA_CONFIG_PATH'];
/** Ends the program when this process dies (setpriv of util-linux): a program left behind would keep its GPIO line or device. */
const DIES_WITH_US = ['setpriv', '--pdeathsig', 'KILL', '--'];
const NO_SETPRIV = 'programs are run under setpriv, which is not installed (on Debian it is part of util-linux)';
/** The exit status of setpriv, as of shells, when the program is not installed. */
const NOT_FOUND = 127;

/** A command that runs `command` and ends it when this process ends, in whatever way; on Linux only. */
export function diesWithUs(command: readonly string[]): readonly string[] {
  return process.platform === 'linux' ? [...DIES_WITH_US, ...command] : command;
}

/** The machine's own programs. */
export class SystemPrograms implements Programs {
  private readonly environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.environment = Object.fromEntries(
      PASSED_ON.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
    );
  }

  run(command: readonly string[], output?: (chunk: Uint8Array) => void): RunningProgram {
    const isGuarded = process.platform === 'linux';
    const [program = '', ...rest] = diesWithUs(command);
    // A process group of its own, so that its children are ended with it, and Ctrl-C on our terminal does not reach it.
    const child = spawn(program, rest, {
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-WORDS_LETTERS_MAX);
    });
    child.stdout.on('data', (chunk: Uint8Array) => output?.(chunk));
    let isOver = false;
    const ended = new Promise<ProgramEnd>((resolve) => {
      child.once('error', (thrown: NodeJS.ErrnoException) => {
        isOver = true;
        const isAbsent = thrown.code === 'ENOENT';
        if (isAbsent && isGuarded) resolve({ missing: false, status: null, words: NO_SETPRIV });
        else resolve({ missing: isAbsent, status: null, words: thrown.message });
      });
      child.once('close', (status) => {
        isOver = true;
        resolve({ missing: status === NOT_FOUND, status, words: words.trim() });
      });
    });
    const stop = () => {
      if (isOver || child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    };
    return { ended, stop };
  }
}
