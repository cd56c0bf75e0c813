// Running the built command line under strace with one fault in it: the process killed at, or an error returned by, the n-th call of one
// system call on named files.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../device/base/disk.ts';
import { root } from '../layout/source-tree.ts';
import type { Line } from './command-line.ts';

const ENTRY = join(root, 'sim/dist/cli/entry.js');
const READY_MS_MAX = 60_000;

/** What goes wrong in one run. */
export interface Fault {
  /** The system call's name, e.g. `pwrite64`. */
  call: string;
  /** Which call of each thread, from 1; the fault comes before the call is carried out. */
  at: number;
  how: 'KILL' | 'ENOSPC' | 'EIO' | 'EROFS' | 'EMFILE';
  /** Whether all later calls fail too, as on a disk that stays full. */
  onwards?: boolean;
}

export interface TraceOptions {
  /** Only calls on these files and folders count. */
  paths: readonly string[];
  /** The calls to write down in `log`. */
  calls: readonly string[];
  faults: readonly Fault[];
  log: string;
}

/** strace's own command line. (With --seccomp-bpf, strace 6.13 does not count past the first call.) */
export function straceWords({ paths, calls, faults, log }: TraceOptions): string[] {
  const inject = faults.flatMap(({ call, at, how, onwards }) => {
    const what = how === 'KILL' ? 'signal=KILL' : `error=${how}`;
    return ['-e', `inject=${call}:${what}:when=${at}${onwards ? '+' : ''}`];
  });
  const only = paths.flatMap((path) => ['-P', path]);
  return ['-f', '-qq', '-o', log, ...only, '-e', `trace=${calls.join(',')}`, ...inject];
}

/** A file, and its temporary one while it is replaced by a program with `traceEnvironment`. */
export function withTemporary(path: string): string[] {
  return [path, path.replace(/([^/]+)$/, `.$1.doorsill-${'0'.repeat(18)}.tmp`)];
}

/** Of programs under strace: one thread does the file calls, and temporary files have names that are known. */
export const traceEnvironment = {
  UV_THREADPOOL_SIZE: '1',
  UV_USE_IO_URING: '0',
  NODE_OPTIONS: `--import ${new URL('known-temporaries.mjs', import.meta.url).href}`,
};

/** One call that a run made on the named files. */
export interface TracedCall {
  call: string;
  /** Which of this call's, from 1. */
  nth: number;
  /** As strace shows it. */
  text: string;
}

/** The calls of the thread that does the file calls, in order: the one that made the most of them. */
export function tracedCalls(log: string): TracedCall[] {
  const threads = new Map<string, TracedCall[]>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    const made = threads.get(thread) ?? [];
    made.push({ call, nth: made.filter((one) => one.call === call).length + 1, text: line });
    threads.set(thread, made);
  }
  return [...threads.values()].sort((a, b) => b.length - a.length)[0] ?? [];
}

/** Whether a fault came to pass: strace marks the calls it changed, and a killed process's last call has no end. */
export function faultCame(log: string): boolean {
  return readFileSync(log, 'utf8').includes('(INJECTED');
}

/** A doorbell that runs, wherever: what `PartProcess` says of each. */
export type DoorProcess = Pick<PartProcess, 'stderr' | 'how' | 'ready' | 'pid' | 'stop'>;

/** One run of a part, traced or not. */
export class PartProcess {
  private readonly child: ChildProcess;
  private readonly lines: Line[] = [];
  private rest = '';
  private words = '';
  private onLine: () => void = () => undefined;
  /** Resolves when it has ended, with how: a signal's name or an exit status. */
  readonly ended: Promise<string>;
  private end: string | null = null;

  /** `under`: a command that runs it, e.g. in a namespace. */
  constructor(
    args: readonly string[],
    { trace, under = [] }: { trace?: TraceOptions; under?: readonly string[] } = {},
  ) {
    const strace = trace ? ['strace', ...straceWords(trace), '--'] : [];
    const [program = '', ...words] = [...under, ...strace, process.execPath, ENTRY, ...args, '--json'];
    this.child = spawn(program, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...traceEnvironment, ...(trace ? {} : { NODE_OPTIONS: process.env['NODE_OPTIONS'] }) },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      const parts = (this.rest + chunk.toString()).split('\n');
      this.rest = parts.pop() ?? '';
      for (const part of parts) if (part.startsWith('{')) this.lines.push(JSON.parse(part));
      this.onLine();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.words += chunk.toString();
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.end = signal ?? `status ${code}`;
        this.onLine();
        resolve(this.end);
      });
    });
  }

  get stderr(): string {
    return this.words;
  }

  /** How it ended; null while it runs. */
  get how(): string | null {
    return this.end;
  }

  /** The ready line; null when it ends before that. */
  async ready(): Promise<Line | null> {
    let timer: NodeJS.Timeout | undefined;
    const found = await new Promise<Line | null>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not ready in time\n${this.words}`)), READY_MS_MAX);
      this.onLine = () => {
        const line = this.lines.find((each) => each['event'] === 'ready');
        if (line || this.end !== null) resolve(line ?? null);
      };
      this.onLine();
    });
    clearTimeout(timer);
    return found;
  }

  /** The part's own process, strace left out; null while it has not said so. */
  get pid(): number | null {
    const pid = this.lines.find((line) => line['event'] === 'ready')?.['pid'];
    return typeof pid === 'number' ? pid : null;
  }

  /** Sends a signal to the part itself and waits for its end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<string> {
    if (this.end === null) signalUnlessGone(this.pid ?? this.child.pid ?? 0, signal);
    return this.ended;
  }
}

/** A process may have ended a moment before this one hears of it. */
function signalUnlessGone(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (systemCode(thrown) !== 'ESRCH') throw thrown;
  }
}
