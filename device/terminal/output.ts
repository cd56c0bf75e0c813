// A command's output and exit status: results on stdout, progress and errors on stderr, one line per error.
import { systemCode } from '@doorsill/base/disk';
import { plainFault } from '@doorsill/base/schema-fault';
import { ZodError } from 'zod';
import { type Failure, failure, isFailure } from './errors.ts';
import { inOwnWords } from './shell-words.ts';

/** The output of one command; made once from the global options. */
export interface Output {
  readonly json: boolean;
  /** A line for people; silent under --json. */
  say(text: string): void;
  /** Progress of a long task, for people; on stderr, so that results can be piped. */
  progress(text: string): void;
  /** The command's result or one event of it: a JSON line under --json, else the lines of `text`. */
  result(value: object, text: string): void;
}

/** Replaces control characters except line ends by spaces, so that foreign text cannot control the terminal. */
function plain(text: string): string {
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}]/gu, ' ');
}

/**
 * A value as a line of JSON without invisible characters: characters that JSON allows unescaped, but that control a terminal (C1) or
 * reverse a line's direction (Unicode Standard Annex #9 §2), are escaped, too.
 */
export function jsonLine(value: unknown): string {
  const escaped = (unseen: string) =>
    unseen.replaceAll(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${JSON.stringify(value).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)}\n`;
}

/** Makes the output of a command. */
export function openOutput(json: boolean): Output {
  return {
    json,
    say: (text) => {
      if (!json) process.stdout.write(`${plain(inOwnWords(text))}\n`);
    },
    progress: (text) => {
      if (!json) process.stderr.write(`${plain(inOwnWords(text))}\n`);
    },
    result: (value, text) => {
      process.stdout.write(json ? jsonLine(value) : `${plain(inOwnWords(text))}\n`);
    },
  };
}

/** Operating system errors of a path that does not exist or that the user may not use. */
const UNUSABLE_FILE = new Set([
  ...['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ENOENT', 'EEXIST'],
  ...['ENAMETOOLONG', 'ELOOP', 'EFBIG'],
]);
/** System calls on network addresses. */
const ADDRESS_CALLS = new Set(['listen', 'bind', 'getaddrinfo']);
const FULL_DISK = new Set(['ENOSPC', 'EDQUOT']);

/** Converts any thrown value into a coded failure; an unexpected error becomes `internal`. */
export function asFailure(thrown: unknown): Failure {
  if (isFailure(thrown)) return thrown;
  const code = systemCode(thrown);
  if (thrown instanceof Error && code !== null && 'syscall' in thrown && ADDRESS_CALLS.has(String(thrown.syscall)))
    return failure('address_unusable', { detail: thrown.message }, thrown);
  if (thrown instanceof Error && code !== null && FULL_DISK.has(code))
    return failure('disk_full', { detail: thrown.message }, thrown);
  if (thrown instanceof Error && code !== null && UNUSABLE_FILE.has(code)) {
    return failure('file_unusable', { detail: thrown.message }, thrown);
  }
  if (thrown instanceof ZodError) return failure('internal', { detail: plainFault(thrown) }, thrown);
  return failure('internal', { detail: thrown instanceof Error ? thrown.message : String(thrown) }, thrown);
}

/** Joins message and advice as sentences: a message may end in another program's text without a full stop. */
export function sentences(message: string, advice: string): string {
  const words = message.replace(/[\s;,:]+$/, '');
  return `${words}${/[.!?…]$/.test(words) ? '' : '.'} ${advice}`;
}

/** Prints a failure on one line with its code and advice, and sets the exit status. */
export function reportFailure(thrown: unknown, json: boolean): void {
  const failed = asFailure(thrown);
  const { code, facts } = failed;
  const [message, advice] = [inOwnWords(failed.message), inOwnWords(failed.advice)];
  const body = { error: { code, message, advice, facts } };
  process.stderr.write(json ? jsonLine(body) : `doorsill: ${plain(sentences(message, advice))} [${code}]\n`);
  if (!json && failed.code === 'internal' && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
  process.exitCode = failed.exit;
}
