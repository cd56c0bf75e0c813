// Owns: what a command prints and how it ends: results on stdout, progress and errors on stderr, one line per error.
// Not here: what commands do.
import { type Failure, failure, isFailure } from '../../device/index.ts';

/** How one command talks to its user; made once from the global options. */
export interface Output {
  readonly json: boolean;
  /** A line for people; silent under --json. */
  say(text: string): void;
  /** A step of long work, for people; on stderr, so that results can be piped. */
  progress(text: string): void;
  /** The command's result or one event of it: a JSON line under --json, else the lines of `text`. */
  result(value: object, text: string): void;
}

/** Text for a terminal: lines and nothing else, so that words from outside cannot repaint what stands there. */
function plain(text: string): string {
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}]/gu, ' ');
}

/** Makes the output of a command. */
export function openOutput(json: boolean): Output {
  return {
    json,
    say: (text) => {
      if (!json) process.stdout.write(`${plain(text)}\n`);
    },
    progress: (text) => {
      if (!json) process.stderr.write(`${plain(text)}\n`);
    },
    result: (value, text) => {
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${plain(text)}\n`);
    },
  };
}

/** Whatever was thrown as a coded failure; what nobody expected becomes `internal`. */
export function asFailure(thrown: unknown): Failure {
  if (isFailure(thrown)) return thrown;
  return failure('internal', { detail: thrown instanceof Error ? thrown.message : String(thrown) }, thrown);
}

/** Prints a failure on one line with its code and advice, and sets the exit status. */
export function reportFailure(thrown: unknown, json: boolean): void {
  const failed = asFailure(thrown);
  const body = { error: { code: failed.code, message: failed.message, advice: failed.advice, facts: failed.facts } };
  process.stderr.write(
    json ? `${JSON.stringify(body)}\n` : `doorsill: ${failed.message} ${failed.advice} [${failed.code}]\n`,
  );
  if (failed.code === 'internal' && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
  process.exitCode = failed.exit;
}
