// ffmpeg as a child process: a bare environment, short jobs over pipes, reliable ends. A capture is started in start-ffmpeg.ts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import { assert } from '@doorsill/contract/assert';
import { concatBytes } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { didNotStart, type Freedom, limited } from './ffmpeg-kernel-limits.ts';
import type { FfmpegProcess, ProcessEnd, StartOptions } from './ffmpeg-process.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';

/** ffmpeg refuses larger allocations; the largest picture and the index of a day's footage need less. */
const ALLOCATION_BYTES_MAX = 256 * 1024 * 1024;

/** First arguments of every call: no banner, no reading of the terminal, no progress, limited allocations. */
export const COMMON_ARGS = [
  '-hide_banner',
  '-nostdin',
  '-nostats',
  '-max_alloc',
  String(ALLOCATION_BYTES_MAX),
] as const;

/** The decoder refuses pictures with more pixels. */
export const PIXELS_MAX = 8192 * 4320;

/** Environment variables passed to ffmpeg. Not FFREPORT, which writes files, nor proxies. */
const ENVIRONMENT_KEPT = ['PATH', 'LD_LIBRARY_PATH', 'TMPDIR', 'SystemRoot'];

const WORDS_LENGTH_MAX = 4_096;
const WORDS_SHOWN_MAX = 300;

/** Removes user names, passwords and queries (cameras take tokens there) from any address in a text. */
export function withoutCredentials(text: string): string {
  return text
    .replaceAll(/([a-z][a-z0-9+.-]{1,20}:\/\/)\S*@/gi, '$1***@')
    .replaceAll(/([a-z][a-z0-9+.-]{1,20}:\/\/[^\s?]*\?)\S+/gi, '$1***');
}

/** Lines of stderr that report a fault, at `-loglevel level+...`. */
const FAULT = /\[(?:error|fatal|panic)\]/;

/** The last `many` faults that a process reported, in one short line. */
export function lastFaults(text: string, many = 3): string {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const faults = lines.filter((line) => FAULT.test(line));
  const words = (faults.length > 0 ? faults : lines.filter((line) => !line.includes('[info]')))
    .slice(-many)
    .map((line) => line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] ?|\[(?:error|fatal|panic|warning)\] ?/g, '').trim())
    .join('; ')
    .slice(0, WORDS_SHOWN_MAX);
  return words === '' ? 'it printed no error' : withoutCredentials(words);
}

/**
 * Starts ffmpeg under the limits of `ffmpeg-kernel-limits.ts`. `pipes` makes descriptors 3, 4, ... pipes, too, as `pipe:3` in the
 * arguments. Never throws: a process that cannot start ends at once with status null.
 */
export function startFfmpeg(ffmpeg: Ffmpeg, args: readonly string[], options: StartOptions = {}): FfmpegProcess {
  if (ffmpeg.start) return ffmpeg.start(args, options);
  const env = Object.fromEntries(ENVIRONMENT_KEPT.map((name) => [name, process.env[name]]));
  const extra = Array.from({ length: options.pipes ?? 0 }, () => 'pipe' as const);
  const [first = ffmpeg.path, ...rest] = [...(ffmpeg.before ?? []), ffmpeg.path, ...args];
  const program = limited(first, rest, options);
  const child = spawn(program.path, [...program.args], {
    stdio: ['pipe', 'pipe', 'pipe', ...extra],
    env,
    windowsHide: true,
  });
  if (options.isBackground) lowerPriority(child.pid);
  let text = '';
  let unfinished = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-WORDS_LENGTH_MAX);
    const lines = (unfinished + chunk).split(/[\r\n]+/);
    unfinished = (lines.pop() ?? '').slice(-WORDS_LENGTH_MAX);
    for (const line of lines) options.onLine?.(line);
  });
  // A pipe breaks when the process is gone, which `ended` reports; an unhandled error would end our own process.
  for (const stream of child.stdio) stream?.on('error', () => {});
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ status: null, signal: null, words: lastFaults(error.message) });
    });
    child.once('close', (status, signal) =>
      resolve({ status: didNotStart(status) ? null : status, signal, words: lastFaults(text) }),
    );
  });
  const kill = () => void child.kill('SIGKILL');
  return {
    child,
    ended,
    kill,
    end: async (clock, graceMs) => {
      const timer = clock.after(graceMs, kill);
      child.kill('SIGTERM');
      const end = await ended;
      timer.cancel();
      return end;
    },
  };
}

/** Gives a process the lowest priority. */
function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended, or the system does not permit it.
  }
}

/** A short job of ffmpeg. */
export interface FfmpegJob extends Freedom {
  /** Runs at the lowest priority. */
  readonly isBackground?: boolean;
  /** Names the job in errors, e.g. 'encoding the first GOP'. */
  readonly doing: string;
  /** Arguments after the common ones; inputs come from `pipe:0`, results go to `pipe:1`. */
  readonly args: readonly string[];
  /** Bytes for stdin; absent: none. */
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Called with each chunk of stdout as it comes, awaited; when absent, stdout is collected. */
  readonly onStdout?: (chunk: Uint8Array) => void | Promise<void>;
  /** The job fails if stdout has more bytes. */
  readonly stdoutBytesMax: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Ends the job; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with each line of stderr. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs ffmpeg once and returns its stdout (empty with `onStdout`). Throws `ffmpeg_failed`, the errors of `stdin` and `onStdout`, or
 * the signal's reason; in every case the process is gone when it returns.
 */
export async function runFfmpeg(ffmpeg: Ffmpeg, job: FfmpegJob): Promise<Uint8Array> {
  job.signal?.throwIfAborted();
  // A limit of processor time inside ffmpeg, besides the timer's limit of wall time.
  const processorS = String(Math.max(1, Math.ceil(job.timeoutMs / 1000)) * 4);
  const args = [
    ...COMMON_ARGS,
    '-loglevel',
    job.onLine ? 'level+info' : 'level+error',
    '-timelimit',
    processorS,
    ...job.args,
  ];
  const running = startFfmpeg(ffmpeg, args, {
    files: job.files === true,
    isBackground: job.isBackground === true,
    ...(job.onLine ? { onLine: job.onLine } : {}),
  });
  let broken: unknown = null;
  const breakOff = (reason: unknown) => {
    broken ??= reason;
    running.kill();
  };
  const onAbort = () => breakOff(job.signal?.reason);
  job.signal?.addEventListener('abort', onAbort, { once: true });
  const timer = job.clock.after(job.timeoutMs, () => breakOff(ffmpegFailed(job, 'it took too long')));
  const chunks: Uint8Array[] = [];
  try {
    // Not awaited: a source that still waits for data after ffmpeg has ended must not block the caller.
    feed(running.child.stdin, job.stdin).catch(breakOff);
    const reading = drain(running.child.stdout, job, chunks).catch(breakOff);
    const end = await running.ended;
    await reading;
    if (broken === null && end.status !== 0) breakOff(ffmpegFailed(job, end.signal ?? end.words));
  } finally {
    timer.cancel();
    job.signal?.removeEventListener('abort', onAbort);
  }
  if (broken !== null) throw broken;
  return concatBytes(chunks);
}

function ffmpegFailed(job: FfmpegJob, detail: string): Error {
  return failure('ffmpeg_failed', { doing: job.doing, detail });
}

/** Writes all of `source`, waiting while the pipe is full; returns when ffmpeg closes it, because it needs no more. */
async function feed(pipe: Writable | null, source: FfmpegJob['stdin']): Promise<void> {
  if (!pipe) return;
  if (source !== undefined) {
    for await (const chunk of source instanceof Uint8Array ? [source] : source) {
      if (!(await writeTo(pipe, chunk))) return;
    }
  }
  pipe.end();
}

/** Writes one chunk and waits for room; returns false when the pipe is closed. */
export async function writeTo(pipe: Writable, chunk: Uint8Array): Promise<boolean> {
  if (pipe.destroyed || pipe.writableEnded) return false;
  if (pipe.write(chunk)) return true;
  const closed = new AbortController();
  try {
    return await Promise.race([
      once(pipe, 'drain', { signal: closed.signal }).then(() => true),
      once(pipe, 'close', { signal: closed.signal }).then(() => false),
    ]).catch(() => false);
  } finally {
    closed.abort();
  }
}

async function drain(pipe: Readable | null, job: FfmpegJob, into: Uint8Array[]): Promise<void> {
  if (!pipe) return;
  let total = 0;
  for await (const chunk of pipe) {
    assert(chunk instanceof Uint8Array, 'stdout gives bytes');
    total += chunk.length;
    if (total > job.stdoutBytesMax) throw ffmpegFailed(job, `more than ${job.stdoutBytesMax} bytes came out`);
    if (job.onStdout) await job.onStdout(chunk);
    else into.push(chunk);
  }
}
