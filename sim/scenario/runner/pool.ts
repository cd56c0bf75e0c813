// Owns: running scenarios at the same time, each in a process that does nothing else meanwhile; a process that ends by itself costs its
// scenario alone. Not here: which scenarios (run-tests.ts), the program of a process (worker.ts).
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SystemClock, type Timer } from '@doorsill/base/clock';
import type { WorkerAnswer, WorkerJob } from './worker-messages.ts';

const PROGRAM = fileURLToPath(new URL('./worker.js', import.meta.url));
/** So much of what a process said is kept for the report of its death. */
const LAST_WORDS_LETTERS = 4_000;

/** What a stopped process needs to end its parts; one that takes longer is killed. */
const STOP_MS_MAX = 8_000;
const machine = new SystemClock();

export type Outcome = Extract<WorkerAnswer, { job: number }>;

export interface PoolOptions {
  workers: number;
  /** Called with each outcome, in the order in which they come. */
  done(outcome: Outcome): void;
}

/** Runs all jobs; resolves when each has its outcome, or the signal was aborted and what ran has ended. */
export async function runInPool(
  jobs: readonly WorkerJob[],
  { workers, done }: PoolOptions,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...jobs];
  const lanes = Array.from({ length: Math.min(workers, jobs.length) }, () => new Lane(waiting, done, signal));
  await Promise.all(lanes.map((lane) => lane.run()));
}

/** One process after the other, usually one alone. */
class Lane {
  private readonly waiting: WorkerJob[];
  private readonly done: PoolOptions['done'];
  private readonly signal: AbortSignal;

  constructor(waiting: WorkerJob[], done: PoolOptions['done'], signal: AbortSignal) {
    this.waiting = waiting;
    this.done = done;
    this.signal = signal;
  }

  async run(): Promise<void> {
    while (this.waiting.length > 0 && !this.signal.aborted) await this.runProcess();
  }

  /** Gives a process jobs until there are no more, or it has ended. */
  private runProcess(): Promise<void> {
    const child = fork(PROGRAM, [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const words = lastWordsOf(child);
    let current: WorkerJob | null = null;
    const leave = () => void (child.connected && child.disconnect());
    const next = () => {
      current = this.signal.aborted ? null : (this.waiting.shift() ?? null);
      if (current) child.send(current);
      else leave();
    };
    let patience: Timer | null = null;
    const stop = () => {
      child.kill('SIGTERM');
      patience = machine.after(STOP_MS_MAX, () => child.kill('SIGKILL'));
    };
    this.signal.addEventListener('abort', stop, { once: true });
    return new Promise((resolve) => {
      child.on('message', (answer: WorkerAnswer) => {
        if ('job' in answer) {
          current = null;
          if (!this.signal.aborted || 'run' in answer) this.done(answer);
        }
        // What a failure has left in a process could spoil what follows.
        if ('error' in answer) leave();
        else next();
      });
      child.once('exit', (code, how) => {
        this.signal.removeEventListener('abort', stop);
        patience?.cancel();
        if (current && !this.signal.aborted) {
          const message = `the process that ran it ended (${how ?? `status ${code}`})`;
          this.done({ job: current.job, error: { message, stack: words() } });
        }
        resolve();
      });
      child.once('error', () => undefined);
    });
  }
}

/** The end of what a process wrote. */
function lastWordsOf(child: ChildProcess): () => string {
  let words = '';
  for (const pipe of [child.stdout, child.stderr]) {
    pipe?.on('data', (bytes: Buffer) => {
      words = (words + bytes.toString('utf8')).slice(-LAST_WORDS_LETTERS);
    });
  }
  return () => words;
}
